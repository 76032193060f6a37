"Contracts of the alphabets, hostile input, and the shapes that readers confuse."
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.drawing.glyphs.plate_fonts import ALPHABETS, MANDATORY_SPACING, draw_text, glyph_mask

CODE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

def drawn(alphabet, char, height=100): return draw_text(alphabet, char, height)[0]

def holes(mask):
    "How many closed counters a glyph has (area above 1% of its box), by OpenCV's contour tree."
    m = np.pad((mask > .5).astype(np.uint8), 2)
    contours, tree = cv2.findContours(m, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return sum(t[3] >= 0 and cv2.contourArea(c) > .01*m.size for c, t in zip(contours, tree[0]))

def pieces(mask): return cv2.connectedComponents((mask > .5).astype(np.uint8))[0]-1

@pytest.mark.parametrize('alphabet', ALPHABETS)
def test_every_character_is_there_in_one_piece(alphabet):
    assert set(CODE+'-. ') <= set(ALPHABETS[alphabet].glyphs)
    for c in CODE: assert pieces(drawn(alphabet, c)) == 1, c

@pytest.mark.parametrize('alphabet', ALPHABETS)
def test_letters_reach_from_cap_line_to_baseline(alphabet):
    for c in CODE:
        (x1, y1, x2, y2), = draw_text(alphabet, c, 100)[1]
        assert y1 <= 1 and y2 >= 99, c
        assert 0 <= x1 < x2 <= ALPHABETS[alphabet].glyphs[c].advance*100+1, c

@pytest.mark.parametrize('alphabet', ALPHABETS)
def test_counters_are_those_of_the_latin_script(alphabet):
    want = {c: 1 for c in 'ADOPQR0469'} | {c: 2 for c in 'B8'}
    # FE-Schrift: the zero is slit, the bowls of R and 9 are open, 4 is open above
    if alphabet == 'fe': want |= {'0': 0, 'R': 0, '9': 0, '4': 0}
    if alphabet == 'sans': want |= {'4': 0}
    got = {c: holes(drawn(alphabet, c, 200)) for c in CODE}
    assert got == {c: want.get(c, 0) for c in CODE}

def test_old_plates_share_stamps():
    g = ALPHABETS['mandatory'].glyphs
    assert g['O'] is g['0'] and g['I'] is g['1']
    assert len({id(x) for c, x in g.items() if c in CODE}) == 34
    assert {g[c].advance for c in CODE} == {.63}

def test_one_on_old_plates_is_a_plain_bar():
    bar = drawn('mandatory', '1', 200) > .5
    assert (bar[10:190] == bar[100]).all()

def test_fe_widths_are_those_of_the_german_regulation():
    "40.5 mm for letters and 38.5 mm for digits at 75 mm: the narrow variant (FZV, Anlage 4)."
    g = ALPHABETS['fe'].glyphs
    for c in CODE:
        if c != 'I': assert g[c].advance*75 == pytest.approx(38.5 if c.isdigit() else 40.5, abs=.4), c

def test_old_plate_fills_the_plate_as_measured():
    mask, boxes = draw_text('mandatory', 'ABC.2345', 63)
    assert boxes[-1][2]-boxes[0][0] == pytest.approx(346, abs=3)         # mm at 63 mm cap height
    assert boxes[4][0]-boxes[2][2] == pytest.approx(.5*63, abs=3)
    dot = boxes[3]
    assert (dot[0]+dot[2])/2 == pytest.approx((boxes[2][2]+boxes[4][0])/2, abs=2)
    assert (dot[1]+dot[3])/2 == pytest.approx(31.5, abs=1)
    assert MANDATORY_SPACING == .125

@pytest.mark.parametrize('pair', ['QO', 'WM', 'RK', 'B8', 'S5', 'Z2', 'G6', 'D0', 'EF', 'PR', 'UV', 'XY'])
@pytest.mark.parametrize('alphabet', ['mandatory', 'fe'])
def test_confusable_letters_differ(alphabet, pair):
    a, b = (cv2.resize(drawn(alphabet, c, 96), (60, 96)) for c in pair)
    assert np.abs(a-b).sum() > .05*np.maximum(a, b).sum()

@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(ALPHABETS)), st.text(CODE+'-. ', min_size=1, max_size=10), st.floats(1, 200),
       st.floats(-.1, 1), st.floats(.5, 2))
def test_masks_and_boxes_hold_for_any_text(alphabet, text, height, spacing, weight):
    mask, boxes = draw_text(alphabet, text, height, spacing, weight)
    h, w = mask.shape
    assert mask.dtype == np.float32 and 0 <= mask.min() and mask.max() <= 1
    assert h == max(round(height), 1) and len(boxes) == len(text)
    for c, (x1, y1, x2, y2) in zip(text, boxes):
        assert 0 <= x1 <= x2 <= w and 0 <= y1 <= y2 <= h
        if c == ' ': assert (x1, y1) == (x2, y2)

def test_box_is_the_ink():
    for c in 'AQ1W':
        mask, ((x1, y1, x2, y2),) = draw_text('mandatory', c, 120)
        ys, xs = np.nonzero(mask > .02)
        assert np.allclose((x1, y1, x2, y2), (xs.min(), ys.min(), xs.max()+1, ys.max()+1), atol=1.5)

def test_weight_thickens_strokes_in_proportion():
    width = {w: np.subtract(*draw_text('mandatory', '1', 200, weight=w)[1][0][2::-2]) for w in (.8, 1, 1.2)}
    assert width[1.2]/width[1] == pytest.approx(1.2, abs=.05) and width[.8]/width[1] == pytest.approx(.8, abs=.05)

def test_drawing_twice_gives_the_same_and_does_not_share_memory():
    a, _ = draw_text('fe', 'ABC1D23', 90)
    a[:] = 0
    b, _ = draw_text('fe', 'ABC1D23', 90)
    assert b.max() > .9
    assert not np.shares_memory(glyph_mask('fe', 'A', 180)[0], b)

@pytest.mark.parametrize('args',
                         [('mandatory', 'abc', 50), ('fe', 'Ç', 50), ('fe', '', 50), ('fe', 'A', 0), ('fe', 'A', -3),
                          ('fe', 'A', float('nan')), ('fe', 'A', 1e9), ('fe', 'A', 50, -1), ('fe', 'A', 50, .1, 0),
                          ('fe', 'A', 50, .1, float('nan'))])
def test_refuses_what_it_cannot_draw(args):
    with pytest.raises(ValueError): draw_text(*args)

def test_unknown_alphabet_is_named():
    with pytest.raises(KeyError, match='gothic'): draw_text('gothic', 'A', 50)
