"prepare-data against numbers worked out by hand, hostile batches, and interruption."
import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import zipfile
import zlib

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings, strategies as st
from PIL import Image

from alpr_nb.data import batches
from alpr_nb.data.labelme import Annotation, Shape, labelme_json, read_labelme
from alpr_nb.data.batches import combine, list_samples
from alpr_nb.core.config import UserError
from alpr_nb.data.prepare import prepare
from alpr_nb.core.image_files import decode_image
from alpr_nb.data.yolo_labels import clip_shapes, yolo_boxes, yolo_line
from alpr_nb.data.ground_truth import read_truth

W, H = 100, 80


def picture(ending='.png', w=W, h=H):
    "An image file with a strip of 20 white pixels at its bottom"
    image = np.full((h, w, 3), 90, np.uint8)
    image[h-20:] = 255
    return cv2.imencode(ending, image)[1].tobytes()


def label(code='', box=(10, 10, 60, 30), name='plate', image='x.png', w=W, h=H):
    return labelme_json(Annotation(image, w, h, (Shape(name, box, code),))).encode()


def pack(path, members):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items(): z.writestr(name, data)


CODES = {'a.png': 'ABC1234', 'b.png': 'DEF5678', 'c.png': 'GHI9012', 'd.png': 'JKL3M45'}


def make_source(folder, images=None, labels=None, listed=None):
    "A source of four photographs, the last for validation; arguments change or (None as a value) remove members"
    def members(own, changes): return {k: v for k, v in (own | (changes or {})).items() if v is not None}
    folder.mkdir(parents=True, exist_ok=True)
    pack(folder/'ann_image_part_1.zip', members({n: picture() for n in CODES}, images))
    pack(folder/'ann_label_part_1.zip', members({n.replace('png', 'json'): label(c, image=n) for n, c in CODES.items()}, labels))
    (folder/'validation.csv').write_text('image,code\nd.png,JKL3M45\n' if listed is None else listed)
    return folder


def run(source, task='cd', **kw):
    out = source.parent/'out'
    return prepare(source, out/'yolo', out/'raw'/'validation', task, progress=False, **dict(strip=20, n_jobs=2) | kw), out


def refused(source, *words, **kw):
    "The sentence with which prepare refuses the source; it left nothing behind"
    with pytest.raises(UserError) as e: run(source, **kw)
    said = str(e.value)
    for w in words: assert w in said
    assert '\n' not in said and len(said) < 600
    out = source.parent/'out'
    assert not [p for p in out.rglob('*') if p.is_file()] and not (out/'yolo').exists() and not (out/'raw'/'validation').exists()
    return said


def digest(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob('*')) if p.is_file()}


# what is written

def test_the_strip_is_cut_and_the_boxes_with_it(tmp_path):
    boxes = [Shape('plate', (10, 10, 60, 30), 'ABC1234'), Shape('plate', (70, 50, 90, 70)), Shape('plate', (0, 61, 50, 79))]
    both = labelme_json(Annotation('a.png', W, H, tuple(boxes))).encode()
    (images, found), out = run(make_source(tmp_path/'source', labels={'a.json': both}))
    # by hand, in an image of 100x60: centres 35,20 and 80,55; sizes 50x20 and 20x10 (cut at 60); the third is in the strip
    assert (out/'yolo/labels/train/a.txt').read_text() == ('0 0.350000 0.333333 0.500000 0.333333\n'
                                                           '0 0.800000 0.916667 0.200000 0.166667\n')
    image = cv2.imread(str(out/'yolo/images/train/a.png'))
    assert image.shape == (60, 100, 3) and (image == 90).all()
    assert images.set_index('image').loc['a.png', ['boxes', 'cut']].tolist() == [2, 1]


