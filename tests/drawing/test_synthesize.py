"The stage `synthesize`: the same bytes from the same seed, all or nothing, and no code on both sides"
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

import alpr_nb.drawing.synthesize as synth
from alpr_nb.codes.check_digits import check_holds
from alpr_nb.codes.split import in_validation
from alpr_nb.core.config import UserError
from alpr_nb.data.labelme import read_labelme, reading_order
from alpr_nb.drawing.settings import SynthesisSettings
from alpr_nb.drawing.synthesize import draw_sample, in_validation_split, synthesize

SMALL = dict(size=[320, 180], plate_width=[.15, .4])


def content(folder): return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def members(folder, kind):
    out = {}
    for p in sorted(folder.glob(f'*_{kind}_part_*.zip')):
        with zipfile.ZipFile(p) as z:
            assert all(i.compress_type == zipfile.ZIP_STORED and i.date_time == (1980, 1, 1, 0, 0, 0)
                       for i in z.infolist())
            out |= {n: z.read(n) for n in z.namelist()}
    return out


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    "Both tasks, each twice: with one process and with two"
    d = tmp_path_factory.mktemp('synth')
    for task in ('cd', 'cr'):
        for jobs in (1, 2):
            synthesize(task, d/f'{task}{jobs}', 30, validation=.2, seed=3, n_jobs=jobs, batch_size=12, annotator='ann',
                       strip=20 if task == 'cd' else 0, **SMALL)
    return d


@pytest.mark.parametrize('task', ['cd', 'cr'])
def test_bytes_do_not_depend_on_processes(runs, task):
    a, b = content(runs/f'{task}1'), content(runs/f'{task}2')
    assert list(a) == sorted([f'ann_{k}_part_{n}.zip' for k in ('image', 'label') for n in (1, 2, 3)]
                             + ['synthetic.json', 'validation.csv'])
    assert a == b


def test_parts_have_their_sizes_and_names(runs):
    for n, size in ((1, 12), (2, 12), (3, 6)):
        with (zipfile.ZipFile(runs/f'cd1/ann_image_part_{n}.zip') as i,
              zipfile.ZipFile(runs/f'cd1/ann_label_part_{n}.zip') as l):
            assert len(i.namelist()) == size
            assert [x.rsplit('.', 1)[0] for x in i.namelist()] == [x.rsplit('.', 1)[0] for x in l.namelist()]
            assert not any('/' in x for x in i.namelist() + l.namelist())


def test_other_seeds_and_tasks_differ(tmp_path, runs):
    assert draw_sample(0, SynthesisSettings(task='cd', seed=3, **SMALL)).jpeg != draw_sample(
        0, SynthesisSettings(task='cd', seed=4, **SMALL)).jpeg
    one, many = (draw_sample(7, SynthesisSettings(task='cr', seed=3, validation=.2, annotator='ann', **SMALL)),
                 members(runs/'cr1', 'image'))
    assert many['ann-cr-000007.jpg'] == one.jpeg  # a sample depends on its number, not on the run's length


@pytest.mark.parametrize('task', ['cd', 'cr'])
def test_annotations_fit_their_images(runs, task):
    images, labels = members(runs/f'{task}1', 'image'), members(runs/f'{task}1', 'label')
    for name, data in images.items():
        im, ann = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), json.loads(labels[name[:-4] + '.json'])
        h, w = im.shape[:2]
        assert (ann['imagePath'], ann['imageWidth'], ann['imageHeight']) == (name, w, h)
        if task == 'cd': assert (w, h) == (320, 200) and im[-20:].mean() < 110
        else: assert 7 == len(ann['shapes'])
        for s in ann['shapes']:
            assert (s['shape_type'], len(s['points'])) == (('polygon', 4) if task == 'cd' else ('rectangle', 2))
            (x1, y1), (x2, y2) = np.min(s['points'], 0), np.max(s['points'], 0)
            assert 0 <= x1 < x2 <= w and 0 <= y1 < y2 <= (180 if task == 'cd' else h)
            assert (s['label'] == 'plate' and len(s['description']) == 7) if task == 'cd' else len(s['label']) == 1


