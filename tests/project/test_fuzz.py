"""Damaged annotation files, manifests, batches, settings, notebooks and images end in a result or in one sentence.

The examples are the same each time. `make fuzz MINUTES=60` tries others."""
import io
import json
import tempfile
import zipfile
from pathlib import Path

import annotated_sources as sources
import numpy as np
import pytest
import small_batches
import yaml
from conftest import ROOT
from fuzzing import as_json, damaged, ends_well, files_of, fuzz, mutated
from hypothesis import given
from hypothesis import strategies as st
from onnx_models import fixed_model, text_model
from PIL import Image

from alpr_nb.codes.scope import load_scope
from alpr_nb.core.config import UserError, load_section
from alpr_nb.core.hashes import sha256
from alpr_nb.core.image_files import decode_image
from alpr_nb.data.checks.check import check
from alpr_nb.data.importers import import_source
from alpr_nb.data.labelme import read_labelme
from alpr_nb.data.prepare import prepare
from alpr_nb.drawing.settings import load_settings
from alpr_nb.inference.bundle import BundleError, load_bundle, write_bundle
from alpr_nb.inference.config import ReaderConfig, load_reader_config
from alpr_nb.inference.image_input import ReadError, load_image
from alpr_nb.workflow.notebook_cells import check_parameters, notebook_parameters, read_notebook

LABELME = dict(version='5.4.1', flags={}, imagePath='a.jpg', imageData=None, imageHeight=60, imageWidth=100, shapes=[
    dict(label='plate', points=[[10, 20], [50, 20], [50, 33], [10, 33]], group_id=None, description='ABC1D23',
         shape_type='polygon', flags={}),
    dict(label='plate', points=[[60., 20.], [90., 33.]], description='', shape_type='rectangle', flags={})])
pytestmark = pytest.mark.hypothesis # `make test-long` runs more examples

# format of `import` -> (name of the annotation file, a valid one)
ANNOTATIONS = dict(
    labelme=('a.json', as_json(LABELME)), coco=('all.json', sources.coco().encode()),
    csv=('all.csv', b'image,x1,y1,x2,y2,class,text\na.jpg,10,20,50,33,plate,ABC1D23\n'
                    b'b.jpg,1.5,2,30,20,plate,XYZ9A87\n'),
    yolo=('a.txt', b'0 0.5 0.5 0.2 0.1\n1 0.3 0.3 0.1 0.1\n'),
    voc=('a.xml', sources.VOC.format(10, 20, 50, 33, w=100, h=60, code='ABC1D23').encode()),
    cvat=('all.xml', sources.cvat().encode()), **{'label-studio': ('all.json', sources.label_studio().encode())},
    openalpr=('a.txt', b'a.jpg\t10\t20\t40\t13\tABC1D23\n'))
PICTURE = sources.picture()


def import_damaged(kind, name, content):
    "Import a source of two images, of which one annotation file is damaged."
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        folder = tmp/'source'
        files = {'a.jpg': PICTURE, 'b.jpg': PICTURE, name: content}
        if kind == 'yolo': files['classes.txt'] = 'plate\ntruck\n'
        other = ANNOTATIONS[kind][1]
        if name.startswith('a.'): files[name.replace('a.', 'b.')] = other
        sources.make(folder, files)
        before = files_of(folder)
        done = ends_well(lambda: import_source(kind, folder, tmp/'out', label='plate', keep=['plate'] if kind == 'yolo'
                                               else None), UserError)
        assert files_of(folder) == before and {p.name for p in tmp.iterdir()} <= {'source', 'out'}
        if not done:
            assert not (tmp/'out').exists()
            return
        written = {p.name for p in (tmp/'out').glob('*.jpg')}
        left_out = {Path(f).name for f in done.findings.file}
        assert len(written) == done.images and written | left_out >= {'a.jpg', 'b.jpg'}
        for image in written:
            shapes = read_labelme(tmp/'out'/f'{image[0]}.json').shapes
            assert all(np.isfinite(s.box).all() and s.box[0] <= s.box[2] for s in shapes)


