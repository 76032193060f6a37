"Who labelled what stays with a sample; annotators are compared where they labelled the same images."
import json
import zipfile

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from alpr_nb.cli import app
from alpr_nb.data.annotate import annotate
from alpr_nb.data.annotators import model_annotator
from alpr_nb.data.importers import import_source
from alpr_nb.data.labelme import Annotation, Shape, read_labelme, write_labelme
from alpr_nb.data.pack import pack
from alpr_nb.data.prepare import prepare
from alpr_nb.inference.bundle import packaged_bundle
from alpr_nb.inference.reader import Reader

CODES = 'ABC1234', 'DEF5678', 'GHI9012', 'JKL3M45', 'MNO6789', 'PQR0123', 'STU4V56', 'WXY7Z89'


def crops(folder, codes=CODES, shift=0, annotator=''):
    "Crops of one code each with a box for each character"
    folder.mkdir(parents=True)
    for n, code in enumerate(codes):
        pixels = np.random.default_rng(n).integers(0, 256, (60, 100, 3), np.uint8)
        cv2.imwrite(str(folder/f'{n}.png'), pixels)
        shapes = tuple(Shape(c, (12*i + shift, 20, 12*i + 10 + shift, 40)) for i, c in enumerate(code))
        write_labelme(folder/f'{n}.json', Annotation(f'{n}.png', 100, 60, shapes, annotator))
    return folder


def packed_annotators(batches):
    "Image -> annotator in its LabelMe file"
    with zipfile.ZipFile(next(batches.glob('*_label_part_1.zip'))) as z:
        return {name: json.loads(z.read(name)).get('annotator') for name in z.namelist()}


def test_the_annotator_stays_from_import_to_the_prepared_data_set(tmp_path):
    source = crops(tmp_path/'source')
    first = read_labelme(source/'0.json')
    write_labelme(source/'0.json', Annotation(first.image, 100, 60, first.shapes, 'eve')) # the source knows it
    import_source('labelme', source, tmp_path/'photos', label='', annotator='ann')
    own = {p.stem: read_labelme(p).annotator for p in (tmp_path/'photos').glob('[0-9].json')}
    assert own == {'0': 'eve'} | {str(n): 'ann' for n in range(1, len(CODES))}

    file = tmp_path/'photos/3.json' # a person saves a correction: LabelMe keeps the key
    file.write_text(file.read_text().replace('"J"', '"T"'))
    pack(tmp_path/'photos', tmp_path/'batches', 'ben', task='cr', validation=.3)
    known = packed_annotators(tmp_path/'batches')
    assert known['0.json'] == 'eve' and known['1.json'] == 'ann' and known['3.json'] == 'ben'

    images, _ = prepare(tmp_path/'batches', tmp_path/'yolo', tmp_path/'raw', 'cr', n_jobs=1, progress=False)
    assert dict(zip(images.image, images.annotator))['0.png'] == 'eve'
    assert set(images.annotator) == {'eve', 'ann', 'ben'}
    raw = {p.name: read_labelme(p).annotator for p in (tmp_path/'raw').glob('*.json')}
    assert raw and all(known[name] == by for name, by in raw.items())


def test_a_file_without_annotator_is_that_of_the_person_who_packs(tmp_path):
    pack(crops(tmp_path/'photos'), tmp_path/'batches', 'ann', task='cr', validation=.3)
    assert set(packed_annotators(tmp_path/'batches').values()) == {'ann'}


def test_a_proposal_names_the_model_with_the_hash_of_its_bundle(tmp_path):
    source, out = crops(tmp_path/'source', CODES[:2]), tmp_path/'out'
    name = model_annotator(packaged_bundle('truck'))
    annotate([source], out, Reader('truck', threads=1), 'cr', progress=False, annotator=name)
    assert {read_labelme(p).annotator for p in out.glob('[0-9].json')} == {name}


def test_check_compares_two_annotators_and_shows_the_disputed_images(tmp_path):
    crops(tmp_path/'ann')
    crops(tmp_path/'ben', ('A8C1234', *CODES[1:7]), shift=1)
    done = CliRunner().invoke(app, ['check', str(tmp_path/'ann'), str(tmp_path/'ben'), '--task', 'cr', '--agreement',
                                    str(tmp_path/'out')])
    assert done.exit_code == 0, done.output
    assert 'ann and ben, 7 images: texts agree on 6 of 7' in done.output and '1 of 7 comparisons' in done.output
    row = pd.read_csv(tmp_path/'out/agreement.csv').iloc[0]
    assert (row.images, row.same_text, row.boxes, row.matched) == (7, 6, 49, 49)
    assert row.iou == pytest.approx(9/11, abs=1e-3) and .9 < row.kappa < 1
    disputed = pd.read_csv(tmp_path/'out/disputed.csv')
    assert disputed[['image', 'first_text', 'second_text']].values.tolist() == [['0.png', 'ABC1234', 'A8C1234']]
    page = (tmp_path/'out/agreement.html').read_text()
    assert 'A8C1234' in page and page.count('<figure>') == 2 and '://' not in page


def test_batches_of_two_annotators_are_compared_too(tmp_path):
    for name in ('ann', 'ben'):
        pack(crops(tmp_path/name/'photos'), tmp_path/name/'batches', name, task='cr', validation=.3)
    done = CliRunner().invoke(app, ['check', *(str(tmp_path/n/'batches') for n in ('ann', 'ben')), '--task', 'cr',
                                    '--agreement', str(tmp_path/'out')])
    assert done.exit_code == 0 and 'ann and ben, 8 images: texts agree on 8 of 8' in done.output


def test_plates_without_a_text_are_compared_by_their_boxes(tmp_path):
    for name, text, right in (('ann', 'ABC1234', 90), ('ben', '', 88)):
        (tmp_path/name).mkdir()
        cv2.imwrite(str(tmp_path/name/'a.png'), np.full((60, 100, 3), 90, np.uint8))
        plate = Shape('plate', (10, 20, right, 40), text)
        write_labelme(tmp_path/name/'a.json', Annotation('a.png', 100, 60, (plate,)))
    done = CliRunner().invoke(app, ['check', str(tmp_path/'ann'), str(tmp_path/'ben'), '--task', 'cd', '--agreement',
                                    str(tmp_path/'out')])
    assert done.exit_code == 0 and 'no image has texts by both; 1 of 1 boxes are in both' in done.output


def test_folders_without_a_common_image_are_refused(tmp_path):
    crops(tmp_path/'ann', annotator='ann')
    (tmp_path/'ann/0.png').unlink(), (tmp_path/'ann/0.json').unlink()
    crops(tmp_path/'ben', CODES[:1])
    done = CliRunner().invoke(app, ['check', str(tmp_path/'ann'), str(tmp_path/'ben'), '--task', 'cr', '--agreement',
                                    str(tmp_path/'out')])
    assert done.exit_code == 1 and not (tmp_path/'out').exists()
    assert 'no image is labelled by two annotators; found 7 by ann, 1 by ben' in str(done.exception)
