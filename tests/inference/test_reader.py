import dataclasses
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from alpr_nb.core.reading_order import rows_of
from alpr_nb.inference.bundle import write_bundle
from alpr_nb.inference.config import ReaderConfig
from alpr_nb.inference.detector import Detections, DetectorError
from alpr_nb.inference.read_command import list_images, read_command
from alpr_nb.inference.reader import Reader, decode_chars
from alpr_nb.inference.rectify import RectifierConfig
from onnx_models import ALPHABET, colour_model, fixed_model, text_model

TEXT = ReaderConfig(scope='text')
CONFIG = ReaderConfig(scope='truck', formats=dict(old=dict(pattern='LLLNNNN', same=['O0', 'I1']), mercosul='LLLNLNN'))
PLATE = [256, 144, 200, 60, .95, 1.]
SCENE = np.zeros((720, 1280, 3), np.uint8)


def reader(text='A8C1D23', plates=(PLATE,), config=CONFIG, **kw):
    return Reader.from_models(fixed_model(plates), text_model(text, **kw), config, threads=1)


def test_a_reading_says_what_the_contract_says():
    r, = reader().read(SCENE)
    assert (r.code, r.raw, r.format) == ('ABC1D23', 'A8C1D23', 'mercosul')
    assert r.confidence == pytest.approx(decode_chars(reader().results([SCENE])[0].plates[0].chars, CONFIG).confidence)
    assert r.box == (390, 285, 890, 435) and [c.char for c in r.chars] == list('ABC1D23')
    assert all(390 - 30 <= c.box[0] < c.box[2] <= 890 + 30 for c in r.chars)
    with pytest.raises(dataclasses.FrozenInstanceError): r.code = 'X'
    with pytest.raises(dataclasses.FrozenInstanceError): r.chars[0].char = 'X'


def test_character_boxes_are_pixels_of_the_image():
    red_green = reader().config.model_copy(update=dict(alphabet='GB', formats={}, margin=(.1, .1)))
    image = np.zeros((720, 1280, 3), np.uint8); image[340:380, 600:640] = (0, 255, 255)
    colours = Reader.from_models(fixed_model([PLATE]), colour_model(), red_green, threads=1)
    found = colours.results([image])[0].plates[0].chars
    assert len(found) and (found.classes == 0).all()
    assert np.abs(found.boxes[:, :2].min(0) - [600, 340]).max() < 20
    assert np.abs(found.boxes[:, 2:].max(0) - [640, 380]).max() < 20


@pytest.mark.parametrize('shape', [(1, 1), (1, 900), (900, 1), (5, 5), (3000, 40)])
def test_odd_sizes_are_read_without_error(shape):
    for crop in (False, True): reader().read(np.zeros((*shape, 3), np.uint8), crop=crop)


def test_no_plate_or_no_character_gives_no_reading():
    assert reader(plates=[[*PLATE[:4], .1, 1.]]).read(SCENE) == []
    empty = reader('', rows=[0]).results([SCENE])[0]
    assert empty.readings == [] and len(empty.plates) == 1 and empty.plates[0].reading is None
    assert reader().read_batch([]) == []


def test_readings_are_sorted_and_a_batch_reads_as_each_image():
    r = reader(plates=[[100, 60, 80, 30, .5, 1], [400, 200, 80, 30, .9, 1], [250, 100, 60, 90, .3, 1]])
    images = [SCENE, SCENE[:, :720], SCENE[:100, :100]]
    for got, image in zip(r.read_batch(images), images):
        assert len(got) == 3 and got == sorted(got, key=lambda x: -x.confidence) and got == r.read(image)
    plates = r.results([SCENE])[0].plates
    assert [p.confidence for p in plates] == pytest.approx([.9, .5, .3])


def test_boxes_under_the_threshold_are_listed_when_asked_for():
    r = reader(plates=[PLATE, [60, 60, 50, 20, .1, 1]])
    assert len(r.results([SCENE])[0].plates) == 1
    low = r.results([SCENE], threshold=.01)[0]
    assert len(low.plates) == 2 and len(low.readings) == 1
    assert low.plates[1].reading is None and len(low.plates[1].chars) == 0


def test_crops_skip_the_detector():
    crop = np.zeros((96, 256, 3), np.uint8)
    only = Reader.from_models(None, text_model('ABC1D23'), CONFIG, threads=1)
    result, = only.results([crop], crop=True)
    assert result.readings[0].box == (0, 0, 256, 96) and result.ms['cd'] == 0 and result.plates[0].confidence == 1
    assert result.readings[0].chars[0].box == pytest.approx((8, 23, 32, 73), abs=.1)
    with pytest.raises(DetectorError, match='crop=True'): only.read(crop)


