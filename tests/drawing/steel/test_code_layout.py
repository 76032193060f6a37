"The characters of a code stand in reading order, and a code on a door stands on one leaf."
import numpy as np
import pytest

from alpr_nb.drawing.glyphs.painted_lettering import random_lettering
from alpr_nb.drawing.steel.code_layout import layout_code, plan_wall
from alpr_nb.drawing.steel.schema import load_steel_settings, random_steel_code
from steel_examples import ALL_STYLES, FORMATS, plain_wall, section


@pytest.mark.parametrize('scope, name', ALL_STYLES)
def test_layouts_keep_the_reading_order(scope, name):
    style = load_steel_settings(section(scope)).styles[name]
    code = random_steel_code(np.random.default_rng(0), FORMATS[scope][name], style)
    seen = set()
    for i, layout in enumerate(style.layouts):
        b = layout_code(np.random.default_rng(i), style, layout, random_lettering(np.random.default_rng(i)), code)
        assert ''.join(c for c, *_ in b.cells) == code
        x, y = np.array([[(c[1] + c[3])/2, (c[2] + c[4])/2] for c in b.cells]).T
        along, across = (y, x) if layout.vertical else (x, y)
        at = 0
        for n in map(sum, layout.rows):
            assert (np.diff(along[at:at + n]) > 0).all()
            if at: assert across[at:at + n].min() > across[:at].max()
            at += n
        boxes = np.array([c[1:] for c in b.cells])
        for j, p in enumerate(boxes):
            assert not any((np.maximum(p[:2], q[:2]) + 1 < np.minimum(p[2:], q[2:])).all() for q in boxes[j + 1:])
        seen.add((layout.vertical, len(layout.rows)))
    assert {(False, 1), (False, 2)} <= seen and ((True, 1) in seen) == (scope == 'container')


@pytest.mark.parametrize('at', [[.1, .2, .9, .9], [.4, 0, .6, .1]])
def test_a_code_on_a_door_stands_on_one_leaf(at):
    for i in range(12):
        piece = plan_wall(np.random.default_rng(i), plain_wall(255, 'door', [[4, 6, 1]], at=at), 'iso6346',
                          'CSQU3054383')
        x, width, seam = piece.place[0], piece.block.size[0], piece.plan.size[0]/2
        assert x > seam + 26 or x + width < seam - 26
