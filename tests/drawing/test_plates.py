"Plates: labels that are exact, layouts that are data, input that is wrong."
import itertools

import cv2
import numpy as np
import pytest

from alpr_nb.drawing.camera.effects import box_of
from alpr_nb.drawing.plates.plate_parts import DRAWERS
from alpr_nb.drawing.plates.plate_wear import KINDS, LIMIT, LOCAL, WINDOW, bend, bent, flakes
from alpr_nb.drawing.plates.plates import LAYOUTS, code_mask, draw_plate, layout_of, pick_category

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
        x1, y1, x2, y2 = box_of(q)
        assert q.shape == (4, 2) and q.dtype == np.float32 and 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= p.image.shape[0]

def test_character_boxes_hold_the_ink_and_nothing_else():
    rng = np.random.default_rng(1)
    for (format, code, rows), width in itertools.product(CASES, (200, 641)):
        layout = layout_of(format, rows)
        mask, chars = code_mask(rng, layout, code, (width, round(layout.size[1]*width/layout.size[0])))
        for _, q in chars:
            x1, y1, x2, y2 = map(int, box_of(q))
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
        else: assert tops[:3].max() < tops[3:].min() and (np.diff(lefts[:3]) > 0).all() and (np.diff(lefts[3:]) > 0).all()

def test_characters_do_not_overlap():
    rng = np.random.default_rng(4)
    for _ in range(30):
        boxes = [box_of(q) for _, q in draw_plate(rng, 'WMW8Q00', 'mercosul', width=400).chars]
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
    assert pick_category(np.random.default_rng(0), LAYOUTS['old']) in LAYOUTS['old'].palettes

def test_layouts_are_complete_data():
    for l in LAYOUTS.values():
        assert len(l.cells) == 7 and {'private', 'commercial'} <= set(l.palettes)
        for m in l.marks:
            x1, y1, x2, y2 = m.box
            assert m.kind in DRAWERS and 0 <= m.odds <= 1 and -1 <= x1 < x2 <= l.size[0] + 1 and -1 <= y1 < y2 <= l.size[1] + 1

@pytest.mark.parametrize('args,says', [(('ABC123', 'old'), '7 characters'), (('', 'old'), '7 characters'), (('ABC1234', 'french'), 'mercosul'),
                                       (('ABC1234', 'old', 'pink'), 'commercial'), (('abç1234', 'old'), 'has no')])
def test_wrong_input_is_refused_in_a_sentence(args, says):
    with pytest.raises(ValueError, match=says): draw_plate(np.random.default_rng(0), *args)

def test_no_wear_is_the_same_plate_to_the_last_bit():
    for off in (None, {}, dict.fromkeys(KINDS, 0), {'flakes': 0.}):
        a, b = (np.random.default_rng(5) for _ in range(2))
        p, q = draw_plate(a, 'ABC1234', 'old', width=300), draw_plate(b, 'ABC1234', 'old', width=300, wear=off)
        assert np.array_equal(p.image, q.image) and np.array_equal(p.alpha, q.alpha)
        assert all(np.array_equal(x, y) for (_, x), (_, y) in zip(p.chars, q.chars)) and a.random() == b.random()

@pytest.mark.parametrize('kind', KINDS)
def test_wear_changes_its_own_plate_only(kind):
    "The plate below, its boxes and all chance that comes after stay what they were."
    changed = 0
    for seed in range(6):
        a, b, c = (np.random.default_rng(seed) for _ in range(3))
        p = draw_plate(a, 'ABC1234', 'old', width=300)
        q, again = (draw_plate(r, 'ABC1234', 'old', width=300, wear={kind: 1}) for r in (b, c))
        assert np.array_equal(q.image, again.image) and a.random() == b.random() and p.category == q.category
        if kind != 'dents': assert all(np.array_equal(x, y) for (_, x), (_, y) in zip(p.chars, q.chars))
        changed += not np.array_equal(p.image, q.image)
    assert changed >= 5

@pytest.mark.parametrize('format,code,rows', CASES)
@pytest.mark.parametrize('width', [16, 97, 400])
def test_a_worn_plate_of_any_size_is_whole(format, code, rows, width):
    for seed in range(4):
        p = draw_plate(np.random.default_rng(seed), code, format, width=width, rows=rows, wear=dict.fromkeys(KINDS, 1))
        assert p.image.dtype == np.uint8 and p.alpha.shape == p.image.shape[:2] and 0 <= p.alpha.min() and p.alpha.max() == 1
        for _, q in p.chars:
            x1, y1, x2, y2 = box_of(q)
            assert q.dtype == np.float32 and -1 <= x1 < x2 <= width + 1 and -1 <= y1 < y2 <= p.image.shape[0] + 1

def test_odds_of_wear_are_shares_of_plates():
    plain = [draw_plate(np.random.default_rng(n), 'ABC1234', 'old', width=40).image for n in range(200)]
    worn = [draw_plate(np.random.default_rng(n), 'ABC1234', 'old', width=40, wear={'flakes': .3}).image for n in range(200)]
    assert 35 <= sum(not np.array_equal(a, b) for a, b in zip(plain, worn)) <= 85

@pytest.mark.parametrize('width', [90, 240, 500])
def test_a_flaked_character_keeps_enough_ink_to_be_read(width):
    "However much is asked for: of the whole character, and of any part of it that is as large as the tail of a Q."
    layout, n = layout_of('old'), 0
    for seed in range(15):
        rng = np.random.default_rng(seed)
        mask, chars = code_mask(rng, layout, 'QWI1080', (width, round(130*width/400)))
        gone = flakes(rng, mask, [q for _, q in chars], width/400, rng.uniform(.1, 5))
        assert gone.min() >= 0 and gone.max() <= 1
        for _, q in chars:
            x1, y1, x2, y2 = map(int, box_of(q))
            ink, g = mask[y1:y2, x1:x2], gone[y1:y2, x1:x2]
            assert (ink*g).sum() <= (LIMIT + .01)*ink.sum()
            s = int(WINDOW*width/400)//2*2 + 1
            here, lost = (cv2.blur(v, (s, s), borderType=cv2.BORDER_CONSTANT) for v in (ink, ink*g))
            assert (lost[here > .05] <= (LOCAL + .01)*here[here > .05]).all()
            n += (ink*g).sum() > .2*ink.sum()
    assert n > 40   # and yet many are worn

def test_bent_boxes_hold_the_bent_ink():
    rng, moved = np.random.default_rng(8), []
    for _ in range(30):
        mask, chars = code_mask(rng, layout_of('old'), 'HEH8H80', (400, 130))
        flat = [q for _, q in chars]
        for n, (_, q) in enumerate(chars):
            x1, y1, x2, y2 = map(int, box_of(q)); mask[y1:y2, x1:x2] *= (n + 3)/10  # each its own grey
        image, _, quads = bent(cv2.merge([np.uint8(250*mask)]*3), np.ones_like(mask), flat, bend(rng, (400, 130), 1.))
        assert image.shape == (130, 400, 3)
        for n, (a, b) in enumerate(zip(flat, quads)):
            inside = cv2.fillConvexPoly(np.zeros((130, 400), np.uint8), np.round(b).astype(np.int32), 1)
            near = cv2.dilate(inside, np.ones((5, 5), np.uint8)) > 0
            ink = image[..., 0] > 25*(n + 3)*.6
            x, y, w, h = cv2.boundingRect((ink & near).astype(np.uint8))
            assert np.abs(np.subtract((x, y, x + w, y + h), box_of(b))).max() < 5
            moved.append(np.abs(a - b).max())
    assert max(moved) > 4 and np.median(moved) > .5
