"What is wrong with samples is found, what is right is left alone, and the tables are whole."
import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.core.config import UserError
from alpr_nb.core.image_files import decode_image
from alpr_nb.data.checks.check import check
from alpr_nb.data.checks.findings import (FINDING_KINDS, Finding, findings_table, printable, propose_quarantine,
                                          quarantine_key, quarantined_names, read_quarantine, summary, write_table)
from alpr_nb.data.checks.findings_grid import findings_grid
from alpr_nb.data.checks.sample_checks import header_findings, sample_findings
from alpr_nb.data.checks.sample_files import SampleFiles
from alpr_nb.data.labelme import Annotation, Shape, labelme_json, read_labelme, write_labelme
from alpr_nb.data.prepare import check_sample
from alpr_nb.data.yolo_labels import clip_shapes
from corrupted import clean_source, corrupt_source, png

FORMATS = dict(old='LLLNNNN', mercosul='LLLNLNN')
CLASSES = list('ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789')
GREY = png(np.full((60, 100, 3), 90, np.uint8))


def run(source, task='cr', **keys):
    return check(source, task, **dict(formats=FORMATS, n_jobs=1, progress=False) | keys)


def rows(done):
    return list(done.findings[['batch', 'image', 'finding']].itertuples(index=False, name=None))


@pytest.fixture(scope='module')
def mixed(tmp_path_factory):
    "A source of clean and corrupted samples, what is corrupted in it, and what the check says"
    folder = tmp_path_factory.mktemp('mixed')/'batches'
    clean_source(folder)
    expected = corrupt_source(folder)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    done = run(folder, out=folder.parent/'found')
    assert before == {p.name: p.read_bytes() for p in folder.iterdir()}
    assert sorted(p.name for p in folder.parent.iterdir()) == ['batches', 'found']
    return folder, expected, done


# nothing missed, no false alarm

@pytest.mark.parametrize('task, keys', [('cr', {}), ('cd', dict(strip=20, size=(480, 240)))])
def test_clean_samples_raise_no_alarm(tmp_path, task, keys):
    clean_source(tmp_path/'s', 60 if task == 'cr' else 24, task, **keys)
    done = run(tmp_path/'s', task, strip=keys.get('strip', 0))
    assert rows(done) == [] and done.samples == len(done.facts) > 20 and not done.quarantine.size


def test_every_corrupted_sample_is_found(mixed):
    _, expected, done = mixed
    assert len(expected) >= 40 and len(set(expected)) == len(expected)
    assert set(expected) - set(rows(done)) == set()


def test_nothing_else_is_said(mixed):
    _, expected, done = mixed
    named = {(b, i) for b, i, _ in expected}
    others = [r for r in rows(done) if r[:2] not in named]
    assert others == [('bad_label_part_1.zip', 'CAF\u00c9 1.json', 'name taken')]
    assert not done.findings.batch.str.startswith('synth').any()
    bad = done.findings[done.findings.severity == 'severe']
    assert set(bad.finding) | set(done.findings.finding) <= set(FINDING_KINDS) and done.severe == len(bad)
    twice = done.findings[done.findings.image != ''].groupby('image').finding.nunique()
    assert set(twice[twice > 1].index) == {'one-pixel.png', 'grey-cut.jpg'} # have two problems each
    unseen = done.findings[done.findings.image == 'exif-unseen.jpg']
    assert len(unseen) == 2 and unseen.detail.str.contains('drawn before the rotation by EXIF').sum() == 1


def test_the_tables_hold_what_was_found(mixed):
    folder, expected, done = mixed
    out = folder.parent/'found'
    for name, table in (('findings', done.findings), ('quarantine', done.quarantine)):
        written = pd.read_csv(out/f'{name}.csv', dtype=str, keep_default_na=False)
        assert written.values.tolist() == table.values.tolist()
    facts = json.loads((out/'check.json').read_text())
    assert facts['samples'] == done.samples
    assert sum(facts['findings'].values()) == len(done.findings) == facts['severe'] + facts['notes']
    assert summary(done.findings)['count'].sum() == len(done.findings)
    assert not done.findings.detail.str.contains(str(folder.parent), regex=False).any()


