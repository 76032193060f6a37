"The settings of codes on steel: each example loads, a wrong key is named, codes pass their check."
import copy
import re

import numpy as np
import pytest

from alpr_nb.codes.check_digits import check_holds
from alpr_nb.codes.formats import format_of
from alpr_nb.core.config import UserError
from alpr_nb.drawing.steel.schema import load_steel_settings, random_steel_code
from steel_examples import ALL_STYLES, FORMATS, raw, section


@pytest.mark.parametrize('scope', FORMATS)
def test_the_examples_load_and_each_of_their_styles_is_drawn(scope):
    tasks = [raw(scope)[task] for task in ('cd', 'cr')]
    # beside the scope's formats
    texts = {n: p for t in tasks if isinstance(t['patterns'], dict) for n, p in t['patterns'].items()}
    styles = set(load_steel_settings(section(scope), texts | FORMATS[scope]).styles)
    assert styles == {n for t in tasks for n in t['formats']} == set(texts) | set(FORMATS[scope])


@pytest.mark.parametrize('change, named', [
    (lambda s: s.update(colour='red'), 'steel.colour'),
    (lambda s: s['stands'].update(sea=1), 'steel.stands'),
    (lambda s: s['styles']['iso6346'].update(heigth=[1, 2]), 'steel.styles.iso6346.heigth'),
    (lambda s: s['styles']['iso6346'].update(height=[120, 90]), 'steel.styles.iso6346.height'),
    (lambda s: s['styles']['iso6346'].update(families=dict(gothic=1)), "'gothic' is not one of"),
    (lambda s: s['styles']['iso6346']['walls'][0].update(kind='cheese'), 'steel.styles.iso6346.walls.0.kind'),
    (lambda s: s['styles']['iso6346']['palettes'][1].update(ground=[0, 0, 300]),
     'steel.styles.iso6346.palettes.1.ground.2'),
    (lambda s: s['styles']['iso6346']['near'][0].update(texts=['§']), 'steel.styles.iso6346.near.0.texts'),
    (lambda s: s['styles']['iso6346']['layouts'][2].update(rows=[[4], [6]]), 'steel.styles.iso6346.layouts.2.rows'),
    (lambda s: s['styles']['iso6346']['prefixes'].update(MSCA=1), "'MSCA' does not begin"),
    (lambda s: s['styles'].update(other=s['styles'].pop('iso6346')), "no style for the format 'iso6346'"),
])
def test_a_wrong_key_is_named(change, named):
    s = copy.deepcopy(section('container'))
    change(s)
    with pytest.raises(UserError) as e: load_steel_settings(s, FORMATS['container'])
    assert named in str(e.value) and '\n' not in str(e.value)


@pytest.mark.parametrize('scope, name', ALL_STYLES)
def test_codes_pass_their_check_and_begin_as_asked(scope, name):
    style, fmt = load_steel_settings(section(scope)).styles[name], FORMATS[scope][name]
    codes = [random_steel_code(np.random.default_rng(i), fmt, style) for i in range(200)]
    assert all(check_holds(c, fmt.check) for c in codes) and len(set(codes)) > 190
    starts = tuple(re.compile(p.replace('@', '.')).match for p in style.prefixes)
    assert np.mean([any(m(c) for m in starts) for c in codes]) > .75
    if scope == 'container': assert np.mean([c[3] == 'U' for c in codes]) > .9
    even = random_steel_code(np.random.default_rng(0), fmt, style, lambda c: int(c[-2]) % 2 == 0)
    assert int(even[-2]) % 2 == 0


@pytest.mark.parametrize('scope', FORMATS)
def test_text_beside_a_code_is_never_a_code(scope):
    for style in load_steel_settings(section(scope)).styles.values():
        for line in (l for n in style.near for t in n.texts for l in t.split('\n')):
            said = ''.join('0' if c == '#' else 'A' if c == '@' else c for c in line if c.isalnum() or c in '#@')
            assert not any(len(said) == len(f.pattern.replace('[UJZ]', 'U'))
                           for f in FORMATS[scope].values() if said.isdigit()), (
                line)
            assert format_of(said, FORMATS[scope]) is None, line
