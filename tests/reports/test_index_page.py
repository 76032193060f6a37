"The index: how good, better than last time or not, where it fails, and what it was made from."
import json
import shutil

import pytest

from alpr_nb.core.config import UserError
from alpr_nb.evaluation.error_gallery import render_errors
from alpr_nb.reports.index_page import render_index
from alpr_nb.reports.stage_graph import draw_graph, group_stages, read_stages
from alpr_nb.workflow.html_page import page, write_page
from alpr_nb.workflow.provenance import git_revision
from fabricated import benchmark, dvc, git, repository
from html_assets import Loads

CODES = [f'ABC{n:04d}' for n in range(20)]
PIPELINE = """stages:
  code:
    foreach: [data, train]
    do:
      cmd: echo ${item} > ${item}.json
      outs:
        - ${item}.json
  train:
    foreach: [cd, cr]
    do:
      cmd: echo ${item} > ${item}.onnx
      deps: [train.json]
      outs:
        - ${item}.onnx
  benchmark:
    foreach: [cars]
    do:
      cmd: "false"
      deps: [cd.onnx, cr.onnx]
      outs: [outputs/truck/benchmark/cars/predictions.jsonl]
      metrics: [outputs/truck/benchmark/cars/metrics.json, outputs/truck/benchmark/cars/latency.json]
"""


def figures(root, **accuracies):
    "metrics.json of some sets, each of 1,000 images."
    for name, acc in accuracies.items():
        folder = root/'outputs/truck/benchmark'/name
        folder.mkdir(parents=True, exist_ok=True)
        m = {'n': 1000, 'acc@0.2': acc, 'acc@0.9': .02, 'acc_raw@0.2': .3, 'cer': .05,
             'interval': {'acc@0.2': [acc - .02, acc + .02]}}
        (folder/'metrics.json').write_text(json.dumps(m))
        (folder/'latency.json').write_text(json.dumps(dict(n=9, total_median=33.3, total_p95=44.)))
    return folder


def test_index(tmp_path):
    write_page(page('Training', '', lead='Learns to read', facts=dict(stage='train-cr', heading='Training')),
               tmp_path/'reports/truck/train-cr.html')
    (tmp_path/'reports/truck/else.html').write_text('<p>not ours</p>')
    assert 'No benchmark has run yet' in render_index(tmp_path, 'truck', .9).read_text()
    folder = figures(tmp_path, validation=.871, real=.4)
    (tmp_path/'outputs/truck/cr').mkdir()
    (tmp_path/'outputs/truck/cr/metrics.json').write_text(json.dumps(dict(mAP50=.98, epochs=10)))
    text = render_index(tmp_path, 'truck', .9, ['validation'], synthetic=True).read_text()
    found = Loads(text)
    assert found.loads == [] and 'truck/train-cr.html' in found.links
    assert ('Of 1,000 synthetic truck images in the set validation it reads 87.1% without a mistake '
            '(95% interval 85.1% to 89.1%): 2.9% under the gate of 90%.') in text
    assert '<p class="big">40.0%</p>' in text
    assert 'of 1,000 images are read without a mistake; 95% interval 38.0% to 42.0%' in text
    assert text.count('under the gate') == 3, 'in the description, the lead and the card of the gated set'
    assert text.index('validation, n') < text.index('real, n')
    assert 'against' not in text
    assert 'on equal terms' not in text
    beside = render_index(tmp_path, 'truck', .9, published={'<thesis>': {'acc@0.2': .96}}).read_text()
    assert '−8.9 points against &lt;thesis&gt; (96% on its own photographs)' in beside
    assert '<th scope="row">&lt;thesis&gt;</th><td>96%</td>' in beside
    assert '33.3 ms' in text and '0.980' in text and 'Learns to read' in text and 'not ours' not in text
    assert 'There is no earlier run to compare with' in text
    assert 'not in git' in text
    assert 'Where does it fail' not in text
    (folder/'metrics.json').write_text('{')
    with pytest.raises(UserError, match='metrics.json'): render_index(tmp_path, 'truck', .9)


@pytest.fixture(scope='module')
def two_runs(tmp_path_factory):
    "A run that was committed, and a later one in the folder that reads eight more images and loses one."
    root = repository(tmp_path_factory.mktemp('runs')/'project')
    (root/'dvc.yaml').write_text(PIPELINE)
    (root/'params.yaml').write_text('scope: {name: truck}\ntrain: {epochs: 3}\n')
    results = root/'outputs/truck/benchmark/cars'
    wrong = lambda code: code.replace('A', '4')
    for name in ('data.json', 'train.json', 'cd.onnx', 'cr.onnx'): (root/name).write_text(name)
    benchmark(results, [(c, c if i < 11 else wrong(c), .9) for i, c in enumerate(CODES)])
    dvc(root, 'commit', '-q', '-f')
    git(root, 'add', '-A')
    git(root, 'commit', '-qm', 'The first run <of two>')
    shutil.rmtree(results)
    benchmark(results, [(c, c if 0 < i < 19 else wrong(c), .9) for i, c in enumerate(CODES)])
    (root/'params.yaml').write_text('scope: {name: truck}\ntrain: {epochs: 9}\n')
    return root