def test_what_is_in_quarantine_is_not_looked_at_again(mixed, tmp_path):
    folder, _, done = mixed
    for p in folder.iterdir(): (tmp_path/p.name).write_bytes(p.read_bytes())
    write_table(done.quarantine, tmp_path/'quarantine.csv')
    again = run(tmp_path)
    assert again.severe == 0 and again.quarantine.equals(done.quarantine)
    assert {i for _, i, k in rows(again)} <= {i for _, i, _ in rows(done)}
    left_out = done.quarantine.merge(done.facts, on=['batch', 'image']).image.unique()
    assert len(again.facts) == len(done.facts) - len(left_out)


def test_the_number_of_jobs_changes_nothing(mixed):
    folder, _, done = mixed
    assert run(folder, n_jobs=3).findings.equals(done.findings)


def test_the_severity_of_a_kind_can_be_changed(mixed):
    folder, _, done = mixed
    other = run(folder, severity={'grey image': 'severe', 'wrong ending': 'note'})
    assert {'grey.jpg'} <= set(other.quarantine.image) and 'ending.jpg' not in set(other.quarantine.image)
    with pytest.raises(UserError, match='no finding is called'): run(folder, severity={'grey': 'note'})


def test_pictures_of_findings(mixed, monkeypatch):
    folder, _, done = mixed
    fig = findings_grid(done.findings, folder, count=6, columns=3)
    assert len(fig.axes) == 6 and all(ax.images for ax in fig.axes)
    monkeypatch.setattr('alpr_nb.data.checks.findings_grid.decode_image', lambda *a: 1/0) # unsafe files are not opened
    unsafe = done.findings.finding.isin(['unsafe name', 'link', 'too large file', 'other file'])
    assert findings_grid(done.findings[unsafe], folder) is None
    assert findings_grid(findings_table([]), folder) is None


# folders, lists, containers

def photo(folder, name, code, data=GREY, size=(100, 60), box=(5, 5, 60, 30)):
    (folder/name).parent.mkdir(parents=True, exist_ok=True)
    (folder/name).write_bytes(data)
    write_labelme((folder/name).with_suffix('.json'), Annotation(Path(name).name, *size, (Shape('plate', box, code),)))


def noise(seed):
    return png(np.random.default_rng(seed).integers(0, 255, (60, 100, 3), np.uint8))


def test_folders_of_images_are_checked(tmp_path):
    s = tmp_path/'photos'
    for i, code in enumerate(('ABC1234', 'DEF5G67', 'abc-1235', '')): photo(s, f'caf\u00e9 {i}.png', code, noise(i))
    (s/'alone.png').write_bytes(noise(8))
    (s/'raw').mkdir()
    (s/'raw'/'new.heic').write_bytes(b'x')
    (s/'findings.csv').write_text('file,finding,detail\n')
    photo(tmp_path/'more', 'deep/a.png', 'AB12', noise(9), box=(90, 50, 200, 120))
    photo(tmp_path/'more', 'CAF\u00c9 0.png', 'ABC1234', noise(10))
    done = run([s, tmp_path/'more'], 'cd', out=tmp_path/'out')
    assert sorted(rows(done)) == sorted([
        ('photos', 'alone.png', 'no partner'), ('photos', 'raw/new.heic', 'unused file'),
        ('more', 'CAF\u00c9 0.png', 'name taken'),
        ('more', 'deep/a.png', 'box outside')])
    assert findings_grid(done.findings, [s, tmp_path/'more']).axes
    (tmp_path/'more'/'quarantine.csv').write_text('batch,image\nmore,deep/a.png\n')
    assert not {'deep/a.png'} & {i for _, i, _ in rows(run([s, tmp_path/'more'], 'cd'))}


