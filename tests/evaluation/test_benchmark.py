"The benchmark: truth in its three forms, hostile sets, the gate, and the stage notebook with models made by hand."
import json, shutil
from pathlib import Path

import cv2, numpy as np, pytest

from alpr_nb.evaluation.benchmark import read_set, to_json, verify, write_plots
from alpr_nb.core.config import UserError
from alpr_nb.codes.scope import load_scope
from alpr_nb.evaluation.summary import compute_metrics
from alpr_nb.inference.config import reader_config
from alpr_nb.inference.reader import Reader
from alpr_nb.data.ground_truth import read_truth
from onnx_models import fixed_model, text_model

ROOT = Path(__file__).parents[2]
LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

def photo(path, w=320, h=200):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((h, w, 3), 90, np.uint8))

def labelme(path, *plates):
    shapes = [dict(label='plate', points=[list(b[:2]), list(b[2:])], shape_type='rectangle', description=t) for t, b in plates]
    path.write_text(json.dumps(dict(shapes=shapes, imagePath=path.with_suffix('.jpg').name, imageHeight=200, imageWidth=320)))

@pytest.fixture
def listed(tmp_path):
    "Two photographs with validation.csv and LabelMe JSON"
    for name in 'ab': photo(tmp_path/f'{name}.jpg')
    (tmp_path/'validation.csv').write_text('image,code\nb.jpg,XYZ1A34\na.jpg,abc-1234\n')
    labelme(tmp_path/'a.json', ('ABC1234', (10, 20, 50, 33)), ('', (100, 20, 150, 33)))
    labelme(tmp_path/'b.json', ('', (60, 33, 10, 20)))
    return tmp_path

def test_validation_csv_with_labelme(listed):
    a, b = read_truth(listed)
    assert (a.image.name, a.code, a.box, len(a.boxes)) == ('a.jpg', 'ABC1234', (10, 20, 50, 33), 2)
    assert (b.code, b.box) == ('XYZ1A34', (10, 20, 60, 33))     # one plate: its text need not be known

def test_of_two_plates_the_largest_counts(listed):
    (listed/'validation.csv').write_text('image,code\na.jpg,ABC1234\na.jpg,BRA2E19\nb.jpg,XYZ1A34\n')
    labelme(listed/'a.json', ('ABC1234', (10, 20, 50, 33)), ('bra-2e19', (100, 20, 150, 40)), ('', (0, 0, 300, 10)))
    a, _ = read_truth(listed)
    assert (a.code, a.box, len(a.boxes)) == ('BRA2E19', (100, 20, 150, 40), 3)

def test_labels_csv_with_a_subfolder(tmp_path):
    photo(tmp_path/'images'/'w.jpg')
    (tmp_path/'labels.csv').write_text('image,text\nimages/w.jpg,57529190\n')
    truth, = read_truth(tmp_path)
    assert (truth.code, truth.box, truth.boxes) == ('57529190', None, None)

def test_openalpr(tmp_path):
    photo(tmp_path/'a.jpg')
    (tmp_path/'a.txt').write_text('a.png\t10\t20\t40\t13\tABC1234\n')  # one of the published files names another suffix
    truth, = read_truth(tmp_path)
    assert (truth.image.name, truth.code, truth.box) == ('a.jpg', 'ABC1234', (10, 20, 50, 33))

def spoil_missing_image(d): (d/'a.jpg').unlink()
def spoil_extra_image(d): photo(d/'c.jpg')
def spoil_empty_list(d): (d/'validation.csv').write_text('image,code\n')
def spoil_empty_file(d): (d/'validation.csv').write_text('')
def spoil_columns(d): (d/'validation.csv').write_text('file,code\na.jpg,ABC1234\n')
def spoil_code(d): (d/'validation.csv').write_text('image,code\na.jpg,\nb.jpg,ABC1234\n')
def spoil_twice(d): (d/'validation.csv').write_text('image,code\na.jpg,ABC1234\na.jpg,abc-1234\nb.jpg,ABC1234\n')
def spoil_unknown_plates(d): (d/'validation.csv').write_text('image,code\na.jpg,ABC1235\na.jpg,ABC1236\nb.jpg,XYZ1A34\n')
def spoil_names(d): (d/'validation.csv').write_text('image,code\nx/a.jpg,ABC1234\ny/a.jpg,ABC1235\nb.jpg,XYZ1A34\n')
def spoil_binary(d): (d/'validation.csv').write_bytes(b'\xff\xfe\x00image\x93')
def spoil_label(d): (d/'b.json').unlink()
def spoil_json(d): (d/'b.json').write_text('{')
def spoil_form(d): (d/'validation.csv').unlink()

@pytest.mark.parametrize('spoil, says', [
    (spoil_missing_image, 'a.jpg'), (spoil_extra_image, 'c.jpg'), (spoil_empty_list, 'validation.csv: lists no vehicle'),
    (spoil_empty_file, 'validation.csv'), (spoil_columns, 'no column image'), (spoil_code, 'row 2'), (spoil_twice, 'row 3: a.jpg'), (spoil_unknown_plates, 'ABC1235 and ABC1236'), (spoil_names, 'two images are called a.jpg'),
    (spoil_binary, 'validation.csv'), (spoil_label, 'b.jpg'), (spoil_json, 'b.json'), (spoil_form, 'no validation.csv')])
def test_bad_sets_name_the_file(listed, spoil, says):
    spoil(listed)
    with pytest.raises(UserError) as e: read_truth(listed)
    assert says in str(e.value) and '\n' not in str(e.value)

