"Settings of the steel renderer that several tests use: the ones in conf/, and one plain wall."
from pathlib import Path

import yaml

from alpr_nb.codes.formats import Format
from alpr_nb.drawing.steel.schema import load_steel_settings

FORMATS = {'container': dict(iso6346=Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346')),
           'wagon': dict(wagon1520=Format(pattern='NNNNNNNN', check='luhn'),
                         uic=Format(pattern='NNNNNNNNNNNN', check='luhn'))}
ALL_STYLES = [(scope, name) for scope in FORMATS for name in FORMATS[scope]]


def raw(scope):
    return yaml.safe_load((Path(__file__).parents[1]/f'conf/data/drawing/{scope}.yaml').read_text(encoding='utf-8'))


def section(scope): return raw(scope)['looks']


def plain_wall(ink, kind='corrugated', rows=[[4], [6, 1]], vertical=False, at=[.1, .2, .9, .9]):
    "One kind of wall, nothing near the code, one ink"
    return load_steel_settings(dict(styles=dict(iso6346=dict(
        layouts=[dict(rows=rows, vertical=vertical)], walls=[dict(kind=kind, size=[[2438, 2438], [2591, 2591]], at=at)],
        palettes=[dict(ground=[120, 120, 120], inks=[[ink]*3])], families=dict(bold=1), ghost=0, age=[0, .3]))))