def test_known_texts_and_check_digits(tmp_path):
    for i, code in enumerate(('CSQU3054383', 'CSQU3054384', 'CSQU305438')):
        photo(tmp_path/'s', f'{i}.png', code, noise(i))
    (tmp_path/'t.csv').write_text('image,text\n0.png,CSQU 305438 3\n1.png,CSQU3054383\n')
    done = run(tmp_path/'s', 'cd', formats=dict(iso=dict(pattern='LLL[UJZ]NNNNNNN', check='iso6346')),
               texts=tmp_path/'t.csv')
    assert rows(done) == [('s', '1.png', 'text disagrees'), ('s', '1.png', 'check digit'), ('s', '2.png', 'no format')]


def test_a_validation_list_that_cannot_be_used(tmp_path):
    clean_source(tmp_path/'s', 12)
    with open(tmp_path/'s'/'validation.csv', 'a') as f: f.write('nowhere.jpg,ABC1234\n')
    assert rows(run(tmp_path/'s')) == [('validation.csv', 'nowhere.jpg', 'validation list')]
    (tmp_path/'s'/'validation.csv').unlink()
    assert rows(run(tmp_path/'s')) == [('validation.csv', '', 'validation list')]


def test_a_batch_unlike_the_others_is_told(tmp_path):
    clean_source(tmp_path/'s', 80)
    part = tmp_path/'s'/'synth_image_part_2.zip'
    with zipfile.ZipFile(part) as z: dark = {n: (decode_image(z.read(n))//6) for n in z.namelist()}
    with zipfile.ZipFile(part, 'w') as z:
        for n, px in dark.items(): z.writestr(n, cv2.imencode('.jpg', px)[1].tobytes())
    done = run(tmp_path/'s')
    assert ('synth_image_part_2.zip', '', 'drift') in rows(done) and done.severe == 0
    assert done.findings.detail.str.startswith('brightness').any()


@pytest.mark.parametrize('keys, words',
                         [(dict(task='xx'), 'task is'), (dict(n_jobs=0), 'n_jobs'),
                          (dict(texts='none.csv'), 'none.csv')], ids=str)
def test_what_makes_no_sense_is_refused(tmp_path, keys, words):
    photo(tmp_path/'s', 'a.png', 'ABC1234')
    with pytest.raises(UserError, match=words): run(tmp_path/'s', **dict(task='cd') | keys)
    for folders, words in ((tmp_path/'none', 'no such folder'), ([], 'at least one folder')):
        with pytest.raises(UserError, match=words): run(folders, 'cd')
    with pytest.raises(UserError, match='not made by this command|needed'): run(tmp_path/'s', 'cd', out=tmp_path/'s')


# old or new

def test_a_failed_check_leaves_the_tables_of_before(tmp_path, monkeypatch):
    photo(tmp_path/'s', 'a.png', 'ABC1234')
    run(tmp_path/'s', 'cd', out=tmp_path/'out')
    before = {p.name: p.read_bytes() for p in (tmp_path/'out').iterdir()}
    photo(tmp_path/'s', 'b.png', 'no')
    monkeypatch.setattr('alpr_nb.data.checks.check.json.dumps', lambda *a, **k: 1/0)
    with pytest.raises(ZeroDivisionError): run(tmp_path/'s', 'cd', out=tmp_path/'out')
    assert before == {p.name: p.read_bytes() for p in (tmp_path/'out').iterdir()}
    assert sorted(p.name for p in tmp_path.iterdir()) == ['out', 's']


KILLED = '''
import os, signal, sys
from pathlib import Path
from alpr_nb.data.checks import check
from alpr_nb.data.checks import findings
written = []
def write(table, file, real=findings.write_table):
    written.append(real(table, file))
    if len(written) == 2: os.kill(os.getpid(), signal.SIGKILL)
check.write_table = write
check.check(sys.argv[1], 'cd', out=sys.argv[2], n_jobs=1, progress=False)
'''


def test_a_killed_check_leaves_the_tables_of_before(tmp_path):
    photo(tmp_path/'s', 'a.png', 'ABC1234')
    run(tmp_path/'s', 'cd', out=tmp_path/'out')
    before = {p.name: p.read_bytes() for p in (tmp_path/'out').iterdir()}
    photo(tmp_path/'s', 'b.png', 'no')
    died = subprocess.run([sys.executable, '-c', KILLED, tmp_path/'s', tmp_path/'out'])
    assert died.returncode == -signal.SIGKILL
    assert before == {p.name: p.read_bytes() for p in (tmp_path/'out').iterdir()}
    run(tmp_path/'s', 'cd', out=tmp_path/'out')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['out', 's']


# properties

@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=6))
@settings(max_examples=60, deadline=None)
def test_quarantine_reads_back_whatever_the_names(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp('q')
    table = propose_quarantine(findings_table(Finding(printable(b), printable(i), 'other file', 'x') for b, i in names))
    write_table(table, folder/'quarantine.csv')
    assert read_quarantine(folder).values.tolist() == table.values.tolist()
    quarantine = quarantined_names(table)
    assert all(quarantine.lists(b, i) and not quarantine.lists(b, f'{i}?') or '' in quarantine.of(b)
               for b, i in table[['batch', 'image']].values)
    assert quarantine.keys() == {quarantine_key(b) for b in table.batch}


@given(st.sampled_from(['.png', '.jpg']), st.integers(0, 400), st.binary(max_size=12), st.integers(0, 300))
@settings(max_examples=80, deadline=None)
def test_any_file_is_judged_and_what_passes_can_be_prepared(ending, at, change, cut):
    data = cv2.imencode(ending, np.arange(18000, dtype=np.uint8).reshape(60, 100, 3))[1].tobytes()
    data = data[:at] + change + data[at + len(change):len(data) - cut]
    item = SampleFiles('b', f'a{ending}', '', (), Path('a'), Path('a.json'))
    label = labelme_json(Annotation('a', 0, 0, (Shape('A', (1, 1, 9, 9)),))).encode()
    facts, _, pixels, found = sample_findings(item, data, label, 'cr', CLASSES, FORMATS)
    assert {f.kind for f in found} <= set(FINDING_KINDS) and header_findings(data, item.image)[0].keys() == facts.keys()
    if not any(FINDING_KINDS[f.kind].severity == 'severe' for f in found):
        assert decode_image(data).shape == pixels.shape


numbers = st.one_of(st.floats(), st.integers(-200, 300), st.text(max_size=3), st.none())
corner = st.lists(st.integers(-20, 130), min_size=2, max_size=2)
points = (st.lists(st.lists(numbers, min_size=1, max_size=3), max_size=3)
          | st.lists(corner, min_size=2, max_size=2))
any_label = st.one_of(st.sampled_from(['A', '7', 'plate', '']), st.text(max_size=3), st.none())
shape_types = st.sampled_from(['rectangle', 'polygon', 'circle', None])
shapes = st.fixed_dictionaries(dict(label=any_label), optional=dict(
    points=points, shape_type=shape_types, description=st.one_of(st.none(), st.text(max_size=4))))
labels = st.fixed_dictionaries(dict(shapes=st.lists(shapes, max_size=4)), optional=dict(
    imageWidth=st.sampled_from([100, 99, None, -1]), imageHeight=numbers))


@given(labels, st.sampled_from(['cd', 'cr']), st.lists(st.sampled_from(['A', '77', 'A7']), max_size=2))
@settings(max_examples=150, deadline=None)
def test_any_annotation_is_judged_and_what_passes_can_be_prepared(label, task, known):
    classes = ['plate'] if task == 'cd' else CLASSES
    item, data = SampleFiles('b', 'a.png', 'val', tuple(known), Path('a'), Path('a.json')), json.dumps(label).encode()
    _, codes, pixels, found = sample_findings(item, GREY, data, task, classes, FORMATS)
    findings_table(found)
    if not any(FINDING_KINDS[f.kind].severity == 'severe' for f in found):
        ann = read_labelme(data)
        check_sample(ann, pixels, classes, 0, 'a')
        clip_shapes(ann.shapes, *pixels.shape[1::-1])
