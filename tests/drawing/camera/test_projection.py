"The camera against OpenCV's own projection."
import cv2
import numpy as np

from alpr_nb.drawing.camera.projection import Pen, look_at


def test_camera_agrees_with_opencv():
    focal, distance, yaw, pitch, roll = 900., 7000., .3, .2, .1
    P = look_at((100, 500, 0), (310, 170), focal, distance, yaw, pitch, roll)
    pts = np.random.default_rng(0).uniform((-1500, 0, -500), (1500, 2500, 3000), (20, 3))
    K = np.array([[focal, 0, 310], [0, focal, 170], [0, 0, 1.]])
    R = np.linalg.inv(K) @ P[:, :3]
    # OpenCV wants a right-handed rotation: heights run upwards here, so they change sign
    flip = np.diag([1, -1, 1.])
    assert np.allclose(R @ R.T, np.eye(3)) and np.isclose(np.linalg.det(R @ flip), 1)
    want = cv2.projectPoints(pts @ flip, cv2.Rodrigues(R @ flip)[0], np.linalg.inv(K) @ P[:, 3], K, None)[0][:, 0]
    assert np.allclose(Pen(None, P).at(pts), want, atol=1e-6)