def test_the_margin_around_a_plate_is_configuration():
    r = reader(config=CONFIG.model_copy(update=dict(margin=(.1, .5))))
    assert r.crop_box(np.float32([100, 100, 200, 140]), (720, 1280)) == (90, 80, 210, 160)
    assert r.crop_box(np.float32([0, 0, 1280, 720]), (720, 1280)) == (0, 0, 1280, 720)


def characters(rows, tilt, gap=1.25, jitter=0, seed=0):
    "Axis-aligned boxes of 60 x 100 px characters in centred rows, turned by `tilt` degrees, and moved by `jitter` px."
    c = np.array([((i - (n - 1)/2)*75, k*100*gap) for k, n in enumerate(rows) for i in range(n)])
    t = np.deg2rad(tilt); turn = np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]])
    half = np.abs(turn.T) @ [28, 48]
    c = c @ turn + np.random.default_rng(seed).normal(0, jitter, c.shape)
    return np.hstack([c - half, c + half])


@pytest.mark.parametrize('tilt', range(-25, 26, 5))
@pytest.mark.parametrize('rows', [(7,), (3, 4), (4, 7), (2, 2), (1,), (11,), (3, 4, 4)])
def test_rows_are_found_at_any_tilt(rows, tilt):
    for seed in range(5):
        boxes = characters(rows, tilt, jitter=3, seed=seed)
        mixed = np.random.default_rng(seed).permutation(len(boxes))
        found = rows_of(boxes[mixed])
        assert [len(r) for r in found] == list(rows) and list(mixed[np.concatenate(found)]) == list(range(len(boxes)))


def test_two_rows_are_read_in_order():
    got, = reader('ABC1D23', rows=[3, 4], step=40).read(np.zeros((200, 256, 3), np.uint8), crop=True)
    assert (got.code, got.raw) == ('ABC1D23', 'ABC1D23')


def test_classes_in_another_order_than_the_alphabet_are_refused():
    names = dict(enumerate(reversed(ALPHABET)))
    with pytest.raises(DetectorError, match='the alphabet is ABC'): reader(names=str(names))
    assert reader(names=str(dict(enumerate(ALPHABET)))).read(SCENE)


def test_threads_share_a_reader():
    r, images = reader(), [SCENE[:h] for h in range(300, 720, 30)]
    with ThreadPoolExecutor(6) as pool: many = list(pool.map(r.read, images))
    assert many == [r.read(im) for im in images]


@pytest.fixture
def bundle(tmp_path):
    (tmp_path/'a').write_bytes(fixed_model([PLATE])); (tmp_path/'b').write_bytes(text_model('A8C1D23'))
    write_bundle(tmp_path/'bundle', tmp_path/'a', tmp_path/'b', CONFIG)
    return tmp_path/'bundle'


def test_the_command_reads_folders_and_goes_on_after_an_error(tmp_path, bundle):
    photos = tmp_path/'photos'; (photos/'more').mkdir(parents=True); (tmp_path/'none').mkdir()
    for name in ('b.jpg', 'more/c d.PNG'): cv2.imwrite(str(photos/name), SCENE)
    (photos/'a.jpg').write_text('no image')
    (photos/'a.txt').write_text('not listed')
    lines = []
    assert read_command([photos, tmp_path/'none'], bundle=bundle, as_json=True, echo=lines.append) == 1
    bad, first, second, none = map(json.loads, lines)
    assert set(bad) == {'image', 'error'} == set(none) and bad['image'].endswith('a.jpg')
    assert set(first) == {'image', 'width', 'height', 'readings', 'ms'}
    assert (first['width'], first['height']) == (1280, 720)
    assert set(first['ms']) == {'decode', 'cd', 'cr', 'total'} and second['image'].endswith('c d.PNG')
    assert set(first['readings'][0]) == {'code', 'confidence', 'raw', 'format', 'box', 'quad', 'chars'}
    assert set(first['readings'][0]['chars'][0]) == {'char', 'confidence', 'box'}
    lines.clear()
    assert read_command([photos/'b.jpg'], bundle=bundle, echo=lines.append) == 0
    assert lines[0].endswith('(mercosul)') and 'b.jpg: ABC1D23 0.' in lines[0]
    assert [p.name for p, _ in list_images([photos])] == ['a.jpg', 'b.jpg', 'c d.PNG']