def test_the_folders(tmp_path):
    (images, boxes), out = run(make_source(tmp_path/'source'))
    assert sorted(digest(out)) == sorted(
        [f'yolo/images/train/{i}.png' for i in 'abc'] + [f'yolo/labels/train/{i}.txt' for i in 'abc']
        + ['yolo/images/val/d.png', 'yolo/labels/val/d.txt', 'yolo/data.yaml']
        + [f'raw/validation/{n}' for n in ('d.png', 'd.json', 'validation.csv')])
    assert yaml.safe_load((out/'yolo/data.yaml').read_text()) == dict(train='images/train', val='images/val', names={0: 'plate'})
    assert (out/'raw/validation/validation.csv').read_text() == 'image,code\nd.png,JKL3M45\n'
    ann = read_labelme(out/'raw/validation/d.json')
    assert ann == Annotation('d.png', 100, 60, (Shape('plate', (10, 10, 60, 30), 'JKL3M45'),))
    assert cv2.imread(str(out/'raw/validation/d.png')).shape == (60, 100, 3)
    assert images.split.value_counts().to_dict() == dict(train=3, val=1)


def characters(text, image):
    return labelme_json(Annotation(image, W, H, tuple(Shape(c, (10*i, 10, 10*i + 8, 30)) for i, c in enumerate(text)))).encode()


def crops(tmp_path, **kw):
    return make_source(tmp_path/'source', labels={n.replace('png', 'json'): characters(c, n) for n, c in CODES.items()}, **kw)


def test_classes_of_the_recogniser_follow_the_alphabet(tmp_path):
    (images, boxes), out = run(crops(tmp_path), 'cr', strip=0)
    lines = (out/'yolo/labels/train/a.txt').read_text().split('\n')
    assert [line.split()[0] for line in lines[:-1]] == ['0', '1', '2', '27', '28', '29', '30']  # A B C 1 2 3 4
    assert lines[3] == '27 0.340000 0.250000 0.080000 0.250000'  # 30..38 of 100, 10..30 of 80
    names = yaml.safe_load((out/'yolo/data.yaml').read_text())['names']
    assert names[0] == 'A' and names[13] == 'N' and names[26] == '0' and len(names) == 36
    assert images.set_index('image').codes.map(lambda c: c[0]).to_dict() == CODES
    assert (out/'yolo/images/train/a.png').read_bytes() == picture()  # nothing cut: not encoded again


def test_yolov5_finds_no_fault(tmp_path):
    "YOLOv5's own check of images and labels"
    pytest.importorskip('alpr_nb.training.yolov5_compat')
    from yolov5.utils.dataloaders import img2label_paths, verify_image_label
    _, out = run(make_source(tmp_path/'source', images={'a.png': None, 'a.jpg': picture('.jpg') + b'maker notes'}), strip=0)
    before = digest(out)
    files = sorted(str(p) for p in (out/'yolo/images').rglob('*.*'))
    for file, lb in zip(files, img2label_paths(files)):
        found = verify_image_label((file, lb, ''))
        assert len(found[1]) == 1 and not found[-1], found[-1]
    assert len(files) == 4 and digest(out) == before  # it "restores" some JPEGs in place


def test_a_turned_photograph_is_stored_as_it_is_seen(tmp_path):
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.fromarray(np.full((W, H, 3), 90, np.uint8)).save(buffer, 'JPEG', exif=exif)
    _, out = run(make_source(tmp_path/'source', images={'a.png': None, 'a.jpg': buffer.getvalue()}), strip=0)
    with Image.open(out/'yolo/images/train/a.jpg') as im: assert im.size == (W, H) and im.getexif().get(0x0112, 1) == 1


