"Crops of codes on steel: every character is inside, and hostile settings end with a sentence."
import numpy as np
import pytest

from alpr_nb.core.reading_order import lines_of
from alpr_nb.drawing.steel.crop import MIN_SIZE_PX, draw_steel_crop
from alpr_nb.drawing.steel.schema import load_steel_settings, random_steel_code
from steel_examples import ALL_STYLES, FORMATS, section


@pytest.mark.parametrize('scope, name', ALL_STYLES)
def test_crops_hold_every_character(scope, name):
    spec = load_steel_settings(section(scope))
    shapes = set()
    for i in range(8):
        rng = np.random.default_rng(i)
        code = random_steel_code(rng, FORMATS[scope][name], spec.styles[name])
        image, placed = draw_steel_crop(rng, spec, name, code, 150)
        h, w = image.shape[:2]
        shapes.add((w, h))
        assert ''.join(c for c, _ in placed.chars) == placed.code == code and placed.format == name
        slack = .12*min(np.ptp(placed.quad, 0)) + 1   # a tight crop cuts the edges of the outer characters
        for _, q in placed.chars: assert q.min() > -slack and (q.max(0) < (w + slack, h + slack)).all()
    if spec.squeezed and name == 'wagon1520': assert (200, 40) in shapes


@pytest.mark.parametrize('width', [12., 40., 150.])
def test_characters_of_a_crop_are_legible_in_reading_order(width):
    "Small and steep views are drawn anew until each character has a breadth and follows the one before it."
    spec = load_steel_settings(section('container') | dict(yaw=.6, distance=[2200, 3000]))
    for seed in range(10):
        image, placed = draw_steel_crop(np.random.default_rng(seed), spec, 'iso6346', 'CSQU3054383', width)
        boxes = np.array([[*q.min(0), *q.max(0)] for _, q in placed.chars])
        assert min(image.shape[:2]) >= MIN_SIZE_PX and (boxes[:, 2:] - boxes[:, :2]).min() >= 1
        assert np.concatenate(lines_of(boxes)).tolist() == list(range(11))


def test_same_generator_same_bytes():
    spec = load_steel_settings(section('wagon'))
    crop = lambda: draw_steel_crop(np.random.default_rng(3), spec, 'uic', '318012345675')[0].tobytes()
    assert crop() == crop()