def test_reading_imports_no_heavy_package(bundle):
    code = ('import sys, alpr_nb; light = set(sys.modules); import numpy as np\n'
            'from alpr_nb.inference.reader import decode_chars, Reader\n'
            'from alpr_nb.inference.read_command import read_command\n'
            f'Reader(bundle={str(bundle)!r}).read(np.zeros((90, 90, 3), np.uint8))\n'
            'assert not {"cv2", "numpy", "onnxruntime"} & light, "import alpr_nb is lazy"\n'
            'heavy = {"torch", "pandas", "yolov5", "IPython", "matplotlib", "joblib", "PIL", "dvc", "fastcore"}\n'
            'bad = heavy & set(sys.modules)\n'
            'assert not bad, bad')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert not done.returncode, done.stderr


class Looks:
    """A recogniser that is as sure of a text as the width of its crop says, and remembers what it was shown. A text
    without a format is as probable as all its characters together."""
    def __init__(self, sure): self.sure, self.seen, self.sizes = sure, [], []

    def detect(self, crops, size=None):
        self.sizes += [size]*len(crops)
        self.seen += [c.shape[1] for c in crops]
        boxes = np.float32([(10*i, 0, 10*i + 8, 20) for i in range(7)])
        out = []
        for c in crops:
            probs = np.full((7, 36), .001, np.float32)
            probs[range(7), [ALPHABET.index(x) for x in 'ABC1D23']] = self.sure(c.shape[1])**(1/7)
            out.append(Detections(boxes, probs))
        return out


@pytest.mark.parametrize('narrow, wide, looks, kept', [
    (.95, .5, 1, .95), (.5, .97, 2, .97), (.6, .4, 2, .6), (.001, .8, 2, .8)])
def test_an_unsure_plate_is_looked_at_again_with_more_around_it(narrow, wide, looks, kept):
    r = reader(config=TEXT.model_copy(update=dict(margin=(0, 0), retry_margin=(.2, .4))))
    r.cr = Looks(lambda width: wide if width > 600 else narrow)
    plate, = r.results([SCENE])[0].plates
    assert r.cr.seen == [500, 700][:looks] and plate.reading.confidence == pytest.approx(kept, abs=.01)
    assert plate.box == (390, 285, 890, 435)
    assert len(r.results([SCENE], crop=True)[0].plates) == 1
    assert len(r.cr.seen) == looks + 1, 'a crop has nothing around it'
    r.config = r.config.model_copy(update=dict(retry_margin=None))
    r.results([SCENE])
    assert len(r.cr.seen) == looks + 2


class Corners:
    "A corner network that always finds the same quad."
    def __init__(self, *quad): self.quad = np.float32(quad)

    def find(self, images, boxes): return [self.quad for _ in boxes]


LEANING = Corners((400, 300), (500, 240), (500, 310), (400, 370)) # as narrow as a plate in two rows
LEVEL = Corners((400, 300), (517, 300), (517, 370), (400, 370))


@pytest.mark.parametrize('corners, first, widths', [
    (LEANING, .5, [117, 500, 216]), (LEANING, .95, [117]), (LEVEL, .5, [117, 500])])
def test_an_unsure_plate_from_the_side_is_made_upright_with_the_other_aspect(corners, first, widths):
    r = reader(config=TEXT.model_copy(update=dict(margin=(0, 0), retry_margin=None)))
    r.corners, r.rectifier = corners, RectifierConfig(aspects=(400/130, 187/158))
    r.cr = Looks(lambda width: .9 if width == 216 else first)
    plate, = r.results([SCENE])[0].plates
    assert r.cr.seen == widths and plate.quad[1] == tuple(corners.quad[1])
    assert plate.reading.confidence == pytest.approx(.9 if 216 in widths else first, abs=.01)


@pytest.mark.parametrize('values, first, looks', [
    ((90, 130), .5, [False, True]), ((90, 130), .95, [False]), ((0, 255), .5, [False])])
def test_an_unsure_plate_in_a_dim_crop_is_read_with_more_contrast(values, first, looks):
    scene = SCENE.copy()
    scene[:, ::2], scene[:, 1::2] = values
    r = reader(config=TEXT.model_copy(update=dict(margin=(0, 0), retry_margin=None)))
    seen, r.cr = [], Looks(lambda _: .9 if seen[-1] else first)
    found = r.cr.detect
    def detect(crops, size=None):
        seen.extend(values != (0, 255) and np.ptp(c) == 255 for c in crops)
        return found(crops, size)
    r.cr.detect = detect
    plate, = r.results([scene])[0].plates
    assert seen == looks and plate.reading.confidence == pytest.approx(.9 if True in looks else first, abs=.01)


