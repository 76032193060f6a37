"Wear of plates: a generator of its own, characters that stay legible, boxes that follow the bent metal."
import cv2
import numpy as np
import pytest

from alpr_nb.drawing.camera.projection import quad_to_box
from alpr_nb.drawing.plates.plate_wear import (LOSS_WINDOW_MM, MAX_INK_LOSS, MAX_LOCAL_LOSS, WEAR_KINDS, apply_bend,
                                               bend_field, flake_mask)
from alpr_nb.drawing.plates.plate_layouts import layout_of
from alpr_nb.drawing.plates.plates import code_mask, draw_plate

CASES = [('old', 'ABC1234', 1), ('old', 'WOQ7081', 2), ('mercosul', 'ABC1D23', 1), ('mercosul', 'MWI0J90', 2)]


def test_no_wear_is_the_same_plate_to_the_last_bit():
    for off in (None, {}, dict.fromkeys(WEAR_KINDS, 0), {'flakes': 0.}):
        a, b = (np.random.default_rng(5) for _ in range(2))
        p, q = draw_plate(a, 'ABC1234', 'old', width=300), draw_plate(b, 'ABC1234', 'old', width=300, wear=off)
        assert np.array_equal(p.image, q.image) and np.array_equal(p.alpha, q.alpha)
        assert all(np.array_equal(x, y) for (_, x), (_, y) in zip(p.chars, q.chars)) and a.random() == b.random()


@pytest.mark.parametrize('kind', WEAR_KINDS)
def test_wear_changes_its_own_plate_only(kind):
    "The plate below, its boxes and every random number after it stay what they were."
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
        p = draw_plate(np.random.default_rng(seed), code, format, width=width, rows=rows,
                       wear=dict.fromkeys(WEAR_KINDS, 1))
        assert p.image.dtype == np.uint8
        assert p.alpha.shape == p.image.shape[:2]
        assert 0 <= p.alpha.min()
        assert p.alpha.max() == 1
        for _, q in p.chars:
            x1, y1, x2, y2 = quad_to_box(q)
            assert q.dtype == np.float32 and -1 <= x1 < x2 <= width + 1 and -1 <= y1 < y2 <= p.image.shape[0] + 1


def test_probabilities_of_wear_are_shares_of_plates():
    plain = [draw_plate(np.random.default_rng(n), 'ABC1234', 'old', width=40).image for n in range(200)]
    worn = [draw_plate(np.random.default_rng(n), 'ABC1234', 'old', width=40, wear={'flakes': .3}).image
            for n in range(200)]
    assert 35 <= sum(not np.array_equal(a, b) for a, b in zip(plain, worn)) <= 85


@pytest.mark.parametrize('width', [90, 240, 500])
def test_a_flaked_character_keeps_enough_ink_to_be_read(width):
    "However much is asked for: of the whole character, and of any part of it that is as large as the tail of a Q."
    layout, n = layout_of('old'), 0
    for seed in range(15):
        rng = np.random.default_rng(seed)
        mask, chars = code_mask(rng, layout, 'QWI1080', (width, round(130*width/400)))
        gone = flake_mask(rng, mask, [q for _, q in chars], width/400, rng.uniform(.1, 5))
        assert gone.min() >= 0 and gone.max() <= 1
        for _, q in chars:
            x1, y1, x2, y2 = map(int, quad_to_box(q))
            ink, g = mask[y1:y2, x1:x2], gone[y1:y2, x1:x2]
            assert (ink*g).sum() <= (MAX_INK_LOSS + .01)*ink.sum()
            s = int(LOSS_WINDOW_MM*width/400)//2*2 + 1
            here, lost = (cv2.blur(v, (s, s), borderType=cv2.BORDER_CONSTANT) for v in (ink, ink*g))
            assert (lost[here > .05] <= (MAX_LOCAL_LOSS + .01)*here[here > .05]).all()
            n += (ink*g).sum() > .2*ink.sum()
    assert n > 40   # and yet many are worn


def test_bent_boxes_hold_the_bent_ink():
    rng, moved = np.random.default_rng(8), []
    for _ in range(30):
        mask, chars = code_mask(rng, layout_of('old'), 'HEH8H80', (400, 130))
        flat = [q for _, q in chars]
        for n, (_, q) in enumerate(chars):
            x1, y1, x2, y2 = map(int, quad_to_box(q)); mask[y1:y2, x1:x2] *= (n + 3)/10  # each its own grey
        image, _, quads = apply_bend(cv2.merge([np.uint8(250*mask)]*3), np.ones_like(mask), flat,
                                     bend_field(rng, (400, 130), 1.))
        assert image.shape == (130, 400, 3)
        for n, (a, b) in enumerate(zip(flat, quads)):
            inside = cv2.fillConvexPoly(np.zeros((130, 400), np.uint8), np.round(b).astype(np.int32), 1)
            near = cv2.dilate(inside, np.ones((5, 5), np.uint8)) > 0
            ink = image[..., 0] > 25*(n + 3)*.6
            x, y, w, h = cv2.boundingRect((ink & near).astype(np.uint8))
            assert np.abs(np.subtract((x, y, x + w, y + h), quad_to_box(b))).max() < 5
            moved.append(np.abs(a - b).max())
    assert max(moved) > 4 and np.median(moved) > .5
