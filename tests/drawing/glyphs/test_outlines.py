"Outlines: round corners and strokes with known geometry."
import numpy as np

from alpr_nb.drawing.glyphs.outlines import round_corners, stroke_quads


def test_a_square_corner_becomes_a_quarter_circle():
    p = round_corners([(0, 1, 0, 0), (0, 0, .5, .5), (1, 0, 0, 0)], False)
    assert np.allclose(np.hypot(*(p[1:-1]-.5).T), .5, atol=1e-3)


def test_rounding_more_than_the_lines_hold_does_not_cross():
    p = round_corners([(0, 0, 9, 9), (1, 0, 9, 9), (1, 1, 9, 9), (0, 1, 9, 9)], True)
    assert np.allclose(np.hypot(*(p-.5).T), .5, atol=1e-3)


def test_stroke_has_flat_ends_and_its_thickness():
    q, = stroke_quads(np.array([[0, 0], [1, 0]], float), .2)
    assert np.allclose(sorted(map(tuple, q)), [(0, -.1), (0, .1), (1, -.1), (1, .1)])
