"The benchmark: reading a set with models made by hand, and the stage notebook from parameters to results."
import json
import shutil

import pytest

from alpr_nb.codes.scope import load_scope
from alpr_nb.core.config import UserError
from alpr_nb.data.ground_truth import read_truth
from alpr_nb.evaluation.benchmark import open_reader, read_set
from alpr_nb.evaluation.results import to_json, write_tables
from alpr_nb.evaluation.summary import compute_metrics
from alpr_nb.inference.config import reader_config
from alpr_nb.inference.reader import Reader
from conftest import ROOT
from onnx_models import fixed_model, text_model
from photo_sets import labelme, photo

LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

@pytest.fixture
def project(tmp_path):
    "A project whose models find a plate in the middle of every image and read A8C1D23 on it"
    (tmp_path/'nbs').mkdir()
    shutil.copy(ROOT/'nbs'/'04_benchmark.ipynb', tmp_path/'nbs')
    (tmp_path/'params.yaml').write_text(json.dumps(dict(scope=dict(
        name='truck', label='plate', alphabet=LETTERS, formats=dict(old=dict(pattern='LLLNNNN'),
                                                                     mercosul=dict(pattern='LLLNLNN')),
        substitutions={'B': '8', 'O': '0'}))))
    (tmp_path/'cd.onnx').write_bytes(fixed_model([[256, 144, 200, 60, .95, 1.]]))
    (tmp_path/'cr.onnx').write_bytes(text_model('A8C1D23', p=.6))
    photos = tmp_path/'photos'
    for name in ('right', 'wrong', 'broken'): photo(photos/f'{name}.jpg', 512, 288)
    (photos/'broken.jpg').write_bytes(b'no image')
    (photos/'validation.csv').write_text('image,code\nright.jpg,ABC1D23\nwrong.jpg,ABC1D24\nbroken.jpg,XYZ9876\n')
    for name in ('right', 'wrong', 'broken'): labelme(photos/f'{name}.json', ('', (156, 114, 356, 174)))
    return tmp_path

GIVEN = dict(set_name='test', images='photos', cd='cd.onnx', cr='cr.onnx', reader=dict(cd=dict(size=512)), out='out',
             thresholds=[.2, .7], bootstrap=100, threads=1,
             published={'a peer': {'acc@0.2': .96}})

def run(project, **more):
    from alpr_nb.workflow.runner import run_notebook
    return run_notebook(project/'nbs'/'04_benchmark.ipynb', {**GIVEN, **more}, project/'out'/'executed.ipynb',
                        html=False,
                        log=lambda *_: None)

def test_stage(project):
    executed = run(project).read_text()
    out = project/'out'/'test'
    m = json.loads((out/'metrics.json').read_text())
    assert m['n'] == 3 and m['unreadable'] == 1
    assert m['acc@0.2'] == pytest.approx(1/3, abs=1e-5) and m['acc_raw@0.2'] == 0 and m['acc@0.7'] == 0
    assert m['acc_substituted@0.2'] == pytest.approx(1/3, abs=1e-5)
    assert m['cd_recall'] == pytest.approx(2/3, abs=1e-5) and m['cd_precision'] == 1
    assert m['interval']['acc@0.2'][0] <= 1/3 <= m['interval']['acc@0.2'][1]
    lines = {p['image']: p for p in map(json.loads, (out/'predictions.jsonl').read_text().splitlines())}
    assert {n: p['kind'] for n, p in lines.items()} == {'right.jpg': 'right', 'wrong.jpg': 'wrong character',
                                                        'broken.jpg': 'unreadable image'}
    assert lines['right.jpg']['reads']['raw']['0.2'] == 'A8C1D23' and len(lines['right.jpg']['chars']) == 7
    assert 'broken.jpg' in lines['broken.jpg']['error']
    assert {f.name for f in (out/'plots').iterdir()} == {f'{n}.csv' for n in (
        'threshold', 'calibration', 'confusion', 'confusion_raw', 'latency', 'width', 'tilt', 'format', 'length',
        'limits')}
    assert sorted(f.name for f in (out/'errors').iterdir()) == ['000_wrong.jpg', 'errors.csv']
    parts = 'decode', 'cd', 'cr', 'code', 'total'
    assert set(json.loads((out/'latency.json').read_text())) == {'n'} | {f'{p}_{k}' for p in parts
                                                                         for k in ('median', 'p95')}
    assert 'data:image/jpeg;base64' in executed and '<th>a peer</th>' in executed
    assert [f.name for f in (project/'out').iterdir() if f.name.startswith('.')] == []