@pytest.mark.parametrize('line', ['', 'a.jpg 1 2 3 4 ABC', 'a.jpg\t1\t2\t0\t4\tABC1234', 'a.jpg\t1\t2\tx\t4\tABC1234', 'a.jpg\t1\t2\t3\t4\t'])
def test_bad_openalpr_line(tmp_path, line):
    photo(tmp_path/'a.jpg')
    (tmp_path/'a.txt').write_text(line)
    with pytest.raises(UserError, match='a.txt'): read_truth(tmp_path)

def test_no_such_set(tmp_path):
    with pytest.raises(UserError, match='nowhere'): read_truth(tmp_path/'nowhere')

# the gate

def metrics(path, **more):
    path.write_text(json.dumps({'acc@0.2': .9, 'n': 10, 'interval': {'acc@0.2': [.7, 1.]}, **more}))
    return path

def test_gate_passes_at_its_value(tmp_path):
    found = verify(metrics(tmp_path/'metrics.json'), .9, tmp_path/'gate'/'gate.json')
    assert json.loads((tmp_path/'gate'/'gate.json').read_text()) == found
    assert found['acc@0.2'] == .9 and found['gate'] == .9 and found['n'] == 10

def test_gate_says_by_how_much_and_leaves_nothing(tmp_path):
    out = tmp_path/'gate.json'
    verify(metrics(tmp_path/'metrics.json'), 0, out)
    with pytest.raises(UserError, match='0.1100 under the gate of 1.01'): verify(tmp_path/'metrics.json', 1.01, out)
    assert not out.exists()

@pytest.mark.parametrize('content', ['{}', '[]', '{', '{"acc@0.2": null}', '{"acc@0.2": NaN, "interval": {}}'])
def test_gate_refuses_what_is_no_figure(tmp_path, content):
    (tmp_path/'metrics.json').write_text(content)
    with pytest.raises(UserError, match='metrics.json'): verify(tmp_path/'metrics.json', 0, tmp_path/'gate.json')
    with pytest.raises(UserError, match='none.json'): verify(tmp_path/'none.json', 0, tmp_path/'gate.json')
    assert not (tmp_path/'gate.json').exists()

# the stage

@pytest.fixture
def project(tmp_path):
    "A project whose models find a plate in the middle of every image and read A8C1D23 on it"
    (tmp_path/'nbs').mkdir()
    shutil.copy(ROOT/'nbs'/'04_benchmark.ipynb', tmp_path/'nbs')
    (tmp_path/'params.yaml').write_text(json.dumps(dict(base=dict(
        scope='truck', label='plate', alphabet=LETTERS, formats=dict(old=dict(pattern='LLLNNNN'), mercosul=dict(pattern='LLLNLNN')),
        substitutions={'B': '8', 'O': '0'}))))
    (tmp_path/'cd.onnx').write_bytes(fixed_model([[256, 144, 200, 60, .95, 1.]]))
    (tmp_path/'cr.onnx').write_bytes(text_model('A8C1D23', p=.6))
    photos = tmp_path/'photos'
    for name in ('right', 'wrong', 'broken'): photo(photos/f'{name}.jpg', 512, 288)
    (photos/'broken.jpg').write_bytes(b'no image')
    (photos/'validation.csv').write_text('image,code\nright.jpg,ABC1D23\nwrong.jpg,ABC1D24\nbroken.jpg,XYZ9876\n')
    for name in ('right', 'wrong', 'broken'): labelme(photos/f'{name}.json', ('', (156, 114, 356, 174)))
    return tmp_path

GIVEN = dict(set_name='test', images='photos', cd='cd.onnx', cr='cr.onnx', reader=dict(cd=dict(size=512)), out='out', thresholds=[.2, .7], bootstrap=100, threads=1,
             published={'a peer': {'acc@0.2': .96}})

def run(project, **more):
    from alpr_nb.workflow.runner import run_notebook
    return run_notebook(project/'nbs'/'04_benchmark.ipynb', {**GIVEN, **more}, project/'out'/'executed.ipynb', html=False,
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
        'threshold', 'calibration', 'confusion', 'confusion_raw', 'latency', 'width', 'tilt', 'format', 'length')}
    assert sorted(f.name for f in (out/'errors').iterdir()) == ['000_wrong.jpg', 'errors.csv']
    assert set(json.loads((out/'latency.json').read_text())) == {'n'} | {f'{p}_{k}' for p in ('decode', 'cd', 'cr', 'total')
                                                                         for k in ('median', 'p95')}
    assert 'data:image/jpeg;base64' in executed and '<th>a peer</th>' in executed
    assert [f.name for f in (project/'out').iterdir() if f.name.startswith('.')] == []

def hand_made_reader(project):
    scope = load_scope(project/'params.yaml')
    return Reader.from_models(project/'cd.onnx', project/'cr.onnx', reader_config(scope), threads=1)

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
    with pytest.raises(UserError, match='none of the 3'): read_set(hand_made_reader(project), read_truth(project/'photos'), [.2])

def test_a_set_of_misses_can_be_measured_and_drawn(project):
    (project/'cd.onnx').write_bytes(fixed_model([[256, 144, 200, 60, .1, 1.]]))
    lines, ms = read_set(hand_made_reader(project), read_truth(project/'photos'), [.2, .7])
    found = compute_metrics(lines, False, .25, 100)
    assert found['acc@0.2'] == 0 and found['cd_recall'] == 0 and 'cd_precision' not in found and 'ece' not in found
    assert found['cd_map50'] > .6                                # the boxes are there, only too unsure to be used
    tables = write_plots(project, lines, found, ms)
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