def test_better_than_last_time(two_runs):
    text = render_index(two_runs, 'truck', .9).read_text()
    revision = git(two_runs, 'rev-parse', '--short=7', 'HEAD')
    assert f'<code>{revision}</code>' in text and 'The first run &lt;of two&gt;' in text
    assert '55.0% → <b>90.0%</b>' in text and f'<b>+35.0 points</b> since {revision}' in text
    # the exact test of 8 against 1, by hand: 2 * (1 + 9)/2**9
    assert '8 images fixed, 1 newly wrong: better than last time (p=0.04)' in text
    assert 2*10/2**9 == pytest.approx(.039, abs=.001)
    assert 'Newly wrong: photo 0.jpg.' in text and '<code>train.epochs</code></th><td>3</td><td>9</td>' in text
    assert f'git revision <code>{git(two_runs, "rev-parse", "HEAD")}</code>.' in text


def test_only_changed_code_makes_a_revision_dirty(two_runs, tmp_path):
    root = tmp_path/'copy'
    shutil.copytree(two_runs, root)
    head = git(root, 'rev-parse', 'HEAD')
    assert git(root, 'status', '--porcelain') and git_revision(root) == head, 'params.yaml and results alone'
    (root/'alpr_nb').mkdir()
    (root/'alpr_nb/new.py').touch()
    assert git_revision(root) == f'{head}-dirty'
    assert f'<code>{head}-dirty</code>, with changes' in render_index(root, 'truck', .9).read_text()


def test_the_graph_is_that_of_dvc(two_runs):
    g = group_stages(read_stages(two_runs))
    assert set(g.edges) == {('train', 'benchmark')} and g.nodes['train']['items'] == ['cd', 'cr'], (
        'fingerprints are left out')
    assert '<a href="truck/benchmark-cars.html">cars</a>' in draw_graph(
        g, {'benchmark-cars': 'truck/benchmark-cars.html'})
    assert draw_graph(g) in render_index(two_runs, 'truck', .9).read_text()


def test_a_run_that_was_committed_is_compared_with_the_one_before(two_runs, tmp_path):
    root = tmp_path/'copy'
    shutil.copytree(two_runs, root)
    first = git(root, 'rev-parse', '--short=7', 'HEAD')
    dvc(root, 'commit', '-q', '-f')
    git(root, 'add', '-A')
    git(root, 'commit', '-qm', 'The second run')
    assert f'since {first}' in render_index(root, 'truck', .9).read_text()
    shutil.rmtree(root/'.dvc/cache')
    assert 'There is no earlier run to compare with' in render_index(root, 'truck', .9).read_text()


def test_where_it_fails(tmp_path):
    folder = tmp_path/'outputs/truck/benchmark'
    benchmark(folder/'cars', [('QAB1234', 'OAB1234', .9), ('ABC1234', '', 0.), ('ABC1235', 'ABC1235', .9)])
    render_errors(tmp_path, 'truck')
    text = render_index(tmp_path, 'truck', .9).read_text()
    links = Loads(text).links
    assert 'truck/errors.html#set=cars&kind=wrong+character' in links
    assert 'truck/errors.html#characters=Q+read+as+O' in links
    assert 'The 2 errors of highest confidence' in text and text.count('data:image/jpeg') == 2
    assert all(f'>{k}<' in text for k in ('missed plate', 'wrong character')) and '>extra character<' not in text


def test_verdicts_against_released_readers_are_shown(tmp_path):
    folder = figures(tmp_path, held=.5)
    row = dict(baseline='truck-synthetic', note='', verdict='worse', right=23, baseline_right=46, images=100,
               vehicles=95, gained=1, lost=24, difference=-.23, low=-.3, high=-.1, p=.00002)
    (folder/'comparison.json').write_text(json.dumps([row]))
    text = render_index(tmp_path, 'truck', 0).read_text()
    assert ('held: worse than truck-synthetic: 23 of 100 codes right against 46, p &lt; 0.001, n = 95 vehicles.'
            in text)
    (folder/'comparison.json').write_text('[]')
    assert 'released readers' not in render_index(tmp_path, 'truck', 0).read_text()
