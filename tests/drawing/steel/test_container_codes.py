"Containers as they are: locking rods between the parts of a code, copies of the code, corners of leaning codes."
import copy

import cv2
import numpy as np
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.drawing.steel.code_layout import plan_wall
from alpr_nb.drawing.steel.code_paint import code_painter
from alpr_nb.drawing.steel.doors import ROD_MM
from alpr_nb.drawing.steel.scene import LEGIBLE_PX, draw_steel_scene
from alpr_nb.drawing.steel.schema import load_steel_settings
from alpr_nb.drawing.steel.walls import draw_wall
from steel_examples import FORMATS, section

CODE = 'CSQU3054383'
ROWS = ([[4, 6, 1]], [[4], [4, 2, 1]], [[4], [3, 3, 1]])


def door_settings(rows=ROWS[0], **changes):
    style = dict(layouts=[dict(rows=rows, rod=0, **{'rod-gap': [.6, 1.2]})],
                 height=[100, 100], age=[0, 0], ghost=0, uneven=[0, 0],
                 walls=[dict(kind='door', size=[[2438, 2438], [2591, 2591]], at=[.53, .06, .96, .2])],
                 palettes=[dict(ground=[40, 60, 120], inks=[[240, 240, 240]])], families=dict(condensed=1))
    return load_steel_settings(dict(styles=dict(iso6346=style | changes.pop('style', {}))) | changes)


@pytest.mark.parametrize('rows', ROWS)
def test_a_rod_stands_in_the_gap_and_covers_no_character(rows):
    for seed in range(12):
        piece = plan_wall(np.random.default_rng(seed), door_settings(rows), 'iso6346', CODE)
        (x, room), cells = piece.plan.posts[0], np.array([c[1:] for c in piece.block.cells]) + (*piece.place,)*2
        n = len(CODE) - sum(rows[-1][1:])
        left, right = cells[:n, 2].max(), cells[n:, 0].min()
        assert left < x < right and room >= ROD_MM[0] and abs(x - room/2 - left) < 1
        assert piece.plan.size[0]/2 < cells[:, 0].min() and cells[:, 2].max() < piece.plan.size[0] - 70


@pytest.mark.parametrize('eye', [-3000., 1900., 7000.])
def test_characters_stay_free_and_something_stands_between_them(eye):
    "The same wall with letters of two colours differs in every character, and not where the rod is."
    for seed in range(4):
        piece = plan_wall(np.random.default_rng(seed), door_settings(), 'iso6346', CODE)
        piece.plan.eye, (x, y), k = (eye, 3000.), piece.place, .25
        area = (x - 60, y - 60, x + piece.block.size[0] + 60, y + piece.block.size[1] + 60)

        def drawn(ink):
            inked = type(piece)(**vars(piece) | dict(ink=ink))
            return draw_wall(np.random.default_rng(seed), piece.plan, area, k,
                             code_painter(np.random.default_rng(1), inked), 0.).canvas.image.astype(int)

        differs = np.abs(drawn((250, 250, 250)) - drawn((5, 5, 5))).max(2) > 90
        for _, x1, y1, x2, y2 in piece.block.cells:
            a, b, c, d = (round((v + 60)*k) for v in (x1, y1, x2, y2))
            assert differs[b:d, a:c].mean() > .1
        at = round((piece.plan.posts[0][0] - area[0])*k)
        assert not differs[:, at - 2:at + 3].any()


def test_a_code_on_rail_and_roof_has_its_own_corners():
    looks = copy.deepcopy(section('container'))
    looks |= dict(stands=dict(ground=1), eye=[5000, 6000], distance=[4000, 6000], aspects=[])
    looks['styles']['iso6346'] |= dict(rail=1., roof=1.)
    found = []
    for seed in range(12):
        scene = draw_steel_scene(np.random.default_rng(seed), load_steel_settings(looks), [('iso6346', CODE)],
                                 (960, 540), .4, 0.)
        found.append(len(scene.plates))
        for p in scene.plates[1:]:
            assert p.code == CODE and ''.join(c for c, _ in p.chars) == CODE
            assert np.hypot(*(p.quad[3] - p.quad[0])) > .8*LEGIBLE_PX
            assert (p.quad > 0).all() and (p.quad < scene.image.shape[1::-1]).all()
    assert min(found) == 1 and max(found) > 1   # small copies are not drawn


def test_corners_begin_at_the_top_left_as_the_code_is_read():
    "Rectified by its corners, a leaning code runs from the upper left to the lower right."
    looks = section('container') | dict(leaning=1., yaw=.3)
    angles = []
    for seed in range(12):
        main = draw_steel_scene(np.random.default_rng(seed), load_steel_settings(looks), [('iso6346', CODE)],
                                (480, 270), .4, 0.).plates[0]
        flat = cv2.getPerspectiveTransform(main.quad, np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]))
        centres = np.float32([q.mean(0) for _, q in main.chars])[:, None]
        read = cv2.perspectiveTransform(centres, flat)[:, 0]    # as read: from the upper left to the lower right
        assert cv2.contourArea(main.quad, True) > 0 and (read > -.05).all() and (read < 1.05).all()
        assert read[0, 1] < read[-1, 1] + .2 and read[0].sum() + .3 < read[-1].sum()
        angles.append(np.degrees(np.arctan2(*(main.quad[1] - main.quad[0])[::-1])))
    assert max(np.abs(angles)) > 20


@pytest.mark.parametrize('layout, kind', [
    (dict(rows=[[4, 6, 1]], rod=2), 'door'), (dict(rows=[[4, 6, 1]], rod=0, vertical=True), 'door'),
    (dict(rows=[[4, 6, 1]], rod=0), 'smooth')])
def test_a_rod_without_a_gap_or_a_door_is_an_error(layout, kind):
    looks = copy.deepcopy(section('container'))
    walls = [dict(kind=kind, size=[[2438, 2438], [2591, 2591]])]
    looks['styles']['iso6346'] |= dict(layouts=[layout], walls=walls)
    with pytest.raises(UserError, match=r'layouts\.0\.rod: expected a gap below 2'):
        load_steel_settings(looks, FORMATS['container'])


def test_patches_lie_behind_the_code():
    spec = door_settings(style=dict(patch=1.))
    for seed in range(8):
        piece = plan_wall(np.random.default_rng(seed), spec, 'iso6346', CODE)
        boxes = np.array([p[:4] for p in piece.patches])
        for _, x1, y1, x2, y2 in piece.block.cells:
            x, y = piece.place[0] + (x1 + x2)/2, piece.place[1] + (y1 + y2)/2
            assert ((boxes[:, 0] < x) & (x < boxes[:, 2]) & (boxes[:, 1] < y) & (y < boxes[:, 3])).any()
        assert abs(np.mean(piece.patches[0][4]) - np.mean(piece.ink)) > 60