@settings(max_examples=200, deadline=None)
@given(st.integers(10, 2000), st.integers(10, 2000), st.data())
def test_yolo_numbers(w, h, data):
    "Within 0 to 1 whatever the box was, and back to the clipped box within a thousandth of the image"
    strip = data.draw(st.integers(0, h - 10))
    x1, y1 = data.draw(st.floats(-50, w - 1)), data.draw(st.floats(-50, h - 1))
    x2, y2 = data.draw(st.floats(max(x1, 0) + 1, w + 50)), data.draw(st.floats(max(y1, 0) + 1, h + 50))
    if min(x2, w) - max(x1, 0) < 1 or min(y2, h) - max(y1, 0) < 1: return
    for s in clip_shapes([Shape('A', (x1, y1, x2, y2))], w, h, strip):
        assert s.box == (max(x1, 0), max(y1, 0), min(x2, w), min(y2, h - strip))
        line = yolo_line(3, s.box, w, h - strip)
        assert all(0 <= float(v) <= 1 for v in line.split()[1:])
        (n, box), = yolo_boxes(line, w, h - strip)
        assert n == 3 and np.allclose(box, s.box, atol=1e-3*max(w, h))


def test_the_same_on_any_number_of_jobs(tmp_path):
    source = make_source(tmp_path/'source')
    _, out = run(source, n_jobs=1)
    first = digest(out)
    _, out = run(source, n_jobs=4)
    assert digest(out) == first


# archives that must not be trusted

def raw_zip(path, info, data=b'x'):
    with zipfile.ZipFile(path, 'w') as z: z.writestr(info, data)


@pytest.mark.parametrize('name', ['../evil.png', '/tmp/evil.png', 'a/../../evil.png', '..\\evil.png', 'C:\\evil.png', 'C:evil.png'])
def test_names_that_leave_the_folder(tmp_path, name):
    source = make_source(tmp_path/'source', images={name: picture()})
    refused(source, 'ann_image_part_1.zip', 'leads out of the folder')
    assert not list(tmp_path.rglob('evil.png'))


def test_nested_folders(tmp_path):
    refused(make_source(tmp_path/'source', images={'photos/e.png': picture()}), 'photos/e.png', 'zip the files themselves')


def test_what_macos_adds_is_passed_over(tmp_path):
    source = make_source(tmp_path/'source', images={'__MACOSX/._a.png': b'x', '.DS_Store': b'x'})
    assert len(list_samples(source)) == 4


def test_link(tmp_path):
    info = zipfile.ZipInfo('a.png')
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    raw_zip(make_source(tmp_path/'source')/'ann_image_part_1.zip', info, b'/etc/passwd')
    refused(tmp_path/'source', "ann_image_part_1.zip: 'a.png'", 'link')


def test_bomb_by_ratio(tmp_path):
    refused(make_source(tmp_path/'source', images={'e.png': bytes(8 << 20)}), "'e.png'", 'do not trust')


def test_bomb_by_size(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, 'MAX_BYTES', 1000)
    refused(make_source(tmp_path/'source', images={'e.png': os.urandom(2000)}), "'e.png'", 'more than')


def test_size_that_lies(tmp_path):
    "The table of contents says 10 bytes, the member unpacks to 8 MiB: no more than that is read"
    path = make_source(tmp_path/'source')/'ann_image_part_1.zip'
    pack(path, {'a.png': bytes(8 << 20)})
    data = bytearray(path.read_bytes())
    at = data.rindex(b'PK\x01\x02')
    data[at+24:at+28] = (10).to_bytes(4, 'little')
    path.write_bytes(data)
    pack(tmp_path/'source/ann_label_part_1.zip', {'a.json': label()})
    (tmp_path/'source/validation.csv').write_text('image,code\na.png,ABC1234\n')
    (_, data, error), = batches.iter_samples(list_samples(tmp_path/'source'))
    assert data is None and 'a.png: damaged' in str(error)


def test_picture_bomb(tmp_path):
    "A PNG of a few hundred bytes that says it has 60,000 x 60,000 pixels"
    def chunk(kind, body): return len(body).to_bytes(4, 'big') + kind + body + zlib.crc32(kind + body).to_bytes(4, 'big')
    head = (60_000).to_bytes(4, 'big')*2 + bytes([8, 2, 0, 0, 0])
    bomb = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(bytes(1000))) + chunk(b'IEND', b'')
    refused(make_source(tmp_path/'source', images={'a.png': bomb}), 'ann_image_part_1.zip: a.png')


