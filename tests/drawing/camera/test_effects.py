"Effects: images that keep their shape, the same seed the same picture."
import cv2
import numpy as np
import pytest

from alpr_nb.drawing.camera import effects as fx


def picture(w=160, h=60, seed=0):
    return cv2.GaussianBlur(np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8), (0, 0), 2)

@pytest.mark.parametrize('size', [(1, 1), (2, 2), (16, 5), (257, 83), (83, 257), (640, 360)])
@pytest.mark.parametrize('strength', [0., 1., 2.])
def test_any_size_and_strength(size, strength):
    im = picture(*size); before = im.copy()
    for seed in range(12):
        out = fx.photograph(np.random.default_rng(seed), im, strength)
        assert out.shape == im.shape and out.dtype == np.uint8
    assert np.array_equal(im, before)

def test_same_seed_same_photograph():
    for seed in range(20):
        a, b = (fx.photograph(np.random.default_rng(seed), picture()) for _ in range(2))
        assert np.array_equal(a, b)
    assert len({fx.photograph(np.random.default_rng(s), picture()).tobytes() for s in range(20)}) == 20

def test_each_condition_happens_and_can_be_chosen():
    im = np.full((60, 160, 3), 128, np.uint8); im[20:40, 40:120] = 220
    night = {'night': fx.CONDITIONS['night']}
    for seed in range(20):
        b, g, r = fx.photograph(np.random.default_rng(seed), im, conditions=night).reshape(-1, 3).mean(0)
        assert g > b and g > 1.2*r

def test_blur_removes_detail_and_keeps_the_mean():
    im = picture(seed=4)
    for out in (fx.defocus(im, 4), fx.motion_blur(im, 15, 30), fx.haze(im, .8, 6)):
        assert out.std() < .9*im.std() and abs(out.mean() - im.mean()) < 3

def test_motion_blurs_along_its_path_only():
    im = np.zeros((41, 41, 3), np.uint8); im[20, 20] = 255
    ys, xs = np.nonzero(fx.motion_blur(im, 11, 0)[..., 0])
    assert set(ys) == {20} and len(xs) == 11
    ys, xs = np.nonzero(fx.motion_blur(im, 11, 90)[..., 0])
    assert set(xs) == {20} and len(ys) == 11

def test_jpeg_is_that_of_the_codec():
    im = picture()
    assert np.array_equal(fx.jpeg_compression(im, 40),
                          cv2.imdecode(cv2.imencode('.jpg', im, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1))
    assert (np.abs(fx.jpeg_compression(im, 95).astype(int) - im).mean()
            < np.abs(fx.jpeg_compression(im, 10).astype(int) - im).mean())

def test_noise_has_the_spread_asked_for_also_on_large_images():
    flat = np.full((300, 700, 3), 128, np.uint8)
    out = fx.sensor_noise(np.random.default_rng(0), flat, 8., colour=0.)
    assert out.shape == flat.shape and out.std() == pytest.approx(8, abs=.4)

def test_tear_without_amplitude_changes_nothing():
    im = picture()
    assert np.array_equal(fx.tear(im, 0, 10), im) and np.array_equal(fx.interlace(im, 0), im)
    assert not np.array_equal(fx.tear(im, 6, 10), im)