@pytest.mark.parametrize('kind', ANNOTATIONS)
def test_edited_annotation_files(kind):
    name, valid = ANNOTATIONS[kind]
    @fuzz(100)
    @given(damaged(valid))
    def run(content): import_damaged(kind, name, content)
    run()


@pytest.mark.parametrize('kind', ['labelme', 'coco', 'label-studio'])
def test_annotation_files_with_other_values(kind):
    name, valid = ANNOTATIONS[kind]
    @fuzz(200)
    @given(mutated(json.loads(valid)))
    def run(tree): import_damaged(kind, name, as_json(tree))
    run()


@pytest.mark.parametrize('name, valid', [
    ('classes.txt', b'plate\ntruck\n'), ('labels/obj.names', b'plate\ntruck\n'),
    ('data.yaml', b'nc: 2\nkpt_shape: [4, 3]\nnames: {0: plate, 1: truck}\n'),
    ('mine.yml', b'names: [plate, truck]\n')])
def test_files_of_class_names(name, valid):
    @fuzz(100)
    @given(damaged(valid))
    def run(content):
        with tempfile.TemporaryDirectory() as tmp:
            files = {'a.jpg': PICTURE, 'a.txt': ANNOTATIONS['yolo'][1], name: content}
            source = sources.make(Path(tmp)/'source', files)
            ends_well(lambda: import_source('yolo', source, Path(tmp)/'out', label='plate'), UserError)
    run()


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp('reader')
    (folder/'cd.onnx').write_bytes(fixed_model([[256, 144, 200, 60, .95, 1.]]))
    (folder/'cr.onnx').write_bytes(text_model('ABC1D23'))
    formats = dict(old=dict(pattern='LLLNNNN', same=['O0']), mercosul='LLLNLNN')
    config = ReaderConfig(scope='truck', formats=formats)
    write_bundle(folder/'bundle', folder/'cd.onnx', folder/'cr.onnx', config, metrics={'validation': {'acc@0.2': .97}})
    return folder/'bundle'


def test_manifests(bundle):
    "Edited bytes and other values; the hash of the substitutions fits, so that their content is what is judged."
    manifest, text = json.loads((bundle/'manifest.json').read_text()), (bundle/'substitutions.json').read_bytes()
    @fuzz(300)
    @given(st.one_of(mutated(manifest).map(as_json), damaged((bundle/'manifest.json').read_bytes())),
           st.one_of(st.just(text), mutated(json.loads(text)).map(as_json), damaged(text)))
    def run(content, substitutions):
        content = content.replace(sha256(text).encode(), sha256(substitutions).encode())
        (bundle/'manifest.json').write_bytes(content)
        (bundle/'substitutions.json').write_bytes(substitutions)
        loaded = ends_well(lambda: load_bundle(bundle), BundleError)
        assert loaded is None or loaded.manifest.config.cd.size >= 32
    run()