def test_no_code_is_on_both_sides(runs):
    holdout, trained = set(), set()
    for task in ('cd', 'cr'):
        csv = pd.read_csv(runs/f'{task}1/validation.csv').set_index('image').code
        assert len(csv) == 6 and csv.index.is_unique
        for name, data in members(runs/f'{task}1', 'label').items():
            shapes, image = json.loads(data)['shapes'], name[:-5] + '.jpg'
            codes = {s['description'] for s in shapes} if task == 'cd' else {''.join(s['label'] for s in shapes)}
            (holdout if image in csv.index else trained).update(codes)
            if image in csv.index:
                area = lambda s: np.prod(np.ptp(s['points'], 0))
                assert csv[image] == (max(shapes, key=area)['description'] if task == 'cd' else codes.pop())
    assert holdout and trained and not holdout & trained
    assert all(in_validation(c, 3, .2) for c in holdout) and not any(in_validation(c, 3, .2) for c in trained)


def test_share_that_validates():
    for share in (0, .1, .25, 1/3, 1):
        assert abs(sum(in_validation_split(i, share) for i in range(3000)) - 3000*share) <= 1


def test_stored_scenes_read_back(runs):
    "The next stage accepts what this one writes"
    batches = pytest.importorskip('alpr_nb.data.batches')
    samples = batches.list_samples(runs/'cd1')
    assert len(samples) == 30 and len(batches.read_validation(runs/'cd1')) == 6


