import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import alpr_nb
from alpr_nb.inference.bundle import BundleError, load_bundle, packaged_bundle, write_bundle
from alpr_nb.inference.config import ReaderConfig, ReaderSettings
from alpr_nb.inference.reader import Reader
from conftest import ROOT
from onnx_models import fixed_model, text_model

CONFIG = ReaderConfig(scope='truck', formats=dict(old=dict(pattern='LLLNNNN', same=['O0']), mercosul='LLLNLNN'))
ABOUT = dict(git_revision='abc', metrics={'validation': {'acc@0.2': .97}}, data={'cd': 'h'})


@pytest.fixture
def models(tmp_path):
    (tmp_path/'cd.onnx').write_bytes(fixed_model([[256, 144, 200, 60, .95, 1.]]))
    (tmp_path/'cr.onnx').write_bytes(text_model('ABC1D23'))
    return tmp_path/'cd.onnx', tmp_path/'cr.onnx'


@pytest.fixture
def bundle(tmp_path, models):
    write_bundle(tmp_path/'bundle', *models, CONFIG, **ABOUT)
    return tmp_path/'bundle'


def edit(bundle, **change):
    file = bundle/'manifest.json'
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))


def test_manifest_says_all_that_another_runtime_needs(bundle):
    m = json.loads((bundle/'manifest.json').read_text())
    assert m['schema_version'] == 2 and m['scope'] == 'truck' and m['licence'] == 'AGPL-3.0'
    assert m['alphabet'].endswith('789') and m['formats']['old']['pattern'] == 'LLLNNNN'
    assert set(m['reader']) == set(ReaderSettings.model_fields), 'all settings, also those with their default'
    assert (m['reader']['cd']['size'], m['reader']['cr']['size'], m['reader']['retry_crop_size']) == (512, 256, None)
    assert [m[k] for k in ('rectifier', 'decoder', 'reference', 'graphs')] == [None]*4
    assert m['git_revision'] == 'abc' and m['metrics']['validation']['acc@0.2'] == .97
    assert 'images' in m['layout']['input']
    assert {f.name for f in bundle.iterdir()} == set(m['files']) | {'manifest.json'}
    for name, digest in m['files'].items(): assert hashlib.sha256((bundle/name).read_bytes()).hexdigest() == digest
    assert json.loads((bundle/'substitutions.json').read_text())['B'] == '8'


def test_a_bundle_loads_as_it_was_written_and_reads(bundle, models):
    b = load_bundle(bundle)
    assert b.models['cr'] == models[1].read_bytes() and b.manifest.formats == CONFIG.formats
    assert b.manifest.substitutions == CONFIG.substitutions and b.manifest.config == CONFIG
    assert Reader(bundle=bundle, threads=1).read(np.zeros((720, 1280, 3), np.uint8))[0].code == 'ABC1D23'


def test_writing_is_reproducible_and_replaces_only_bundles(tmp_path, models, bundle):
    before = {f.name: f.read_bytes() for f in bundle.iterdir()}
    write_bundle(bundle, *models, CONFIG, **ABOUT)
    assert before == {f.name: f.read_bytes() for f in bundle.iterdir()}
    (tmp_path/'mine').mkdir(); (tmp_path/'mine'/'thesis.tex').touch()
    with pytest.raises(BundleError, match='is no bundle'): write_bundle(tmp_path/'mine', *models, CONFIG)
    with pytest.raises(BundleError, match='no such model'):
        write_bundle(tmp_path/'new', models[0], tmp_path/'none.onnx', CONFIG)
    with pytest.raises(ValueError, match='git_rev'): write_bundle(tmp_path/'new', *models, CONFIG, git_rev='x')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['bundle', 'cd.onnx', 'cr.onnx', 'mine']