def archive(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as z:
        for name, data in members.items(): z.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()


def test_batches():
    "Archives and lists of a source of four images. Each image is in the result, or there is one sentence."
    images = {n: small_batches.picture() for n in small_batches.CODES}
    labels = {n.replace('png', 'json'): small_batches.label(c, image=n) for n, c in small_batches.CODES.items()}
    broken = mutated(json.loads(labels['a.json'])).map(lambda t: archive(labels | {'a.json': as_json(t)}))
    valid = {'ann_image_part_1.zip': archive(images), 'ann_label_part_1.zip': archive(labels),
             'validation.csv': b'image,code\nd.png,JKL3M45\n', 'quarantine.csv': b'batch,image,finding,detail\n'}
    change = st.sampled_from(sorted(valid)).flatmap(lambda n: st.tuples(st.just(n), damaged(valid[n])))
    @fuzz(60)
    @given(st.one_of(change, st.tuples(st.just('ann_label_part_1.zip'), broken)))
    def run(changed):
        with tempfile.TemporaryDirectory() as tmp:
            tmp = Path(tmp)
            sources.make(tmp/'source', valid | dict([changed]))
            before = files_of(tmp)
            checked = ends_well(lambda: check(tmp/'source', 'cd', strip=20, n_jobs=1, progress=False), UserError)
            assert files_of(tmp) == before
            made = ends_well(lambda: prepare(tmp/'source', tmp/'yolo', tmp/'raw', 'cd', strip=20, n_jobs=1,
                                             progress=False), UserError)
            assert {p.name for p in tmp.iterdir()} == {'source', 'yolo', 'raw'} if made else files_of(tmp) == before
            if made:
                yolo = sorted(p.name for p in (tmp/'yolo/images').rglob('*.png'))
                assert yolo == sorted(made[0].image) and checked is not None
                if changed[0] != 'quarantine.csv' and not changed[0].endswith('.zip'): assert len(yolo) == 4
    run()


PARAMS = yaml.safe_load((ROOT/'params.yaml').read_text(encoding='utf-8'))
SECTIONS = {k: PARAMS[k] for k in ('scope', 'reader')} | dict(data=dict(drawing=PARAMS['data']['drawing']))


def test_settings(tmp_path):
    "Edited text and other values of params.yaml, for each reader of a section that needs no torch."
    text = yaml.safe_dump(SECTIONS, allow_unicode=True).encode()
    def dump(tree):
        try: return yaml.dump(tree, allow_unicode=False).encode(errors='surrogatepass')
        except yaml.YAMLError: return b''
    @fuzz(150)
    @given(st.one_of(mutated(SECTIONS).map(dump), damaged(text)))
    def run(content):
        file = tmp_path/'params.yaml'
        file.write_bytes(content)
        ends_well(lambda: load_scope(file), UserError)
        ends_well(lambda: load_reader_config(file), UserError)
        section = ends_well(lambda: load_section('data.drawing.cr', file), UserError)
        own = {k: v for k, v in (section or {}).items() if k not in ('out', 'count', 'batch_size', 'n_jobs')}
        if section: ends_well(lambda: load_settings(own), UserError)
    run()


NOTEBOOK = dict(cells=[
    dict(cell_type='code', id='a', metadata=dict(tags=['parameters']), source=['n: int = 1 # passes\n', 'x = "y"'],
         outputs=[], execution_count=None),
    dict(cell_type='markdown', metadata={}, source='# Title')],
    metadata=dict(kernelspec=dict(name='python3', language='python')), nbformat=4, nbformat_minor=5)


def test_notebooks(tmp_path):
    file = tmp_path/'x.ipynb'
    @fuzz(200)
    @given(st.one_of(mutated(NOTEBOOK).map(as_json), damaged(as_json(NOTEBOOK))))
    def run(content):
        file.write_bytes(content)
        nb = ends_well(lambda: read_notebook(file), UserError)
        known = nb and ends_well(lambda: notebook_parameters(nb, 'x'), UserError)
        if known: ends_well(lambda: check_parameters(known, dict(n='3'), 'x'), UserError)
    run()


def pictures():
    "A valid file of each kind that is read, with EXIF where the kind has it."
    y, x = np.mgrid[:24, :40]
    image = Image.fromarray(np.dstack([x*6, y*10, x + y]).astype(np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    for kind in ('JPEG', 'PNG', 'WEBP', 'TIFF', 'AVIF', 'GIF', 'BMP', 'JPEG2000', 'PPM'):
        file = io.BytesIO()
        image.save(file, kind, **({'exif': exif} if kind in ('JPEG', 'PNG', 'WEBP', 'TIFF', 'AVIF') else {}))
        yield kind, file.getvalue()


@pytest.mark.parametrize('kind, valid', [pytest.param(*p, id=p[0]) for p in pictures()])
def test_images(kind, valid):
    assert load_image(valid).shape == decode_image(valid).shape
    @fuzz(400)
    @given(damaged(valid))
    def run(content):
        for decode, error in ((load_image, ReadError), (decode_image, UserError)):
            pixels = ends_well(lambda: decode(content, 'a.jpg'), error)
            assert pixels is None or pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    run()