@pytest.mark.parametrize('crop, width', [(False, 500), (True, 1280)])
@pytest.mark.parametrize('first, sizes', [(.9, [None]), (.3, [None, 640])])
def test_an_unclear_plate_is_looked_at_in_a_larger_input(crop, width, first, sizes):
    r = reader(config=TEXT.model_copy(update=dict(margin=(0, 0), retry_margin=None, retry_crop_size=640)))
    r.cr = Looks(lambda _: .8 if r.cr.sizes[-1] else first)
    plate, = r.results([SCENE], crop=crop)[0].plates
    assert r.cr.sizes == sizes and set(r.cr.seen) == {width}
    assert plate.reading.confidence == pytest.approx(max(first, .8 if len(sizes) > 1 else 0), abs=.01)


class Finds:
    "A detector that finds some boxes, and others in a larger input."
    def __init__(self, *boxes, larger): self.boxes = {None: boxes, 1280: larger}

    def detect(self, images, threshold=None, size=None):
        boxes = np.float32(self.boxes[size])
        return [Detections(boxes, np.ones((len(boxes), 1), np.float32)) for _ in images]


def test_a_larger_input_adds_to_what_was_read_elsewhere():
    r = reader(config=TEXT.model_copy(update=dict(margin=(0, 0), retry_margin=None, retry_scene_size=1280)))
    r.cr = Looks({100: .4, 110: .3, 120: .48, 130: .2}.get)
    r.cd = Finds((0, 0, 100, 40), (300, 0, 410, 40), larger=[(600, 0, 720, 40), (310, 0, 440, 40)])
    kept = r.results([SCENE])[0]
    assert [p.reading.box[0] for p in sorted(kept.plates, key=lambda p: -p.reading.confidence)] == [600, 0, 300]
    r.cd = Finds((0, 0, 100, 40), larger=[(600, 0, 730, 40)])
    assert [p.box[0] for p in r.results([SCENE])[0].plates] == [0], 'what says less is left'


def test_a_code_says_more_than_text_that_is_none():
    def seen(code, weak):
        probs = np.full((11, 36), 1e-6, np.float32)
        probs[range(11), [ALPHABET.index(c) for c in code]] = [weak, weak, *[.95]*9]
        return Detections(np.float32([(10*i, 0, 10*i + 8, 20) for i in range(11)]), probs)
    looks = [seen('CSQU3054383', .13), seen('CSQU8054383', .95)] # of the second, the check digit does not hold
    iso = dict(pattern='LLL[UJZ]NNNNNNN', check='iso6346')
    again = dict(margin=(0, 0), retry_margin=(.2, .4), retry_below=1)
    r = reader(config=ReaderConfig(scope='container', formats=dict(iso=iso), **again))
    r.cr = Looks(None)
    r.cr.detect = lambda crops, size=None: [looks.pop(0) for _ in crops]
    reading, = r.read(SCENE)
    assert not looks and (reading.code, reading.format) == ('CSQU3054383', 'iso')


def test_lines_alone_are_a_code_only_where_there_are_more_characters_than_in_any():
    luhn = dict(wagon=dict(pattern='N'*8, check='luhn'), uic=dict(pattern='N'*12, check='luhn'))
    wagons = ReaderConfig(scope='wagon', alphabet='0123456789', formats=luhn)
    iso = dict(pattern='LLL[UJZ]NNNNNNN', check='iso6346', derive=True)
    steel = ReaderConfig(scope='container', formats=dict(iso=iso))
    def seen(cfg, *lines):
        text, n = ''.join(lines), len(cfg.alphabet)
        probs = np.full((len(text), n), 1e-4, np.float32)
        probs[range(len(text)), [cfg.alphabet.index(c) for c in text]] = .95
        boxes = [(30*i, 60*j, 30*i + 20, 60*j + 40) for j, line in enumerate(lines) for i in range(len(line))]
        ends = np.cumsum([*map(len, lines)])[:-1]
        return decode_chars(Detections(np.float32(boxes), probs), cfg, [np.split(np.arange(len(text)), ends)])
    size = seen(steel, 'CSQU', '3054383', '22G1')
    assert (size.code, size.raw, size.kept) == ('CSQU3054383', 'CSQU305438322G1', (*range(11),))
    assert size.confidence > .9
    assert seen(steel, 'MAX', 'CSQU3054383').kept == (*range(3, 14),)
    assert seen(steel, 'CSQU', '305438', '4').confidence < .5, 'a wrong check digit is not replaced'
    uncertain = seen(wagons, '4252', '21445051')
    assert uncertain.confidence < .5, 'an uncertain number of twelve digits is hardly a wagon of eight'