@pytest.mark.parametrize('name', ['cd.onnx', 'cr.onnx', 'substitutions.json'])
def test_a_changed_or_missing_file_is_refused_by_name(bundle, name):
    content = bytearray((bundle/name).read_bytes()); content[len(content)//2] ^= 1
    (bundle/name).write_bytes(content)
    with pytest.raises(BundleError, match=f'{name}: the file was changed'): load_bundle(bundle)
    (bundle/name).unlink()
    with pytest.raises(BundleError, match=f'{name} is missing'): load_bundle(bundle)
    (bundle/name).mkdir()
    with pytest.raises(BundleError, match=f'{name}: cannot be read'): load_bundle(bundle)


def git(folder, *command): subprocess.run(['git', '-C', folder, *command], check=True, capture_output=True)


@pytest.mark.parametrize('attributes', ['', 'our own'])
def test_a_clone_with_windows_line_ends_loads(tmp_path, bundle, models, attributes):
    "git clone -c core.autocrlf=true, the default of Git for Windows, of a repository with or without our .gitattributes."
    if attributes: (bundle/'.gitattributes').write_bytes((ROOT/'.gitattributes').read_bytes())
    before = (bundle/'substitutions.json').read_bytes()
    git(bundle, 'init', '-q')
    git(bundle, 'add', '-A')
    git(bundle, '-c', 'user.name=test', '-c', 'user.email=test@example.org', 'commit', '-qm', 'bundle')
    git(tmp_path, 'clone', '-q', '-c', 'core.autocrlf=true', bundle, 'clone')
    after = (tmp_path/'clone'/'substitutions.json').read_bytes()
    assert after == before if attributes else after.count(b'\r\n') == before.count(b'\n')
    assert load_bundle(tmp_path/'clone').models['cr'] == models[1].read_bytes()


def test_files_of_desktops_do_not_count(bundle, models):
    for name in ('.DS_Store', '._cd.onnx', 'Thumbs.db', 'desktop.ini'): (bundle/name).touch()
    assert load_bundle(bundle).manifest.config == CONFIG
    for file in bundle.iterdir():
        if file.name.endswith(('.onnx', '.json')): file.unlink()
    write_bundle(bundle, *models, CONFIG) # a folder with nothing else in it counts as empty
    assert load_bundle(bundle).manifest.config == CONFIG


def test_a_manifest_with_a_byte_order_mark_loads(bundle):
    (bundle/'manifest.json').write_text((bundle/'manifest.json').read_text(), encoding='utf-8-sig')
    assert load_bundle(bundle).manifest.config == CONFIG


def test_an_unknown_file_is_refused(bundle):
    (bundle/'evil.py').touch()
    with pytest.raises(BundleError, match='evil.py'): load_bundle(bundle)


@pytest.mark.parametrize('change, message', [
    (dict(schema_version=3), 'schema version 3, this alpr-nb reads 1 and 2'),
    (dict(schema_version=None), 'schema version None'), (dict(files={}), 'must name exactly'),
    (dict(files={'cd.onnx': '', 'cr.onnx': '', '../substitutions.json': ''}), 'must name exactly'),
    (dict(files=['cd.onnx']), 'must name exactly'), (dict(colour='red'), 'colour'), (dict(margin=[.1, .1]), 'margin'),
    (dict(reader={'cd': {'size': 'big'}}), 'reader.cd.size'), (dict(reader={'again': None}), 'reader.again'),
    (dict(decoder=7), 'decoder'), (dict(formats={'old': {'pattern': 'LL['}}), 'formats'),
    (dict(substitutions={}), 'substitutions'), (dict(alphabet=7), 'alphabet')])
def test_a_manifest_that_does_not_fit_is_refused(bundle, change, message):
    edit(bundle, **change)
    with pytest.raises(BundleError, match=message) as e: load_bundle(bundle)
    assert '\n' not in str(e.value) and 'manifest.json' in str(e.value)


@pytest.mark.parametrize('content', ['', '[]', '{', '"x"', b'\xff\xfe'])
def test_a_manifest_that_is_no_object_is_refused(bundle, content):
    (bundle/'manifest.json').write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BundleError, match='manifest.json'): load_bundle(bundle)


def as_schema_1(bundle, **settings):
    "Rewrite a manifest as the first versions of alpr-nb wrote it."
    file = bundle/'manifest.json'
    m = json.loads(file.read_text())
    for key in ('reader', 'rectifier', 'decoder', 'reference', 'graphs'): del m[key]
    file.write_text(json.dumps({**m, 'schema_version': 1, **settings}))


