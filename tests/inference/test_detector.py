from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.core.boxes import nms
from alpr_nb.inference.config import DetectorConfig
from alpr_nb.inference.detector import Detector, DetectorError, postprocess
from alpr_nb.inference.letterbox import blob, letterbox, plan_letterbox
from onnx_models import colour_model, fixed_model


def random_boxes(rng, n):
    xy = rng.random((n, 2))*100
    return np.hstack([xy, xy + 5 + rng.random((n, 2))*40]).astype(np.float32)


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('limit', [.2, .45, .7])
def test_nms_agrees_with_torchvision(seed, limit):
    torch, ops = pytest.importorskip('torch'), pytest.importorskip('torchvision').ops
    rng = np.random.default_rng(seed)
    boxes, scores, classes = random_boxes(rng, 300), rng.random(300).astype(np.float32), rng.integers(0, 4, 300)
    t = torch.from_numpy
    assert nms(boxes, scores, limit).tolist() == ops.nms(t(boxes), t(scores), limit).tolist()
    separate = nms(boxes, scores, limit, classes).tolist()
    assert separate == ops.batched_nms(t(boxes), t(scores), t(classes), limit).tolist()


@settings(deadline=None)
@given(st.integers(1, 4000), st.integers(1, 4000), st.sampled_from([128, 256, 512]))
def test_a_letterbox_is_a_rectangle_of_strides_without_distortion(height, width, size):
    f = plan_letterbox((height, width), size)
    assert f.shape[0] % 32 == f.shape[1] % 32 == 0 and max(f.shape) == size and max(f.inner) == size
    assert all(0 <= s - i < 32 for s, i in zip(f.shape, f.inner))
    ideal = np.array([height, width])*size/max(height, width)
    assert np.abs(np.array(f.inner) - ideal).max() <= .5 or min(f.inner) == 1
    corners = np.float32([[f.left, f.top, f.left + f.inner[1], f.top + f.inner[0]]])
    assert np.allclose(f.to_image(corners), [[0, 0, width, height]], atol=1e-2*max(1, max(height, width)/1000))


def test_letterbox_agrees_with_yolov5():
    pytest.importorskip('yolov5')
    import alpr_nb.training.yolov5_compat # noqa: F401  before yolov5, so that it stays quiet and offline
    from yolov5.utils import augmentations as aug

    image = np.random.default_rng(0).integers(0, 256, (90, 260, 3), dtype=np.uint8)
    for shape, size in (((90, 260), 256), ((77, 130), 256), ((200, 150), 128)):
        part = np.ascontiguousarray(np.resize(image, (*shape, 3)))
        theirs, _, _ = aug.letterbox(part, size, auto=True, stride=32)
        assert np.array_equal(letterbox(part, plan_letterbox(shape, size)), theirs)


def test_blob_agrees_with_opencv():
    images = [np.random.default_rng(i).integers(0, 256, (64, 96, 3), dtype=np.uint8) for i in range(3)]
    assert np.allclose(blob(images), cv2.dnn.blobFromImages(images, 1/255, swapRB=True), atol=1e-6)
    assert blob(images, np.float16).dtype == np.float16


def test_boxes_come_back_in_pixels_of_each_image():
    det = Detector(colour_model(), DetectorConfig(size=256, threshold=.5, iou=.1, agnostic=False), classes=2, threads=1)
    cases, images = [], []
    for (h, w), (x, y), bgr in (((300, 600), (420, 60), (0, 255, 255)), ((600, 300), (30, 500), (255, 0, 255)),
                                ((300, 600), (60, 200), (255, 0, 255)), ((97, 131), (70, 20), (0, 255, 255))):
        image = np.zeros((h, w, 3), np.uint8); side = 60 if min(h, w) > 100 else 20
        image[y:y + side, x:x + side] = bgr
        images.append(image); cases.append(((x, y, x + side, y + side), 0 if bgr[1] else 1))
    for d, ((x1, y1, x2, y2), cls), image in zip(det.detect(images), cases, images):
        cell = 8*max(image.shape)/256
        assert len(d) and (d.classes == cls).all() and d.boxes.dtype == np.float32
        low, high = d.boxes[:, :2].min(0), d.boxes[:, 2:].max(0)
        assert np.abs(low - [x1, y1]).max() <= cell and np.abs(high - [x2, y2]).max() <= cell


def test_detections_of_a_batch_are_those_of_each_image():
    rng = np.random.default_rng(0)
    sizes = [(90, 60)]*20 + [(40, 90)]
    images = [cv2.resize(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8), size, interpolation=0) for size in sizes]
    det = Detector(colour_model(), DetectorConfig(size=64, threshold=.3), threads=1)
    for a, image in zip(det.detect(images, batch=8), images):
        b, = det.detect([image])
        assert np.array_equal(a.boxes, b.boxes) and np.allclose(a.probs, b.probs, atol=1e-6)
        assert (np.diff(a.scores) <= 0).all()
    assert det.detect([]) == []


def test_postprocess_keeps_whole_rows_of_probabilities_and_max_detections():
    rng = np.random.default_rng(1)
    rows = np.hstack([rng.random((500, 2))*500, np.full((500, 2), 10), rng.random((500, 5))]).astype(np.float32)
    found = postprocess(rows, DetectorConfig(max_detections=20, threshold=.2))
    assert len(found) == 20 and found.probs.shape == (20, 4)
    assert found.scores[0] == pytest.approx((rows[:, 5:]*rows[:, 4:5]).max(), abs=1e-6)
    assert len(postprocess(rows, DetectorConfig(threshold=1.))) == 0
    assert postprocess(rows[:0], DetectorConfig()).probs.shape == (0, 4)


def test_one_session_serves_many_threads():
    det = Detector(colour_model(), DetectorConfig(size=64, threshold=.3), threads=1)
    images = [np.full((40, 64, 3), 100 + 5*i, np.uint8) for i in range(24)]
    with ThreadPoolExecutor(8) as pool: many = list(pool.map(lambda im: det.detect([im])[0], images))
    for a, image in zip(many, images): assert np.array_equal(a.probs, det.detect([image])[0].probs)


def test_what_cannot_be_used_is_said(tmp_path):
    row = [[10, 10, 5, 5, .9, .9, .1]]
    (tmp_path/'broken.onnx').write_bytes(b'\0'*99)
    with pytest.raises(DetectorError, match='broken.onnx'): Detector(tmp_path/'broken.onnx')
    with pytest.raises(DetectorError, match='no such model file'): Detector(tmp_path/'none.onnx')
    with pytest.raises(DetectorError, match='2 classes, 36 were expected'): Detector(fixed_model(row), classes=36)
    with pytest.raises(DetectorError, match='CUDAExecutionProviderX'):
        Detector(fixed_model(row), providers=['CUDAExecutionProviderX'])
    with pytest.raises(ValueError, match='threshhold'): DetectorConfig(threshhold=.2)
    assert Detector(fixed_model(row)).session.get_providers() == ['CPUExecutionProvider']
