"Photographs of codes on steel: the ink lies where the quads say, and codes that are cut have none."
import cv2
import numpy as np
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.drawing.steel.scene import draw_steel_scene
from alpr_nb.drawing.steel.schema import load_steel_settings, random_steel_code
from alpr_nb.drawing.steel.walls import WALL_KINDS
from steel_examples import ALL_STYLES, FORMATS, plain_wall, section

PLACES = [{}, dict(vertical=True), {}, # then by the edges and across the middle, where posts, hinges and seams are
          *(dict(rows=rows, at=at) for rows in ([[4, 6, 1]], [[4], [6, 1]])
            for at in ([0, 0, .1, .1], [.9, .9, 1, 1], [.4, 0, .6, .1]))]


def inside(quad, shape, grow=0):
    m = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(m, np.round(quad).astype(int), 1)
    return cv2.dilate(m, np.ones((2*grow + 1,)*2)) > 0 if grow else m > 0


@pytest.mark.parametrize('kind', WALL_KINDS)
@pytest.mark.parametrize('seed', range(len(PLACES)))
def test_ink_lies_in_the_quads_and_nowhere_else(kind, seed):
    "Two pictures that differ in nothing but the colour of the letters"
    draw = lambda ink: draw_steel_scene(np.random.default_rng(seed), plain_wall(ink, kind, **PLACES[seed]),
                                        [('iso6346', 'CSQU3054383')], (480, 320), .45, 0.)
    a, b = draw(255), draw(0)
    assert all(np.array_equal(p, q) for (_, p), (_, q) in zip(a.plates[0].chars, b.plates[0].chars))
    differs = np.abs(a.image.astype(int) - b.image).max(2)
    if a.image.max() < 60: pytest.skip('night')
    strong = differs > .35*differs.max()
    there = np.zeros(differs.shape, bool)
    for char, quad in a.plates[0].chars:
        assert quad.min() >= 0 and (quad <= (480, 320)).all(), char
        assert strong[inside(quad, differs.shape)].mean() > .12, char
        there |= inside(quad, differs.shape, 2)
    assert strong[~there].sum() == 0


@pytest.mark.parametrize('scope, name', ALL_STYLES)
def test_neighbours_are_told_only_when_whole(scope, name):
    spec, found = load_steel_settings(section(scope)), 0
    for i in range(12):
        rng = np.random.default_rng(i)
        codes = [(name, random_steel_code(rng, FORMATS[scope][name], spec.styles[name])) for _ in range(3)]
        s = draw_steel_scene(rng, spec, codes, (480, 270), .07)
        h, w = s.image.shape[:2]
        assert abs(w*h - 480*270) < 600 and s.image.dtype == np.uint8
        if not spec.aspects: assert (w, h) == (480, 270)
        assert s.plates[0].code == codes[0][1] and {p.code for p in s.plates} <= {c for _, c in codes}
        for p in s.plates: assert p.quad.min() > -1 and (p.quad < (w + 1, h + 1)).all()
        found += len(s.plates)
    assert found > 12


def test_the_main_code_of_a_scene_that_it_dominates_is_the_largest():
    spec, seen = load_steel_settings(section('container')), 0
    for i in range(24):
        rng = np.random.default_rng(i)
        codes = [('iso6346', random_steel_code(rng, FORMATS['container']['iso6346'], spec.styles['iso6346']))
                 for _ in range(3)]
        main, *others = [np.prod(np.ptp(p.quad, 0))
                         for p in draw_steel_scene(rng, spec, codes, (480, 270), .1, 0., True).plates]
        seen += len(others)
        assert all(o < .6*main for o in others)
    assert seen


def test_a_wall_without_a_code():
    assert (draw_steel_scene(np.random.default_rng(0), load_steel_settings(section('container')), [], (320, 180)).plates
            == ())


def test_same_generator_same_bytes():
    spec = load_steel_settings(section('wagon'))
    draw = lambda: draw_steel_scene(np.random.default_rng(3), spec, [('uic', '318012345675')],
                                    (320, 180)).image.tobytes()
    assert draw() == draw()


def test_a_photograph_stands_behind_what_is_drawn_and_lights_the_walls(tmp_path):
    cv2.imwrite(str(tmp_path/'a.png'), np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8))
    looks = section('container')
    unlit, lit = (load_steel_settings(looks),
                  load_steel_settings({**looks, 'photographs': str(tmp_path), 'photographed': 1.}))
    code = [('iso6346', 'CSQU3054383')]
    draw = lambda spec, codes: draw_steel_scene(np.random.default_rng(5), spec, codes, (320, 180), .3, strength=0.)
    a, b = draw(unlit, code), draw(lit, code)
    assert a.plates[0].code == b.plates[0].code == 'CSQU3054383' and not np.array_equal(a.image, b.image)
    empty = draw(lit, [])
    assert empty.plates == () and empty.image.std() > 20
    with pytest.raises(UserError, match='photographed needs a folder'):
        load_steel_settings({**looks, 'photographs': '', 'photographed': .5})
