"prepare: numbers worked out by hand, samples and lists that do not fit, and interruption."
import io
import signal
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from alpr_nb.core.config import UserError
from alpr_nb.core.image_files import decode_image
from alpr_nb.data.batches import list_samples
from alpr_nb.data.ground_truth import read_truth
from alpr_nb.data.labelme import Annotation, Shape, labelme_json, read_labelme
from alpr_nb.data.prepare import prepare
from small_batches import CODES, H, W, characters, crops, digest, label, make_source, pack, picture, refused, run

# what is written

def test_the_strip_is_cut_and_the_boxes_with_it(tmp_path):
    boxes = [Shape('plate', (10, 10, 60, 30), 'ABC1234'), Shape('plate', (70, 50, 90, 70)),
             Shape('plate', (0, 61, 50, 79))]
    both = labelme_json(Annotation('a.png', W, H, tuple(boxes))).encode()
    (images, found), out = run(make_source(tmp_path/'source', labels={'a.json': both}))
    # by hand, in 100x60 px: centres 35,20 and 80,55; sizes 50x20 and 20x10 (cut at 60); the third is in the strip
    assert (out/'yolo/labels/train/a.txt').read_text() == ('0 0.350000 0.333333 0.500000 0.333333\n'
                                                           '0 0.800000 0.916667 0.200000 0.166667\n')
    image = cv2.imread(str(out/'yolo/images/train/a.png'))
    assert image.shape == (60, 100, 3) and (image == 90).all()
    assert images.set_index('image').loc['a.png', ['boxes', 'cut']].tolist() == [2, 1]


def test_the_folders(tmp_path):
    (images, boxes), out = run(make_source(tmp_path/'source'))
    assert sorted(digest(out)) == sorted(
        [f'yolo/images/train/{i}.png' for i in 'abc'] + [f'yolo/labels/train/{i}.txt' for i in 'abc']
        + ['yolo/images/val/d.png', 'yolo/labels/val/d.txt', 'yolo/data.yaml', 'yolo/corners.csv']
        + [f'raw/validation/{n}' for n in ('d.png', 'd.json', 'validation.csv')])
    assert yaml.safe_load((out/'yolo/data.yaml').read_text()) == dict(train='images/train', val='images/val',
                                                                      names={0: 'plate'})
    assert (out/'raw/validation/validation.csv').read_text() == 'image,code\nd.png,JKL3M45\n'
    ann = read_labelme(out/'raw/validation/d.json')
    assert ann == Annotation('d.png', 100, 60, (Shape('plate', (10, 10, 60, 30), 'JKL3M45'),))
    assert cv2.imread(str(out/'raw/validation/d.png')).shape == (60, 100, 3)
    assert images.split.value_counts().to_dict() == dict(train=3, val=1)


def test_corners_name_the_image_that_is_written(tmp_path):
    corners = (10, 12), (58, 10), (60, 28), (12, 30)
    leaning = labelme_json(Annotation('e.gif', W, H, (Shape('plate', (10, 10, 60, 30), 'MNO1234', corners),))).encode()
    gif = io.BytesIO()
    Image.fromarray(np.full((H, W, 3), 90, np.uint8)).save(gif, 'GIF')
    _, out = run(make_source(tmp_path/'source', images={'e.gif': gif.getvalue()}, labels={'e.json': leaning}))
    header, row = (out/'yolo/corners.csv').read_text().splitlines() # yolov5 reads no GIF files, so it is converted
    assert row == 'train/e.png,10.0,12.0,58.0,10.0,60.0,28.0,12.0,30.0'
    assert (out/'yolo/images/train/e.png').is_file()


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
    _, out = run(make_source(tmp_path/'source', images={'a.png': None, 'a.jpg': picture('.jpg') + b'maker notes'}),
                 strip=0)
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


def test_the_same_on_any_number_of_jobs(tmp_path):
    source = make_source(tmp_path/'source')
    _, out = run(source, n_jobs=1)
    first = digest(out)
    _, out = run(source, n_jobs=4)
    assert digest(out) == first


def test_picture_bomb(tmp_path):
    "A PNG of a few hundred bytes that says it has 60,000 x 60,000 pixels"
    def chunk(kind, body):
        return len(body).to_bytes(4, 'big') + kind + body + zlib.crc32(kind + body).to_bytes(4, 'big')
    head = (60_000).to_bytes(4, 'big')*2 + bytes([8, 2, 0, 0, 0])
    bomb = b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT',
                                                               zlib.compress(bytes(1000))) + chunk(b'IEND', b'')
    refused(make_source(tmp_path/'source', images={'a.png': bomb}), 'ann_image_part_1.zip: a.png')


@pytest.mark.parametrize('data', [b'GIF89a', picture()[:60], picture('.jpg', 400, 400)[:-200], b'not an image', b''])
def test_images_that_do_not_decode(tmp_path, data):
    refused(make_source(tmp_path/'source', images={'b.png': data}), 'ann_image_part_1.zip', 'b.png')


def test_every_bad_sample_is_counted(tmp_path):
    said = refused(make_source(tmp_path/'source', images={'b.png': b'x'}, labels={'c.json': b'{}'}), 'b.png',
                   'not an image of a known kind')
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
    ('image,code\n', 'lists no image'), ('', 'validation.csv: not a table'),
    ('foto,code\na.png,X\n', 'no column image'),
    ('image,code\nz.png,JKL3M45\n', 'z.png is in none of the batches'),
    ('image,code\n,JKL3M45\n', "line 2 ('') has no image"),
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
    pack(source/'ann_label_part_1.zip',
         {n.replace('png', 'json'): characters('JKL3M45' if n == 'b.png' else c, n) for n, c in CODES.items()})
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
    for yolo, raw in ((tmp_path/'photos', tmp_path/'raw'), (tmp_path/'yolo', tmp_path/'photos'),
                      (tmp_path/'yolo', source),
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
    left = {k: v for k, v in digest(out).items() if '.part/' not in k and not k.endswith('.lock')}
    assert left == before and (old or not (out/'yolo').exists())
    _, out = run(source)
    assert not before or digest(out) == before
    assert not list(out.rglob('.*'))  # what the killed run left is gone


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
    two = labelme_json(Annotation('d.png', W, H,
                                  (Shape('plate', (5, 5, 30, 12), 'JKL3M45'),
                                   Shape('plate', (40, 10, 90, 30), 'BRA2E19')))).encode()
    source = make_source(tmp_path/'source', labels={'d.json': two}, listed='image,code\nd.png,JKL3M45\nd.png,BRA2E19\n')
    _, out = run(source)
    truth, = read_truth(out/'raw'/'validation')
    assert (truth.code, truth.box, len(truth.boxes)) == ('BRA2E19', (40, 10, 90, 30), 2)


def test_a_code_that_no_benchmark_could_read_is_refused_before_anything_is_trained(tmp_path):
    refused(make_source(tmp_path/'source', labels={'d.json': label('JÖL3M45', image='d.png')},
                        listed='image,code\nd.png,JÖL3M45\n'), 'd.png', 'alphabet')