def test_a_bundle_of_schema_1_loads_into_the_same_objects(bundle):
    cd = dict(size=416, stride=32, pad=114, threshold=.1, iou=.4, agnostic=True, limit=90)
    as_schema_1(bundle, cd=cd, cr={**cd, 'limit': 30}, margin=[.1, .15], again=[.05, .08], closer=640, larger=1280,
                confidence=.2, calibration=[2, .5])
    m = load_bundle(bundle).manifest
    new = {k: v for k, v in cd.items() if k != 'limit'}
    assert m.config == ReaderConfig(
        scope='truck', formats=CONFIG.formats, cd={**new, 'max_detections': 90}, cr={**new, 'max_detections': 30},
        margin=(.1, .15), retry_margin=(.05, .08), retry_crop_size=640, retry_scene_size=1280,
        min_confidence=.2, calibration=(2, .5))
    assert m.schema_version == 2 and m.git_revision == 'abc' and m.decoder is None


def test_what_schema_1_left_out_has_the_default_that_it_had_then(bundle):
    as_schema_1(bundle)
    m = load_bundle(bundle).manifest
    assert m.reader.margin == (.06, .12) and m.reader.retry_margin is None and m.reader.min_confidence == .05
    assert (m.reader.cd.max_detections, m.reader.cr.max_detections, m.reader.cr.threshold) == (100, 40, .2)


@pytest.mark.parametrize('change, message', [
    (dict(cd={'size': 'big'}), 'reader.cd.size'), (dict(cd=7), 'reader.cd'), (dict(colour='red'), 'colour'),
    (dict(reader={}), 'reader'), (dict(retry_margin=None), 'retry_margin'),
    (dict(cr={'max_detections': 3}), 'cr.max_detections: schema 1')])
def test_a_manifest_of_schema_1_that_does_not_fit_is_refused(bundle, change, message):
    as_schema_1(bundle, **change)
    with pytest.raises(BundleError, match=message) as e: load_bundle(bundle)
    assert '\n' not in str(e.value) and 'manifest.json' in str(e.value)


RELEASED = sorted((Path(alpr_nb.__file__).parent/'bundles').glob('*/manifest.json'))


@pytest.mark.parametrize('file', RELEASED, ids=[f.parent.name for f in RELEASED])
def test_a_released_bundle_keeps_its_settings(file):
    m, reader = json.loads(file.read_text()), load_bundle(file.parent).manifest.reader
    if m['schema_version'] == 1:
        renamed = dict(again='retry_margin', closer='retry_crop_size', larger='retry_scene_size',
                       confidence='min_confidence')
        for old, name in renamed.items():
            assert getattr(reader, name) == (tuple(m[old]) if isinstance(m.get(old), list) else m.get(old)), old
        for task in ('cd', 'cr'):
            own = getattr(reader, task).model_dump()
            own['limit'] = own.pop('max_detections')
            assert own == m[task]
        assert reader.margin == tuple(m['margin']) and reader.calibration == tuple(m['calibration'])


def test_no_bundle(tmp_path):
    with pytest.raises(BundleError, match='no such bundle'): load_bundle(tmp_path/'none')
    with pytest.raises(BundleError, match='no manifest.json'): load_bundle(tmp_path)
    with pytest.raises(BundleError, match='container, .*wagon; .*scope=tram.*--bundle models/tram/bundle'):
        packaged_bundle('tram')
    with pytest.raises(BundleError, match='scope'): packaged_bundle('../truck')


def test_a_model_with_other_classes_is_refused(tmp_path, models):
    (tmp_path/'few.onnx').write_bytes(fixed_model([[1, 1, 1, 1, 1, 1]]))
    write_bundle(tmp_path/'bundle', models[0], tmp_path/'few.onnx', CONFIG)
    with pytest.raises(ValueError, match='1 classes, 36 were expected'): Reader(bundle=tmp_path/'bundle')
