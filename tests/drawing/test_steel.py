"What is painted on steel lies where the quads say, and a specification alone decides how it looks"
import copy, re
from pathlib import Path

import cv2, numpy as np, pytest, yaml

from alpr_nb.codes.check_digits import check_holds
from alpr_nb.codes.formats import Format, format_of
from alpr_nb.core.config import UserError
from alpr_nb.drawing.glyphs.painted_lettering import FAMILIES, SCALE, new_hand
from alpr_nb.drawing.steel.walls import KINDS, Plan, raise_wall
from alpr_nb.drawing.steel.code_layout import lay_out, new_piece
from alpr_nb.drawing.steel.scene import painter, steel_crop, steel_scene
from alpr_nb.drawing.steel.schema import load_steel, steel_code

FORMATS = {'container': dict(iso6346=Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346')),
           'wagon': dict(wagon1520=Format(pattern='NNNNNNNN', check='luhn'), uic=Format(pattern='NNNNNNNNNNNN', check='luhn'))}
ALL = [(scope, name) for scope in FORMATS for name in FORMATS[scope]]


def raw(scope): return yaml.safe_load((Path(__file__).parents[2]/f'conf/data/drawing/{scope}.yaml').read_text(encoding='utf-8'))


def section(scope): return raw(scope)['looks']


def plain(ink, kind='corrugated', rows=[[4], [6, 1]], vertical=False, at=[.1, .2, .9, .9]):
    "One kind of wall, nothing near the code, one ink"
    return load_steel(dict(styles=dict(iso6346=dict(
        layouts=[dict(rows=rows, vertical=vertical)], walls=[dict(kind=kind, size=[[2438, 2438], [2591, 2591]], at=at)],
        palettes=[dict(ground=[120, 120, 120], inks=[[ink]*3])], families=dict(bold=1), ghost=0, age=[0, .3]))))


def inside(quad, shape, grow=0):
    m = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(m, np.round(quad).astype(int), 1)
    return cv2.dilate(m, np.ones((2*grow + 1,)*2)) > 0 if grow else m > 0


@pytest.mark.parametrize('scope', FORMATS)
def test_the_examples_load_and_each_of_their_styles_is_drawn(scope):
    tasks = [raw(scope)[task] for task in ('cd', 'cr')]
    texts = {n: p for t in tasks if isinstance(t['patterns'], dict) for n, p in t['patterns'].items()} # beside the scope's formats
    styles = set(load_steel(section(scope), texts | FORMATS[scope]).styles)
    assert styles == {n for t in tasks for n in t['formats']} == set(texts) | set(FORMATS[scope])


@pytest.mark.parametrize('change, named', [
    (lambda s: s.update(colour='red'), 'steel.colour'),
    (lambda s: s['stands'].update(sea=1), 'steel.stands'),
    (lambda s: s['styles']['iso6346'].update(heigth=[1, 2]), 'steel.styles.iso6346.heigth'),
    (lambda s: s['styles']['iso6346'].update(height=[120, 90]), 'steel.styles.iso6346.height'),
    (lambda s: s['styles']['iso6346'].update(families=dict(gothic=1)), "'gothic' is not one of"),
    (lambda s: s['styles']['iso6346']['walls'][0].update(kind='cheese'), 'steel.styles.iso6346.walls.0.kind'),
    (lambda s: s['styles']['iso6346']['palettes'][1].update(ground=[0, 0, 300]), 'steel.styles.iso6346.palettes.1.ground.2'),
    (lambda s: s['styles']['iso6346']['near'][0].update(texts=['§']), 'steel.styles.iso6346.near.0.texts'),
    (lambda s: s['styles']['iso6346']['layouts'][2].update(rows=[[4], [6]]), 'steel.styles.iso6346.layouts.2.rows'),
    (lambda s: s['styles']['iso6346']['prefixes'].update(MSCA=1), "'MSCA' does not begin"),
    (lambda s: s['styles'].update(other=s['styles'].pop('iso6346')), "no style for the format 'iso6346'"),
])
def test_a_wrong_key_is_named(change, named):
    s = copy.deepcopy(section('container'))
    change(s)
    with pytest.raises(UserError) as e: load_steel(s, FORMATS['container'])
    assert named in str(e.value) and '\n' not in str(e.value)


@pytest.mark.parametrize('scope, name', ALL)
def test_codes_pass_their_check_and_begin_as_asked(scope, name):
    style, fmt = load_steel(section(scope)).styles[name], FORMATS[scope][name]
    codes = [steel_code(np.random.default_rng(i), fmt, style) for i in range(200)]
    assert all(check_holds(c, fmt.check) for c in codes) and len(set(codes)) > 190
    starts = tuple(re.compile(p.replace('@', '.')).match for p in style.prefixes)
    assert np.mean([any(m(c) for m in starts) for c in codes]) > .75
    if scope == 'container': assert np.mean([c[3] == 'U' for c in codes]) > .9
    even = steel_code(np.random.default_rng(0), fmt, style, lambda c: int(c[-2]) % 2 == 0)
    assert int(even[-2]) % 2 == 0


PLACES = [{}, dict(vertical=True), {}, # then by the edges and across the middle, where posts, hinges and seams are
          *(dict(rows=rows, at=at) for rows in ([[4, 6, 1]], [[4], [6, 1]]) for at in ([0, 0, .1, .1], [.9, .9, 1, 1], [.4, 0, .6, .1]))]


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('seed', range(len(PLACES)))
def test_ink_lies_in_the_quads_and_nowhere_else(kind, seed):
    "Two pictures that differ in nothing but the colour of the letters"
    draw = lambda ink: steel_scene(np.random.default_rng(seed), plain(ink, kind, **PLACES[seed]), [('iso6346', 'CSQU3054383')], (480, 320), .45, 0.)
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


@pytest.mark.parametrize('scope, name', ALL)
def test_layouts_keep_the_reading_order(scope, name):
    style = load_steel(section(scope)).styles[name]
    code = steel_code(np.random.default_rng(0), FORMATS[scope][name], style)
    seen = set()
    for i, layout in enumerate(style.layouts):
        b = lay_out(np.random.default_rng(i), style, layout, new_hand(np.random.default_rng(i)), code)
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


@pytest.mark.parametrize('scope, name', ALL)
def test_crops_hold_every_character(scope, name):
    spec = load_steel(section(scope))
    shapes = set()
    for i in range(8):
        rng = np.random.default_rng(i)
        code = steel_code(rng, FORMATS[scope][name], spec.styles[name])
        image, placed = steel_crop(rng, spec, name, code, 150)
        h, w = image.shape[:2]
        shapes.add((w, h))
        assert ''.join(c for c, _ in placed.chars) == placed.code == code and placed.format == name
        slack = .12*min(np.ptp(placed.quad, 0)) + 1   # a tight crop cuts the edges of the outer characters
        for _, q in placed.chars: assert q.min() > -slack and (q.max(0) < (w + slack, h + slack)).all()
    if spec.squeezed and name == 'wagon1520': assert (200, 40) in shapes


@pytest.mark.parametrize('scope, name', ALL)
def test_neighbours_are_told_only_when_whole(scope, name):
    spec, found = load_steel(section(scope)), 0
    for i in range(12):
        rng = np.random.default_rng(i)
        codes = [(name, steel_code(rng, FORMATS[scope][name], spec.styles[name])) for _ in range(3)]
        s = steel_scene(rng, spec, codes, (480, 270), .07)
        assert s.image.shape == (270, 480, 3) and s.image.dtype == np.uint8
        assert s.plates[0].code == codes[0][1] and {p.code for p in s.plates} <= {c for _, c in codes}
        for p in s.plates: assert p.quad.min() > -1 and (p.quad < (481, 271)).all()
        found += len(s.plates)
    assert found > 12


def test_the_main_code_of_a_scene_that_it_dominates_is_the_largest():
    spec, seen = load_steel(section('container')), 0
    for i in range(12):
        rng = np.random.default_rng(i)
        codes = [('iso6346', steel_code(rng, FORMATS['container']['iso6346'], spec.styles['iso6346'])) for _ in range(3)]
        main, *others = [np.prod(np.ptp(p.quad, 0)) for p in steel_scene(rng, spec, codes, (480, 270), .15, 0., True).plates]
        seen += len(others)
        assert all(o < .6*main for o in others)
    assert seen


@pytest.mark.parametrize('at', [[.1, .2, .9, .9], [.4, 0, .6, .1]])
def test_a_code_on_a_door_stands_on_one_leaf(at):
    for i in range(12):
        piece = new_piece(np.random.default_rng(i), plain(255, 'door', [[4, 6, 1]], at=at), 'iso6346', 'CSQU3054383')
        x, width, seam = piece.place[0], piece.block.size[0], piece.plan.size[0]/2
        assert x > seam + 26 or x + width < seam - 26


def test_a_painter_knows_the_styles_of_its_formats_alone():
    assert list(painter(section('container'), FORMATS['container']).spec.styles) == ['iso6346']


def test_a_wall_without_a_code(): assert steel_scene(np.random.default_rng(0), load_steel(section('container')), [], (320, 180)).plates == ()


def test_same_generator_same_bytes():
    spec = load_steel(section('wagon'))
    draw = lambda: steel_scene(np.random.default_rng(3), spec, [('uic', '318012345675')], (320, 180)).image.tobytes()
    crop = lambda: steel_crop(np.random.default_rng(3), spec, 'uic', '318012345675')[0].tobytes()
    assert draw() == draw() and crop() == crop()


@pytest.mark.parametrize('scope', FORMATS)
def test_what_stands_near_is_never_a_code(scope):
    for style in load_steel(section(scope)).styles.values():
        for line in (l for n in style.near for t in n.texts for l in t.split('\n')):
            said = ''.join('0' if c == '#' else 'A' if c == '@' else c for c in line if c.isalnum() or c in '#@')
            assert not any(len(said) == len(f.pattern.replace('[UJZ]', 'U')) for f in FORMATS[scope].values() if said.isdigit()), line
            assert format_of(said, FORMATS[scope]) is None, line


def test_families_differ():
    a, b = (new_hand(np.random.default_rng(0), f).glyph('8') for f in ('condensed', 'bold'))
    assert a.shape[1] < b.shape[1] and set(FAMILIES) >= {'grotesque', 'stencil', 'sprayed'}


@pytest.mark.parametrize('family', FAMILIES)
def test_every_hand_writes_every_character(family):
    hand = new_hand(np.random.default_rng(1), family)
    for c in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789':
        glyph = hand.glyph(c)
        assert glyph.shape[0] == SCALE and (glyph[:8] > 60).any() and (glyph[-8:] > 60).any(), c


def test_level_strokes_end_where_the_letter_does():
    hand = new_hand(np.random.default_rng(3), 'bold')
    for c in 'ZTELF7':
        assert abs(hand.glyph(c).shape[1] - hand.forms[c][0]*hand.width*SCALE) < 6, c


@pytest.mark.parametrize('width', [1, 2, 5, 14, 40])
@pytest.mark.parametrize('kind', KINDS)
def test_a_wall_of_which_hardly_anything_shows(kind, width):
    plan = Plan(kind, (6000, 2600), (90, 60, 50))
    wall = raise_wall(np.random.default_rng(0), plan, (100, 100, 100 + width*20, 2100), .05, lambda *_: None, .5)
    assert wall.canvas.image.shape[1] >= 1 and np.isfinite(wall.seen([(110, 500)])).all()


def test_a_photograph_stands_behind_what_is_drawn_and_lights_the_walls(tmp_path):
    cv2.imwrite(str(tmp_path/'a.png'), np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8))
    looks = section('container')
    plain, lit = load_steel(looks), load_steel({**looks, 'photographs': str(tmp_path), 'photographed': 1.})
    code = [('iso6346', 'CSQU3054383')]
    draw = lambda spec, codes: steel_scene(np.random.default_rng(5), spec, codes, (320, 180), .3, strength=0.)
    a, b = draw(plain, code), draw(lit, code)
    assert a.plates[0].code == b.plates[0].code == 'CSQU3054383' and not np.array_equal(a.image, b.image)
    empty = draw(lit, [])
    assert empty.plates == () and empty.image.std() > 20
    with pytest.raises(UserError, match='photographed needs a folder'): load_steel({**looks, 'photographs': '', 'photographed': .5})
