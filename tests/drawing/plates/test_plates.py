"Plates: labels that are exact, layouts that are data, input that is wrong."
import itertools

import numpy as np
import pytest

from alpr_nb.drawing.camera.projection import quad_to_box
from alpr_nb.drawing.plates.plate_parts import DRAWERS
from alpr_nb.drawing.plates.plate_layouts import layout_of, load_layouts
from alpr_nb.drawing.plates.plates import code_mask, draw_plate, random_category

CASES = [('old', 'ABC1234', 1), ('old', 'WOQ7081', 2), ('mercosul', 'ABC1D23', 1), ('mercosul', 'MWI0J90', 2)]


@pytest.mark.parametrize('format,code,rows', CASES)
@pytest.mark.parametrize('width', [16, 97, 400])
def test_a_plate_of_any_size_is_whole(format, code, rows, width):
    p = draw_plate(np.random.default_rng(0), code, format, width=width, rows=rows)
    w, h = layout_of(format, rows).size
    assert p.image.shape == (round(h*width/w), width, 3) and p.image.dtype == np.uint8
    assert p.alpha.shape == p.image.shape[:2] and p.alpha.min() >= 0 and p.alpha.max() == 1
    assert (p.code, p.format) == (code, format) and p.category in layout_of(format, rows).palettes
    assert ''.join(c for c, _ in p.chars) == code
    for _, q in p.chars:
        x1, y1, x2, y2 = quad_to_box(q)
        assert q.shape == (4, 2)
        assert q.dtype == np.float32
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= p.image.shape[0]


def test_character_boxes_hold_the_ink_and_nothing_else():
    rng = np.random.default_rng(1)
    for (format, code, rows), width in itertools.product(CASES, (200, 641)):
        layout = layout_of(format, rows)
        mask, chars = code_mask(rng, layout, code, (width, round(layout.size[1]*width/layout.size[0])))
        for _, q in chars:
            x1, y1, x2, y2 = map(int, quad_to_box(q))
            ink = mask[y1:y2, x1:x2] > .1
            assert all(edge.any() for edge in (ink[:2], ink[-2:], ink[:, :2], ink[:, -2:]))
            mask[y1:y2, x1:x2] = 0
        assert mask.max() == 0


def test_sizes_follow_the_regulation():
    "63 mm characters on 400 mm of an old plate, 65 mm on a Mercosul one."
    rng = np.random.default_rng(2)
    for format, code, mm in (('old', 'HHH8888', 63), ('mercosul', 'HHH8H88', 65)):
        heights = [q[2, 1] - q[0, 1] for _ in range(20) for _, q in draw_plate(rng, code, format, width=800).chars]
        assert np.mean(heights)/2 == pytest.approx(mm, abs=1)


def test_reading_order_and_rows():
    rng = np.random.default_rng(3)
    for format, code, rows in CASES:
        p = draw_plate(rng, code, format, width=300, rows=rows)
        tops = np.array([q[0, 1] for _, q in p.chars]); lefts = np.array([q[0, 0] for _, q in p.chars])
        if rows == 1: assert (np.diff(lefts) > 0).all() and np.ptp(tops) < 20
        else:
            assert tops[:3].max() < tops[3:].min() and (np.diff(lefts[:3]) > 0).all() and (np.diff(lefts[3:]) > 0).all()


def test_characters_do_not_overlap():
    rng = np.random.default_rng(4)
    for _ in range(30):
        boxes = [quad_to_box(q) for _, q in draw_plate(rng, 'WMW8Q00', 'mercosul', width=400).chars]
        for a, b in itertools.combinations(boxes, 2): assert min(a[2], b[2]) - max(a[0], b[0]) <= 1


def test_same_seed_same_plate_whatever_was_drawn_before():
    a = draw_plate(np.random.default_rng([7, 1]), 'ABC1234', 'old', width=333)
    for _ in range(5): draw_plate(np.random.default_rng(), 'XYZ9876', 'old', width=211)
    b = draw_plate(np.random.default_rng([7, 1]), 'ABC1234', 'old', width=333)
    assert np.array_equal(a.image, b.image) and a.category == b.category
    assert all(np.array_equal(p, q) for (_, p), (_, q) in zip(a.chars, b.chars))
    assert not np.array_equal(a.image, draw_plate(np.random.default_rng([7, 2]), 'ABC1234', 'old', width=333).image)


def test_colours_are_those_of_the_category():
    "Red ground for commercial old plates, a blue band and red ink for commercial Mercosul ones."
    mean = lambda part: part.reshape(-1, 3).mean(0)
    for seed in range(10):
        b, g, r = mean(draw_plate(np.random.default_rng(seed), 'III1111', 'old', 'commercial', 400).image)
        assert r > 1.1*b and r > 1.1*g
        p = draw_plate(np.random.default_rng(seed), 'ABC1D23', 'mercosul', 'commercial', 400).image
        b, g, r = mean(p[8:26, 60:130]); assert b > 1.3*r
    assert random_category(np.random.default_rng(0), layout_of('old')) in layout_of('old').palettes


def test_layouts_are_complete_data():
    for l in load_layouts().values():
        assert len(l.cells) == 7 and {'private', 'commercial'} <= set(l.palettes)
        for m in l.marks:
            x1, y1, x2, y2 = m.box
            assert m.kind in DRAWERS
            assert 0 <= m.probability <= 1
            assert -1 <= x1 < x2 <= l.size[0] + 1
            assert -1 <= y1 < y2 <= l.size[1] + 1


@pytest.mark.parametrize('args,says', [(('ABC123', 'old'), '7 characters'), (('', 'old'), '7 characters'),
                                       (('ABC1234', 'french'), 'mercosul'),
                                       (('ABC1234', 'old', 'pink'), 'commercial'), (('abç1234', 'old'), 'has no')])
def test_wrong_input_is_refused_in_a_sentence(args, says):
    with pytest.raises(ValueError, match=says): draw_plate(np.random.default_rng(0), *args)