def test_encrypted(tmp_path):
    path = make_source(tmp_path/'source')/'ann_image_part_1.zip'
    data = bytearray(path.read_bytes())
    for magic, offset in ((b'PK\x03\x04', 6), (b'PK\x01\x02', 8)): data[data.index(magic) + offset] |= 1
    path.write_bytes(data)
    refused(tmp_path/'source', "'a.png'", 'without a password')


def test_names_that_come_twice(tmp_path):
    source = make_source(tmp_path/'source', images={'a.jpg': picture('.jpg')})
    refused(source, 'a.jpg', 'the same name as a.png')
    make_source(source)
    with pytest.warns(UserWarning), zipfile.ZipFile(source/'ann_image_part_1.zip', 'a') as z: z.writestr('a.png', picture())
    refused(source, "ann_image_part_1.zip: 'a.png'", 'the same name')
    make_source(source)
    for kind in ('image', 'label'): (source/f'ann_{kind}_part_2.zip').write_bytes((source/f'ann_{kind}_part_1.zip').read_bytes())
    refused(source, 'ann_image_part_2.zip: a.png is also in ann_image_part_1.zip')


@pytest.mark.parametrize('kind', ['image', 'label'])
@pytest.mark.parametrize('part', [0, .3, .9])
def test_truncated_archive(tmp_path, kind, part):
    path = make_source(tmp_path/'source')/f'ann_{kind}_part_1.zip'
    path.write_bytes(path.read_bytes()[:int(path.stat().st_size*part)])
    refused(tmp_path/'source', path.name, 'damaged')


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_byte(tmp_path_factory, data):
    "Whichever bytes of an archive are changed, it is read as before or refused with a sentence"
    folder = tmp_path_factory.getbasetemp()/'changed'
    path = make_source(folder)/'ann_image_part_1.zip'
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try: found = list(batches.iter_samples(list_samples(folder)))
    except UserError as e: assert str(path) in str(e) or 'ann_label_part_1.zip' in str(e)
    else: assert all(isinstance(ann, (Annotation, UserError)) for _, _, ann in found)


# batches that do not fit together

def test_missing_parts(tmp_path):
    source = make_source(tmp_path/'source')
    (source/'ann_label_part_1.zip').rename(tmp_path/'away.zip')
    refused(source, 'ann_label_part_1.zip is not there')
    (tmp_path/'away.zip').rename(source/'ann_label_part_1.zip')
    for kind in ('image', 'label'): (source/f'ann_{kind}_part_1.zip').rename(source/f'ann_{kind}_part_3.zip')
    refused(source, 'no part 1')
    (source/'photos.zip').touch()
    refused(source, 'photos.zip', 'expected a name like')


def test_no_batches(tmp_path):
    (tmp_path/'source').mkdir()
    refused(tmp_path/'source', 'no batches')
    refused(tmp_path/'nowhere', 'no such folder')


def test_image_without_label_and_the_reverse(tmp_path):
    refused(make_source(tmp_path/'source', labels={'b.json': None}), 'ann_image_part_1.zip: b.png has no label in ann_label_part_1.zip')
    refused(make_source(tmp_path/'source', images={'b.png': None}), 'ann_label_part_1.zip: b.json has no image in ann_image_part_1.zip')


@pytest.mark.parametrize('data', [b'GIF89a', picture()[:60], picture('.jpg', 400, 400)[:-200], b'not an image', b''])
def test_images_that_do_not_decode(tmp_path, data):
    refused(make_source(tmp_path/'source', images={'b.png': data}), 'ann_image_part_1.zip', 'b.png')