def test_a_failure_leaves_the_old_run(tmp_path, monkeypatch):
    out = tmp_path/'out'
    synthesize('cr', out, 3, n_jobs=1, **SMALL)
    before = content(out)
    def stop(i, s):
        if i == 4: raise KeyboardInterrupt
        return draw_sample(i, s)
    monkeypatch.setattr(synth, 'draw_sample', stop)
    with pytest.raises(KeyboardInterrupt): synthesize('cr', out, 9, seed=1, n_jobs=1, batch_size=2, **SMALL)
    assert content(out) == before and [p.name for p in tmp_path.iterdir()] == ['out']
    with pytest.raises(KeyboardInterrupt): synthesize('cr', tmp_path/'new', 9, n_jobs=1, batch_size=2, **SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ['out']


def test_someone_elses_folder_is_not_replaced(tmp_path):
    (tmp_path/'ann_image_part_1.zip').write_bytes(b'precious')
    (tmp_path/'validation.csv').write_text('image,code\n')
    with pytest.raises(UserError, match='not replaced'): synthesize('cr', tmp_path, 2, n_jobs=1, **SMALL)
    assert (tmp_path/'ann_image_part_1.zip').read_bytes() == b'precious'


@pytest.mark.parametrize('keys, said', [(dict(count=0), 'synth.count: expected a whole number above 0, found 0'),
                                        (dict(count=1.5), 'count'), (dict(batch_size=0), 'synth.batch-size'),
                                        (dict(colour=1), 'colour')])
def test_wrong_keys_leave_nothing_behind(tmp_path, keys, said):
    with pytest.raises(UserError, match=said): synthesize(**dict(task='cr', out=tmp_path/'o', count=2, n_jobs=1) | keys)
    assert not list(tmp_path.iterdir())


def test_weights_choose(tmp_path):
    s = SynthesisSettings(task='cr', formats={'mercosul': 1, 'old': 0}, categories={'commercial': 1}, rows2=0,
                          strength=0, **SMALL)
    for i in range(5):
        said = ''.join(x['label'] for x in json.loads(draw_sample(i, s).label)['shapes'])
        assert said[3].isdigit() and said[4].isalpha()


def test_corners_start_at_the_top_left_of_a_leaning_plate():
    "The first corner is the top left one as the code is read: characters run along the first side."
    s = SynthesisSettings(task='cd', size=(320, 240), plate_width=(.3, .5), lean=dict(share=1), vehicles=0, empty=0)
    tilts = []
    for i in range(12):
        shapes = read_labelme(draw_sample(i, s).label.encode()).shapes
        (x1, y1), (x2, y2), (x3, y3), _ = shapes[0].corners
        assert shapes[0].box == pytest.approx((*np.min(shapes[0].corners, 0), *np.max(shapes[0].corners, 0)), abs=.01)
        assert (x2 - x1)*(y3 - y2) - (y2 - y1)*(x3 - x2) > 0  # clockwise on the screen
        assert x2 > x1
        tilts.append(abs(np.degrees(np.arctan2(y2 - y1, x2 - x1))))
    assert max(tilts) > 20


def test_single_fields_are_half_as_high():
    keys = dict(size=(320, 240), plate_width=(.3, .5), strip=0)
    for task in ('cd', 'cr'):
        full, field = (draw_sample(3, SynthesisSettings(task=task, fields=share, **keys)) for share in (0., 1.))
        a, b = (read_labelme(x.label.encode()) for x in (full, field))
        if task == 'cd': assert (a.height, b.height) == (240, 120)
        ratio = lambda ann: np.mean([(p.box[3] - p.box[1])/(p.box[2] - p.box[0]) for p in ann.shapes])
        assert len(a.shapes) == len(b.shapes) and ratio(b)/ratio(a) == pytest.approx(.5, abs=.08)


@pytest.mark.parametrize('lean', [dict(yaw=(50, 20)), dict(share=2), dict(tilt=3)])
def test_wrong_angles_are_refused(lean):
    with pytest.raises(ValueError, match='|'.join(lean)): SynthesisSettings(task='cd', lean=lean)


@pytest.mark.parametrize('name', ['container', 'wagon'])
@pytest.mark.parametrize('task', ['cd', 'cr'])
def test_a_renderer_draws_codes_that_are_no_plates(name, task):
    "Codes on steel through the same settings: right side of the split, check digits that hold, one box a character."
    section = yaml.safe_load((Path(__file__).parents[2]/f'conf/data/drawing/{name}.yaml').read_text())['looks']
    scheme = dict(container='iso6346', wagon='luhn')[name]
    patterns = (dict(iso6346=dict(pattern='LLL[UJZ]NNNNNNN', check=scheme)) if name == 'container'
                else dict(wagon1520=dict(pattern='N'*8, check=scheme)))
    s = SynthesisSettings(task=task, size=(640, 360), validation=.5, renderer='alpr_nb.drawing.steel.renderer',
                          looks=section, patterns=patterns, formats=dict.fromkeys(patterns, 1))
    samples = [draw_sample(i, s) for i in range(4)]
    assert [x.jpeg for x in samples] == [draw_sample(i, s).jpeg for i in range(4)]
    for i, x in enumerate(samples):
        ann = read_labelme(x.label.encode())
        codes = [p.text for p in ann.shapes] if task == 'cd' else [''.join(p.label for p in ann.shapes)]
        assert in_validation_split(i, .5) == bool(x.code) and (not x.code or x.code in codes)
        for c in codes: assert check_holds(c, scheme) and in_validation(c, s.seed, .5) == in_validation_split(i, .5)


def test_characters_of_leaning_crops_are_found_in_their_order():
    "Otherwise the check before the training takes them for mislabelled: a row at 40 degrees looks like several rows."
    settings = dict(SMALL, task='cr', patterns={'old': 'LLLNNNN'}, formats={'old': 1},
                    lean=dict(share=1, yaw=[35, 55], pitch=[25, 45], roll=25, rectified=0))
    for i in range(12):
        shapes = read_labelme(draw_sample(i, SynthesisSettings(**settings)).label.encode()).shapes
        assert reading_order(shapes) == list(shapes), i
