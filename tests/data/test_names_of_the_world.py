"File names that are not UTF-8, and accents composed or decomposed: every command finds the same files."
import json
import os
import subprocess
import unicodedata
import zipfile

import pandas as pd
import pytest
from PIL import Image

from alpr_nb.data.checks.check import check
from alpr_nb.data.ground_truth import read_truth
from alpr_nb.data.importers import import_source
from alpr_nb.data.prepare import prepare
from annotated_sources import make, picture

NFC = unicodedata.normalize('NFC', 'caminhão.jpg') # as Windows and Linux type it
NFD = unicodedata.normalize('NFD', NFC)            # as macOS stored it
LATIN_1 = os.fsdecode(b'caminh\xe3o.jpg')          # as an old archive unpacks on Linux
CODES = {'b.jpg': 'XYZ9A87', NFC: 'ABC1D23', NFD: 'ABC1D23', LATIN_1: 'QQQ1A11'}


def save(folder, image, label=None):
    "A photograph, and its LabelMe file under the name of `label`."
    folder.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((64, 48), 20 + ord(CODES[image][0])).save(folder/image)
    shape = dict(label='plate', points=[[5, 5], [50, 30]], shape_type='rectangle', description=CODES[image])
    annotation = dict(shapes=[shape], imagePath=image, imageHeight=48, imageWidth=64)
    (folder/(label or image).replace('.jpg', '.json')).write_text(json.dumps(annotation), encoding='utf-8')


def run(*arguments):
    env = os.environ | dict(PYTHONIOENCODING='utf-8:strict')
    done = subprocess.run(['alpr-nb', *arguments], env=env, capture_output=True, timeout=60)
    said = (done.stdout + done.stderr).decode()
    assert 'Traceback' not in said, said
    return done.returncode, said


def write_list(file, names, column):
    pd.DataFrame([(n, CODES[n]) for n in names], columns=['image', column]).to_csv(file, index=False)


@pytest.mark.parametrize('stored, listed', [(NFD, NFC), (NFC, NFD)])
def test_a_list_finds_the_images_of_a_folder(tmp_path, stored, listed):
    photos = tmp_path/'photos'
    for image, label in ((stored, listed), ('b.jpg', None)): save(photos, image, label)
    write_list(photos/'validation.csv', [listed, 'b.jpg'], 'code')
    truths = {t.image.name: (t.code, t.box) for t in read_truth(photos)}
    assert truths == {n: (CODES[n], (5., 5., 50., 30.)) for n in ('b.jpg', stored)}

    write_list(tmp_path/'known.csv', [listed, 'b.jpg'], 'text')
    assert run('annotate', photos, '--out', tmp_path/'out', '--known-text', tmp_path/'known.csv')[0] == 0
    review = pd.read_csv(tmp_path/'out/review.csv', keep_default_na=False)
    assert sorted(review.text) == ['ABC1D23', 'XYZ9A87']

    write_list(tmp_path/'known.csv', [listed], 'text')
    (tmp_path/'known.csv').write_text((tmp_path/'known.csv').read_text().replace('ABC1D23', 'ABC1D24'))
    findings = check(photos, 'cd', texts=tmp_path/'known.csv', progress=False).findings
    assert list(findings.image[findings.finding == 'text disagrees']) == [stored]


@pytest.mark.parametrize('image, label, listed', [(NFD, NFC, NFC), (NFC, NFD, NFD), (NFC, NFC, NFD)])
def test_batches_pair_and_split_such_names(tmp_path, image, label, listed):
    save(tmp_path/'photos', image, label)
    save(tmp_path/'photos', 'b.jpg')
    source = tmp_path/'batches'
    source.mkdir()
    for kind, suffix in (('image', '.jpg'), ('label', '.json')):
        with zipfile.ZipFile(source/f'ann_{kind}_part_1.zip', 'w') as z:
            for file in sorted((tmp_path/'photos').glob(f'*{suffix}')): z.write(file, file.name)
            z.writestr(f'__MACOSX/._b{suffix}', 'macOS'); z.writestr(f'._b{suffix}', 'macOS')
    write_list(source/'validation.csv', [listed], 'code')
    assert not len(check(source, 'cd', progress=False).findings.query("severity == 'severe'"))
    images, _ = prepare(source, tmp_path/'yolo', tmp_path/'raw', 'cd', progress=False)
    assert dict(zip(images.image, images.split)) == {image: 'val', 'b.jpg': 'train'}
    assert [t.code for t in read_truth(tmp_path/'raw')] == ['ABC1D23']


def test_a_name_that_is_not_utf8_is_named_and_the_others_are_used(tmp_path):
    photos = tmp_path/'photos'
    try: save(photos, LATIN_1)
    except (OSError, UnicodeError): pytest.skip('this file system takes UTF-8 names only')
    save(photos, 'b.jpg')
    escaped = r'caminh\udce3o.jpg'
    status, said = run('import', 'labelme', photos, tmp_path/'in')
    assert status == 1 and '1 images with 1 boxes' in said and escaped in said
    status, said = run('annotate', photos, '--out', tmp_path/'out', '--task', 'cd')
    review = (tmp_path/'out/review.csv').read_text(encoding='utf-8')
    assert status == 1 and (tmp_path/'out/b.jpg').is_file() and f'{escaped},,,0.0,unreadable image' in review
    for command in (['pack', photos, '--out', tmp_path/'pack', '--annotator', 'ann', '--validation', '0'],
                    ['check', photos, '--out', tmp_path/'check']):
        status, said = run(*command)
        assert status == 1 and escaped in said


def test_findings_have_each_name_on_one_line(tmp_path):
    bad = ['new\nline.png', 'left\u202eright.png', 'back\\slash.png']
    make(tmp_path/'s', {name: picture('.png') for name in ['a.png', *bad]})
    done = import_source('folder', tmp_path/'s', tmp_path/'out')
    assert done.images == 1 and sorted(done.findings.file) == sorted([r'new\nline.png', r'left\u202eright.png', bad[2]])
    assert len((tmp_path/'out'/'findings.csv').read_text().splitlines()) == 4
    assert done.findings.detail[done.findings.file == bad[2]].item() == 'its name has a backslash; rename the file'