def test_every_bad_sample_is_counted(tmp_path):
    said = refused(make_source(tmp_path/'source', images={'b.png': b'x'}, labels={'c.json': b'{}'}), 'b.png', 'not a readable image')
    assert said.endswith('(1 more samples are bad)')


def test_labels_that_do_not_fit(tmp_path):
    def with_label(data, *words, **kw):
        refused(make_source(tmp_path/'source', labels={'b.json': data}), 'ann_label_part_1.zip: b.json', *words, **kw)
    with_label(b'{"images": []}', 'not a LabelMe file')
    with_label(label(name='placa'), "'placa'", "expected 'plate'")
    with_label(label(w=200, h=160), 'an image of 200x160, but the image has 100x80')
    with_label(label(box=(200, 10, 260, 30)), 'outside the image')
    with_label(label(box=(10, 10, 10, 30)), 'has no area')


def test_a_character_that_is_not_in_the_alphabet(tmp_path):
    source = crops(tmp_path)
    refused(source, 'a.json', "shape 1 is labelled 'A'", task='cr', strip=0, alphabet='BC1234')


def test_strip_higher_than_the_image(tmp_path):
    refused(make_source(tmp_path/'source'), 'without the strip of 75', strip=75)
    refused(make_source(tmp_path/'source'), 'strip is 20', task='cr')


# the validation list

@pytest.mark.parametrize('text, words', [
    ('image,code\n', 'lists no image'), ('', 'validation.csv: not a table'), ('foto,code\na.png,X\n', 'no column image'),
    ('image,code\nz.png,JKL3M45\n', 'z.png is in none of the batches'), ('image,code\nd.png,\n', "line 2 ('d.png') has no code"),
    ('image,code\nd.png,JKL3M45\nd.png,JKL3M45\n', 'line 3 (\'d.png\') comes twice'),
    ('image,code\n' + ''.join(f'{n},{c}\n' for n, c in CODES.items()), 'lists every image'),
    ('image,code\nd.png,abc-1234\n', 'the code ABC1234 is in validation and in the training image a.png'),
])
def test_validation_lists(tmp_path, text, words):
    refused(make_source(tmp_path/'source', listed=text), 'validation.csv', words)


def test_no_validation_list(tmp_path):
    (make_source(tmp_path/'source')/'validation.csv').unlink()
    refused(tmp_path/'source', 'validation.csv: missing')


def test_characters_say_the_code_of_both_sides(tmp_path):
    source = crops(tmp_path)
    pack(source/'ann_label_part_1.zip', {n.replace('png', 'json'): characters('JKL3M45' if n == 'b.png' else c, n) for n, c in CODES.items()})
    refused(source, 'JKL3M45 is in validation and in the training image b.png', task='cr', strip=0)


# all or nothing

def test_a_failed_run_keeps_the_old_result(tmp_path):
    _, out = run(make_source(tmp_path/'source'))
    before = digest(out)
    make_source(tmp_path/'source', images={'b.png': b'x'})
    with pytest.raises(UserError): run(tmp_path/'source')
    assert digest(out) == before


def test_a_folder_of_the_user_is_not_replaced(tmp_path):
    source = make_source(tmp_path/'source')
    (tmp_path/'photos').mkdir()
    (tmp_path/'photos/mine.txt').write_text('mine')
    for yolo, raw in ((tmp_path/'photos', tmp_path/'raw'), (tmp_path/'yolo', tmp_path/'photos'), (tmp_path/'yolo', source),
                      (tmp_path, tmp_path/'raw'), (tmp_path/'yolo', tmp_path/'yolo/raw')):
        with pytest.raises(UserError): prepare(source, yolo, raw, 'cd', strip=20, progress=False)
    assert (tmp_path/'photos/mine.txt').read_text() == 'mine' and len(list_samples(source)) == 4


SLOW = '''
import sys, time
from pathlib import Path
from alpr_nb.data import prepare as data
def slow(*a):
    print('here', flush=True)
    time.sleep(60)
data.write_labelme = slow
root = Path(sys.argv[1])
data.prepare(root/'source', root/'out/yolo', root/'out/raw/validation', 'cd', strip=20, n_jobs=2, progress=False)
'''


