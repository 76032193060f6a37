"The error page: every failure is listed, and names stay text."
import json

import pytest

from alpr_nb.core.config import UserError
from alpr_nb.evaluation.error_gallery import gallery, render_errors
from alpr_nb.evaluation.error_kinds import KINDS
from fabricated import benchmark, prediction
from html_assets import Loads

CODES = [f'ABC{n:04d}' for n in range(20)]


def test_the_page_counts_the_failures(tmp_path):
    readings = [('QAB1234', 'OAB1234', .9), ('ABC1234', '', 0.), ('ABC1235', 'ABC1235', .9)]
    benchmark(tmp_path/'outputs/truck/benchmark/cars', readings)
    text = render_errors(tmp_path, 'truck').read_text()
    assert '2 of 3 vehicles in 1 set were not read as they are labelled.' in text
    assert Loads(text).links == ['../index.html'] and text.count('data:image/jpeg') == 2


def test_hostile_names_stay_text(tmp_path):
    "A file name or a label that is code is shown, not run."
    bad = '"><script>alert(1)</script>'
    text = gallery([(prediction(0, 'ABC1234', 'ABC1230', .9, image=bad), None, bad)])
    assert '<script>alert' not in text and text.count('<script>') == 1
    (tmp_path/'outputs/truck/benchmark/x').mkdir(parents=True)
    (tmp_path/'outputs/truck/benchmark/x/predictions.jsonl').write_text('{"truncated')
    with pytest.raises(UserError, match='not JSON lines'): render_errors(tmp_path, 'truck')


def test_kinds_are_counted_whole(tmp_path):
    "What the page lists and what the metrics count are the same failures."
    lines = benchmark(tmp_path/'outputs/truck/benchmark/cars',
                      [(c, c if i % 3 else c[:-1], .5) for i, c in enumerate(CODES)])
    m = json.loads((tmp_path/'outputs/truck/benchmark/cars/metrics.json').read_text())
    wrong = sum(p['kind'] != 'right' for p in lines)
    assert wrong == round(20*(1 - m['acc@0.2'])) == render_errors(tmp_path, 'truck').read_text().count('<li data-')
    assert {p['kind'] for p in lines} <= set(KINDS)
