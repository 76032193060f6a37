"Geometry of the scenes against colours found in the picture and a second computation."
from dataclasses import replace

import cv2
import numpy as np
import pytest

from alpr_nb.drawing.plates.plates import draw_plate
from alpr_nb.drawing.streets.scenes import Oblique, draw_scene, metadata_strip, rectified_scene


def flat(code='ABC1234', colour=(0, 255, 0)):
    "A plate of one colour, to be found again in the scene"
    p = draw_plate(np.random.default_rng(0), code, 'old', width=400)
    return replace(p, image=np.full_like(p.image, colour), alpha=np.ones_like(p.alpha))


@pytest.mark.parametrize('seed', range(6))
def test_quad_lies_where_the_plate_is_drawn(seed):
    s = draw_scene(np.random.default_rng(seed), [flat()], (640, 360), width=.2, others=0, strength=0, street=False)
    quad = s.plates[0].quad
    mask = np.zeros(s.image.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(quad).astype(int), 1)
    b, g, r = (s.image[..., k].astype(int) for k in range(3))
    green = (g > 1.8*b + 10) & (g > 1.8*r + 10)
    inner = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
    if not green.any(): pytest.skip('night took the colour')
    assert green[inner].mean() > .9 or green[inner].mean() < .1  # all of it, or a scene too dark to tell
    ring = (cv2.dilate(mask, np.ones((15, 15), np.uint8)) > 0) & (cv2.dilate(mask, np.ones((5, 5), np.uint8)) == 0)
    assert green[ring].mean() < .2


def test_nothing_hides_a_plate():
    "The middle of every plate is there, in a street full of vehicles"
    seen = 0
    for seed in range(25):
        more = [lambda px: flat('XYZ9876')]*8
        s = draw_scene(np.random.default_rng(seed), [flat()] + more, (480, 270), width=.06, others=8, strength=0)
        for p in s.plates:
            x, y = np.clip(p.quad.mean(0).astype(int), 0, (479, 269))
            b, g, r = s.image[y, x].astype(int)
            if max(b, g, r) > 60: assert g >= max(b, r), (seed, p.code)
            seen += p.code != 'ABC1234'
    assert seen > 10


def test_characters_keep_their_place_on_the_plate():
    plate = draw_plate(np.random.default_rng(1), 'ABC1234', 'old', width=500)
    s = draw_scene(np.random.default_rng(1), [plate], (640, 360), width=.3, others=0, strength=0)
    h, w = plate.image.shape[:2]
    H = cv2.getPerspectiveTransform(np.float32([[0, 0], [w, 0], [w, h], [0, h]]), s.plates[0].quad)
    assert ''.join(c for c, _ in s.plates[0].chars) == 'ABC1234'
    for (_, got), (_, src) in zip(s.plates[0].chars, plate.chars):
        assert np.allclose(got, cv2.perspectiveTransform(np.float32(src)[None], H)[0], atol=.1)


@pytest.mark.parametrize('seed', range(12))
def test_main_plate_is_first_inside_and_as_wide_as_asked(seed):
    rng = np.random.default_rng(seed)
    more = [lambda px: draw_plate(rng, 'XYZ9876', 'old', width=px)]*4
    s = draw_scene(rng, [draw_plate(rng, 'ABC1234', 'old', width=200)] + more, (640, 360), width=.12, others=4,
                   dominant=True)
    main, *others = s.plates
    assert s.image.shape == (360, 640, 3) and s.image.dtype == np.uint8
    assert main.code == 'ABC1234' and main.quad.min() >= -.5 and (main.quad <= (640.5, 360.5)).all()
    assert 45 < np.ptp(main.quad[:, 0]) < 100
    for p in others:
        assert np.ptp(p.quad[:, 0]) < .75*np.ptp(main.quad[:, 0])
        assert (p.quad.max(0) > 0).all() and (p.quad.min(0) < (640, 360)).all()


@pytest.mark.parametrize('size', [(1280, 720), (64, 64), (200, 600)])
def test_any_size(size):
    s = draw_scene(np.random.default_rng(0), [flat()], size, width=.2)
    assert s.image.shape == (size[1], size[0], 3) and len(s.plates) == 1


def test_same_generator_same_scene_and_plates_unchanged():
    plates = [flat(), flat('XYZ9876')]
    before = [p.image.copy() for p in plates]
    a, b = (draw_scene(np.random.default_rng(5), plates, (320, 180)) for _ in range(2))
    assert np.array_equal(a.image, b.image)
    assert all(np.array_equal(p.image, q) for p, q in zip(plates, before))


def test_strip_has_its_size_and_stays_black():
    for h in (1, 8, 40, 120):
        s = metadata_strip(np.random.default_rng(h), 300, h)
        assert s.shape == (h, 300, 3) and (h < 8 or 0 < s.mean() < 100)


@pytest.mark.parametrize('rows', [1, 2])
def test_a_rectified_plate_is_upright_and_keeps_its_proportions(rows):
    "However it leaned: a plate of one row is 400 x 130, one of two rows 200 x 170."
    for seed in range(8):
        plate = draw_plate(np.random.default_rng(1), 'ABC1D23', 'mercosul', width=300, rows=rows)
        s = draw_scene(np.random.default_rng(seed), [plate], (400, 400), .4, 0, 0., oblique=Oblique())
        p, = rectified_scene(np.random.default_rng(seed), s, error=0.).plates
        (x1, y1), (x2, y2), (x3, y3), (x4, y4) = p.quad
        assert abs(y1 - y2) < .1 and abs(x1 - x4) < .1 and x2 > x1 and y4 > y1
        assert (y4 - y1)/(x2 - x1) == pytest.approx(130/400 if rows == 1 else 170/200, abs=.01)
        assert ''.join(c for c, _ in p.chars) == 'ABC1D23'
        assert all(x1 < q[:, 0].min() and q[:, 0].max() < x2 for _, q in p.chars)