@pytest.mark.parametrize('old', [True, False])
def test_kill_in_the_middle(tmp_path, old):
    source, before = make_source(tmp_path/'source'), {}
    if old: before = digest(run(source)[1])
    p = subprocess.Popen([sys.executable, '-c', SLOW, str(tmp_path)], stdout=subprocess.PIPE)
    assert p.stdout.readline() == b'here\n'
    p.send_signal(signal.SIGKILL)
    p.wait()
    p.stdout.close()
    out = tmp_path/'out'
    left = {k: v for k, v in digest(out).items() if '.part/' not in k}
    assert left == before and (old or not (out/'yolo').exists())
    _, out = run(source)
    assert not before or digest(out) == before
    assert not list(out.rglob('.*'))  # what the killed run left is gone


# several sources

def test_combine(tmp_path):
    one = make_source(tmp_path/'one')
    two = tmp_path/'two'
    two.mkdir()
    pack(two/'eve_image_part_1.zip', {'e.png': picture(), 'f.png': picture()})
    pack(two/'eve_label_part_1.zip', {'e.json': label('NOP6789'), 'f.json': label('QRS0123')})
    (two/'validation.csv').write_text('image,code\ne.png,NOP6789\n')
    assert combine([one, two], tmp_path/'source') == 4
    assert combine([one, two], tmp_path/'source') == 4  # made before, so replaced
    assert os.path.samefile(tmp_path/'source/eve_image_part_1.zip', two/'eve_image_part_1.zip')
    assert (tmp_path/'source/validation.csv').read_text() == 'image,code\nd.png,JKL3M45\ne.png,NOP6789\n'
    (images, _), _ = run(tmp_path/'source')
    assert images.groupby('split').size().to_dict() == dict(train=4, val=2)


def test_combine_refuses(tmp_path):
    one, two = make_source(tmp_path/'one'), make_source(tmp_path/'two')
    with pytest.raises(UserError, match='has the same name'): combine([one, two], tmp_path/'both')
    with pytest.raises(UserError, match='is needed'): combine([one], one)
    with pytest.raises(UserError, match='not made by this command'): combine([one], two)
    assert not (tmp_path/'both').exists() and len(list_samples(two)) == 4


def test_decoding_is_that_of_opencv():
    "Training reads with OpenCV; what is checked here must be the same picture"
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    for ending in ('.png', '.bmp', '.webp', '.tif'):
        data = cv2.imencode(ending, noise)[1].tobytes()
        assert (decode_image(data) == cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)).all(), ending
    data = cv2.imencode('.jpg', cv2.GaussianBlur(noise, (0, 0), 3))[1].tobytes()
    both = decode_image(data).astype(int), cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(int)
    assert abs(both[0] - both[1]).max() <= 3


def test_a_photograph_of_two_plates_validates_and_is_measured_by_the_larger_one(tmp_path):
    two = labelme_json(Annotation('d.png', W, H, (Shape('plate', (5, 5, 30, 12), 'JKL3M45'), Shape('plate', (40, 10, 90, 30), 'BRA2E19')))).encode()
    source = make_source(tmp_path/'source', labels={'d.json': two}, listed='image,code\nd.png,JKL3M45\nd.png,BRA2E19\n')
    _, out = run(source)
    truth, = read_truth(out/'raw'/'validation')
    assert (truth.code, truth.box, len(truth.boxes)) == ('BRA2E19', (40, 10, 90, 30), 2)


def test_a_code_that_no_benchmark_could_read_is_refused_before_anything_is_trained(tmp_path):
    refused(make_source(tmp_path/'source', labels={'d.json': label('JÖL3M45', image='d.png')}, listed='image,code\nd.png,JÖL3M45\n'), 'd.png', 'alphabet')