def hand_made_reader(project):
    scope = load_scope(project/'params.yaml')
    return Reader.from_models(project/'cd.onnx', project/'cr.onnx', reader_config(scope), threads=1)

def test_models_of_another_scope_and_single_models_are_refused(project, monkeypatch):
    monkeypatch.chdir(project)
    with pytest.raises(UserError, match='expected scope.name wagon as in this set, found truck'):
        open_reader('wagon', '', 'cd.onnx', 'cr.onnx', {})
    with pytest.raises(UserError, match='only one model is named'): open_reader('truck', '', 'cd.onnx', '', {})
    assert open_reader('truck', '', '', 'cr.onnx', dict(cr=dict(threshold=.4)), crop=True).config.cr.threshold == .4

def test_the_same_set_gives_the_same_lines(project):
    reader, truths = hand_made_reader(project), read_truth(project/'photos')
    first, again = (read_set(reader, truths, [.7, .2])[0] for _ in range(2))
    assert to_json(first) == to_json(again) and list(first[0]['reads']['raw']) == ['0.2', '0.7']
    assert compute_metrics(first, False, .25, 100) == compute_metrics(again, False, .25, 100)

def test_crops_have_no_figures_of_the_detector(project):
    photo(project/'crops'/'a.jpg', 256, 96)
    (project/'crops'/'labels.csv').write_text('image,text\na.jpg,ABC1D23\n')
    lines, ms = read_set(hand_made_reader(project), read_truth(project/'crops'), [.2, .7], crop=True)
    found = compute_metrics(lines, True, .25, 100)
    assert found['acc@0.2'] == 1 and not any(k.startswith('cd_') for k in found)
    assert lines[0]['width'] == 256 and lines[0]['tilt'] == 0 and ms[0]['cd'] == 0

def test_a_set_of_broken_images_stops(project):
    for name in ('right', 'wrong'): (project/'photos'/f'{name}.jpg').write_bytes(b'')
    with pytest.raises(UserError, match='none of the 3'): read_set(hand_made_reader(project),
                                                                   read_truth(project/'photos'), [.2])

def test_a_set_of_misses_can_be_measured_and_drawn(project):
    (project/'cd.onnx').write_bytes(fixed_model([[256, 144, 200, 60, .1, 1.]]))
    lines, ms = read_set(hand_made_reader(project), read_truth(project/'photos'), [.2, .7])
    found = compute_metrics(lines, False, .25, 100)
    assert found['acc@0.2'] == 0 and found['cd_recall'] == 0 and 'cd_precision' not in found and 'ece' not in found
    assert found['cd_map50'] > .6                                # the boxes are there, only too unsure to be used
    tables = write_tables(project, lines, found, ms)
    assert tables['confusion'].empty and list(tables['confusion']) == ['actual', 'predicted']

def test_a_failing_cell_leaves_no_result(project):
    old = project/'out'/'test'
    old.mkdir(parents=True)
    (old/'metrics.json').write_text('{}')
    other = project/'out'/'other'/'metrics.json'
    other.parent.mkdir()
    other.write_text('{}')
    with pytest.raises(UserError, match='none.onnx'): run(project, cr='none.onnx')
    assert not old.exists() and other.exists()
    with pytest.raises(UserError, match='plain name'): run(project, set_name='..')
    assert other.exists()
