"Annotating: what is accepted without being looked at, and that nothing a person did is lost."
import json
import os
import shutil
import zipfile

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.core.config import UserError
from alpr_nb.data.annotate import annotate
from alpr_nb.data.batches import iter_samples, list_samples
from alpr_nb.data.labelme import Annotation, Shape, labelme_dict, read_labelme, reading_order
from alpr_nb.data.prepare import check_sample
from alpr_nb.data.proposals import layout_problem, propose_chars
from alpr_nb.data.review_list import show_least_certain, summary
from alpr_nb.data.written_files import WrittenFiles
from alpr_nb.data.yolo_labels import class_numbers
from alpr_nb.drawing.plates.plates import draw_plate
from alpr_nb.inference.config import ReaderConfig
from alpr_nb.inference.detector import Detections
from alpr_nb.inference.reader import Reader
from onnx_models import ALPHABET, fixed_model, text_model

CONFIG = ReaderConfig(scope='truck', formats=dict(old=dict(pattern='LLLNNNN', same=['O0', 'I1']), mercosul='LLLNLNN'))
PLATES = [[100, 60, 80, 30, .9, 1], [400, 200, 80, 30, .5, 1]]


def reader(text='ABC1234', plates=PLATES, **kw):
    return Reader.from_models(fixed_model(plates), text_model(text, **kw), CONFIG, threads=1)


def write(folder, *names, shape=(96, 256), **texts):
    folder.mkdir(exist_ok=True)
    for k, name in enumerate([*names, *(f'{n}.png' for n in texts)]):
        cv2.imwrite(str(folder/name), np.full((*shape, 3), 10*k, np.uint8))
    (folder/'texts.csv').write_text('image,text\n' + ''.join(f'{n}.png,{t}\n' for n, t in texts.items()))
    return folder


def status(review): return dict(zip(review.image, review.status))
def code(file): return ''.join(s.label for s in reading_order(read_labelme(file).shapes))
def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file()}


def detections(text, p=.9, boxes=None):
    probs = np.full((len(text), 36), 1e-3, np.float32)
    probs[range(len(text)), [ALPHABET.index(c) for c in text]] = p
    boxes = [[20 + 30*i, 10, 44 + 30*i, 60] for i in range(len(text))] if boxes is None else boxes
    return Detections(np.float32(boxes), probs)


@pytest.mark.parametrize('format, code, rows',
                         [('old', 'ABI1111', 1), ('old', 'WMQ8074', 1), ('mercosul', 'IIM1W11', 1),
                          ('mercosul', 'MWI1I11', 2)])
@pytest.mark.parametrize('degrees', [-20, 0, 12])
def test_true_boxes_are_plausible(format, code, rows, degrees):
    "The boxes of drawn plates, tilted as a camera tilts them"
    quads = [q for _, q in draw_plate(np.random.default_rng(1), code, format, rows=rows).chars]
    a = np.deg2rad(degrees)
    quads = np.array(quads) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    assert layout_problem(np.concatenate([quads.min(1), quads.max(1)], 1)) == ''


@settings(max_examples=60, deadline=None)
@given(st.text('AB01OI', min_size=1, max_size=9), st.text('AB01OI', min_size=1, max_size=9), st.floats(.05, 1),
       st.lists(st.tuples(*[st.integers(0, 300)]*4), min_size=9, max_size=9))
def test_only_what_is_read_is_accepted(text, read, p, boxes):
    "For any boxes and texts, an accepted proposal spells the text, up to shared glyphs, and its layout is plausible"
    boxes = [[x, y, x + w, y + h] for x, y, w, h in boxes[:len(read)]]
    proposal = propose_chars(detections(read, p, boxes), CONFIG, text)
    if proposal.status != 'accepted': assert proposal.status == 'disagrees' and proposal.reason; return
    glyphs = str.maketrans('OI', '01')
    labels = ''.join(s.label for s in proposal.shapes)
    assert proposal.code.translate(glyphs) == labels.translate(glyphs) == text.translate(glyphs)
    assert proposal.confidence >= .5 and layout_problem(np.array([s.box for s in proposal.shapes])) == ''


def test_a_reading_of_another_format_is_no_agreement():
    "O and 0 are one glyph on old plates only: as Mercosul, ABC1O23 is another code than the old ABC1023"
    both = ReaderConfig(scope='truck', formats=CONFIG.formats)
    assert propose_chars(detections('ABC1O23'), both, 'ABC1023').status == 'disagrees'
    assert propose_chars(detections('ABCI023'), both, 'ABC1O23').status == 'disagrees'
    assert propose_chars(detections('ABC1023'), both, 'ABC1023').status == 'accepted'


def test_a_text_sorts_the_crops(tmp_path):
    crops = write(tmp_path/'in', a='abc-1234', b='ABC1284', c='XYZ9876', d='ABC123')
    review = annotate([crops], tmp_path/'out', reader(), 'cr', crops/'texts.csv', progress=False)
    assert status(review) == {'a.png': 'accepted', **{f'review/{n}.png': 'disagrees' for n in 'bcd'}}
    assert code(tmp_path/'out'/'a.json') == 'ABC1234' and code(tmp_path/'out'/'review'/'b.json') == 'ABC1284'
    assert (tmp_path/'out'/'a.png').read_bytes() == (crops/'a.png').read_bytes()
    reasons = dict(zip(review.image, review.reason))
    assert reasons['review/b.png'] == '6 is read as 3 (0.90), the text has 8' and '7 of 7' in reasons['review/c.png']
    weak = annotate([crops/'a.png'], tmp_path/'weak', reader(p=.4), 'cr', crops/'texts.csv', progress=False)
    assert status(weak) == {'review/a.png': 'disagrees'} and '0.40 is under 0.5' in weak.reason[0]


def test_photographs_get_plates(tmp_path):
    photos = write(tmp_path/'in', 'a.jpg', 'b.png', shape=(288, 512))
    review = annotate([photos], tmp_path/'out', reader(), 'cd', progress=False)
    assert set(review.status) == {'proposed'} and set(review.code) == {'ABC1234 ABC1234'}
    ann = read_labelme(tmp_path/'out'/'a.json')
    assert (ann.image, ann.width, ann.height) == ('a.jpg', 512, 288)
    assert ann.shapes == (Shape('plate', (60, 45, 140, 75), 'ABC1234'), Shape('plate', (360, 185, 440, 215), 'ABC1234'))
    nothing = annotate([photos], tmp_path/'none', reader(plates=[[9, 9, 9, 9, .1, 1]]), 'cd', progress=False)
    assert status(nothing)['a.jpg'] == 'nothing read'
    assert read_labelme(tmp_path/'none'/'a.json').shapes == ()


def test_crops_are_cut_and_keep_their_names(tmp_path):
    photos, out = write(tmp_path/'in', 'a.jpg', shape=(288, 512)), tmp_path/'out'
    annotate([photos], out, reader(), 'cr', crops=True, progress=False)
    r, photo = reader(), cv2.imread(str(photos/'a.jpg'))
    x1, y1, x2, y2 = r.crop_box([360, 185, 440, 215], photo.shape)
    assert np.array_equal(cv2.imread(str(out/'a_1.png')), photo[y1:y2, x1:x2])
    whole = r.results([photo])[0].plates[1].chars.boxes - np.float32([x1, y1, x1, y1])
    assert np.abs(np.array([s.box for s in read_labelme(out/'a_1.json').shapes]) - whole).max() < .06
    (out/'a_1.json').write_text((out/'a_1.json').read_text() + '\n')
    before = tree(out)
    other = [[300, 100, 80, 30, .95, 1], [402, 201, 80, 30, .99, 1]] # the first plate is found no more, another one is
    review = annotate([photos], out, reader(plates=other), 'cr', crops=True, progress=False)
    assert status(review) == {'a_1.png': 'corrected', 'a_2.png': 'proposed'}
    assert not (out/'a_0.json').exists() and not (out/'a_0.png').exists()
    assert all(before[n] == (out/n).read_bytes() for n in ('a_1.png', 'a_1.json'))
    nothing = annotate([photos], out, reader(plates=[[9, 9, 9, 9, .1, 1]]), 'cr', crops=True, progress=False)
    assert status(nothing) == {'a.jpg': 'nothing read', 'a_1.png': 'corrected'} and (out/'a_1.json').exists()


def test_corrections_stay_and_the_rest_is_refreshed(tmp_path):
    crops, out = write(tmp_path/'in', a='XYZ9876', b='XYZ9876', c='XYZ9876', d='XYZ9876', e='XYZ9876'), tmp_path/'out'
    annotate([crops], out, reader(), 'cr', crops/'texts.csv', progress=False)
    by_hand = Annotation('a.png', 256, 96, (Shape('X', (1, 1, 9, 9)),))
    (out/'review'/'a.json').write_text(json.dumps(labelme_dict(by_hand)))
    for ending in ('json', 'png'):
        shutil.move(out/'review'/f'b.{ending}', out/f'b.{ending}') # looked at, and put where it belongs
    (out/'review'/'c.json').write_text('{"shapes": [') # broken, but a person's
    (out/'review'/'d.json').unlink()
    review = annotate([crops], out, reader('XYZ9876'), 'cr', crops/'texts.csv', progress=False)
    assert status(review) == {'review/a.png': 'corrected', 'b.png': 'corrected', 'review/c.jpg': 'corrected',
                              'd.png': 'accepted', 'e.png': 'accepted'}
    rows = review.set_index('image')
    assert rows.code['review/a.png'] == 'X' and 'differs' in rows.reason['review/a.png']
    assert 'not JSON' in rows.reason['review/c.jpg']
    assert (out/'review'/'c.json').read_text() == '{"shapes": [' and code(out/'b.json') == 'ABC1234'
    assert not list((out/'review').glob('[de].*')) and code(out/'e.json') == 'XYZ9876'


class Killed(BaseException): pass


def test_a_run_killed_at_any_moment_loses_nothing(tmp_path, monkeypatch):
    crops = write(tmp_path/'in', 'd.png', a='ABC1234', b='XYZ9876', c='XYZ9876')
    def run(out, text): return annotate([crops], out, reader(text), 'cr', crops/'texts.csv', progress=False, batch=2)
    def first(out): run(out, 'ABC1234'); (out/'review'/'c.json').write_text('{"shapes": [], "by": "hand"}'); return out
    run(first(tmp_path/'whole'), 'XYZ9876')
    moments, real = 0, {f: getattr(os, f) for f in ('replace', 'unlink')}
    while True:
        out, left = first(tmp_path/f'killed{moments}'), moments
        def step(f):
            def call(*args, **kw):
                nonlocal left
                if not left: raise Killed
                left -= 1
                return real[f](*args, **kw)
            return call
        for f in real: monkeypatch.setattr(os, f, step(f))
        try: run(out, 'XYZ9876'); finished = True
        except Killed: finished = False
        for f in real: monkeypatch.setattr(os, f, real[f])
        for file in out.rglob('[!.]*.json'): json.loads(file.read_text())
        assert json.loads((out/'review'/'c.json').read_text()) == dict(shapes=[], by='hand')
        run(out, 'XYZ9876')
        found, expected = ({n: b for n, b in tree(f).items() if not n.endswith('.part') and n != 'annotate.json'}
                           for f in (out, tmp_path/'whole'))
        assert found == expected
        if finished: break
        moments += 1
    assert moments > 5


def test_a_correction_saved_during_the_run_stays(tmp_path, monkeypatch):
    crops, out = write(tmp_path/'in', 'a.png'), tmp_path/'out'
    annotate([crops/'a.png'], out, reader(), 'cr', progress=False)
    save = WrittenFiles.save
    def meanwhile(self): monkeypatch.undo(); save(self); (out/'a.json').write_text('{"by": "hand"}')
    monkeypatch.setattr(WrittenFiles, 'save', meanwhile)
    annotate([crops/'a.png'], out, reader('XYZ9876'), 'cr', progress=False)
    assert (out/'a.json').read_text() == '{"by": "hand"}'


def test_bad_images_are_listed_and_the_rest_goes_on(tmp_path):
    crops = write(tmp_path/'in', 'água 1.png')
    (crops/'empty.jpg').touch(); (crops/'text.png').write_text('no image'); (tmp_path/'none').mkdir()
    review = annotate([crops, crops/'gone.png', tmp_path/'none'], tmp_path/'out', reader(), 'cr', progress=False)
    assert status(review) == {'água 1.png': 'proposed',
                              **{n: 'unreadable image' for n in ('empty.jpg', 'text.png', 'gone.png', 'none')}}
    assert review.image.iloc[-1] == 'água 1.png' and all(review.reason.iloc[:-1])
    table = summary(review).set_index('status').images
    assert table['unreadable image'] == 4 and table['proposed'] == 1
    lines = (tmp_path/'out'/'review.csv').read_text(encoding='utf-8').splitlines()
    assert lines[0] == 'image,text,code,confidence,status,reason' and len(lines) == 6
    assert show_least_certain(review, tmp_path/'out', 3).axes and show_least_certain(review[:0], tmp_path/'out') is None


def test_errors_say_what_to_do(tmp_path):
    crops, out = write(tmp_path/'in', a='ABC1234'), tmp_path/'out'
    def fails(match, images=[crops], out=out, task='cr', **kw):
        with pytest.raises(UserError, match=match): annotate(images, out, reader(), task, progress=False, **kw)
    fails("expected 'cd'", task='ocr')
    fails('are for task cr', task='cd', crops=True)
    fails('among them', out=crops/'out')
    fails('among them', out=crops)
    fails('among them', images=[crops/'a.png'], out=crops)
    (crops/'sub').mkdir(); cv2.imwrite(str(crops/'sub'/'A.jpg'), np.zeros((9, 9, 3), np.uint8))
    fails('same name'); shutil.rmtree(crops/'sub')
    (tmp_path/'other.csv').write_text('image,text\nz.png,ABC1234\n')
    fails('names none of the images', known_text=tmp_path/'other.csv')
    (tmp_path/'bad.csv').write_text('image,code\na.png,ABC1234\n')
    fails('no column', known_text=tmp_path/'bad.csv')
    (tmp_path/'two.csv').write_text('image,text\na.png,ABC1234\na.png,XYZ1A34\n')
    fails('a.png is listed twice', known_text=tmp_path/'two.csv')
    assert not out.exists()
    annotate([crops], out, reader(), 'cr', progress=False)
    fails('for cr, not for cd', task='cd')
    (out/'annotate.json').write_text('{')
    fails('not what annotate wrote')
    (out/'annotate.json').unlink()
    assert status(annotate([crops], out, reader(), 'cr', progress=False)) == {'a.png': 'corrected'}
    (tmp_path/'full').mkdir(); (tmp_path/'full'/'a.png').write_text("somebody's")
    fails('was not written by annotate', out=tmp_path/'full')
    assert (tmp_path/'full'/'a.png').read_text() == "somebody's" and not (tmp_path/'full'/'a.json').exists()


def test_the_pipeline_takes_what_is_accepted(tmp_path):
    "Zipped as batches are, images and files pass the checks of prepare-data"
    crops, out = write(tmp_path/'in', a='ABC1234', b='ABC1234'), tmp_path/'out'
    annotate([crops], out, reader(), 'cr', crops/'texts.csv', progress=False)
    for kind, ending in (('image', 'png'), ('label', 'json')):
        with zipfile.ZipFile(tmp_path/f'ann_{kind}_part_1.zip', 'w') as z:
            for name in 'ab': z.write(out/f'{name}.{ending}', f'{name}.{ending}')
    samples = list(iter_samples(list_samples(tmp_path)))
    for sample, data, ann in samples:
        check_sample(ann, cv2.imdecode(np.frombuffer(data, np.uint8), 1), class_numbers('cr', 'plate', ALPHABET), 0,
                     sample.label)
    assert [''.join(s.label for s in reading_order(ann.shapes)) for *_, ann in samples] == ['ABC1234']*2


@pytest.fixture
def LabelFile():
    return pytest.importorskip('labelme', reason='labelme is not installed (pip install labelme)',
                               exc_type=ImportError).LabelFile


def labelme_save(file, opened, shapes, embed=False):
    "What LabelMe's window does on Ctrl+S"
    image = file.with_suffix('.png')
    shapes = [{k: v for k, v in s.items() if k != 'other_data'} for s in shapes]
    opened.save(str(file), shapes, image.name, *cv2.imread(str(image)).shape[:2], image.read_bytes() if embed else None)


def test_labelme_opens_the_files(tmp_path, LabelFile):
    crops, out = write(tmp_path/'in', 'a.png'), tmp_path/'out'
    annotate([crops/'a.png'], out, reader(), 'cr', progress=False)
    shapes = [(s['label'], s['shape_type'], s['points']) for s in LabelFile(str(out/'a.json')).shapes]
    assert shapes == [(s.label, 'rectangle', [list(s.box[:2]), list(s.box[2:])])
                      for s in read_labelme(out/'a.json').shapes]
    assert len(shapes) == 7


@pytest.mark.parametrize('embed', [False, True]) # LabelMe may keep the image in its file, too
def test_what_labelme_saves_is_a_correction_that_stays(tmp_path, LabelFile, embed):
    "Proposed, opened and corrected in LabelMe, read again: every box and text survives, and annotate leaves it alone"
    crops, out = write(tmp_path/'in', 'a.png'), tmp_path/'out'
    annotate([crops/'a.png'], out, reader(), 'cr', progress=False)
    before, file = read_labelme(out/'a.json'), out/'a.json'
    opened = LabelFile(str(file))
    labelme_save(file, opened, opened.shapes, embed)
    assert read_labelme(file) == before
    opened = LabelFile(str(file))
    opened.shapes[0] |= dict(label='X', description='rusty', points=[[3., 4.], [20.5, 40.]])
    labelme_save(file, opened, opened.shapes[:6], embed)
    corrected = read_labelme(file)
    assert corrected.shapes == (Shape('X', (3, 4, 20.5, 40), 'rusty'), *before.shapes[1:6])
    review = annotate([crops/'a.png'], out, reader(), 'cr', progress=False)
    assert status(review) == {'a.png': 'corrected'} and read_labelme(file) == corrected
    LabelFile(str(file))


# photographs with several texts, or with plates that a person drew

def texts(folder, *rows): (folder/'texts.csv').write_text('image,text\n' + ''.join(f'{r}\n' for r in rows))


def test_each_plate_gets_its_own_text(tmp_path):
    photos = write(tmp_path/'in', 'a.png', shape=(288, 512))
    texts(photos, 'a.png,XYZ9876', 'a.png,ABC1234')
    review = annotate([photos], tmp_path/'out', reader(), 'cr', photos/'texts.csv', crops=True, progress=False)
    assert sorted(review.text) == ['ABC1234', 'XYZ9876'] and sorted(review.status) == ['accepted', 'disagrees']
    texts(photos, 'a.png,ABC1234')
    review = annotate([photos], tmp_path/'one', reader(), 'cr', photos/'texts.csv', crops=True, progress=False)
    assert sorted(zip(review.text, review.reason)) == [('', 'no text is known'), ('ABC1234', '')]
    texts(photos, 'a.png,ABC1234', 'a.png,XYZ9876', 'a.png,DEF5678')
    review = annotate([photos], tmp_path/'more', reader(), 'cr', photos/'texts.csv', crops=True, progress=False)
    assert len(review) == 3 and sorted(review.status)[-1] == 'nothing read'
    with pytest.raises(UserError, match='listed twice'):
        annotate([photos], tmp_path/'crops', reader(), 'cr', photos/'texts.csv', progress=False)


def draw(photos, *shapes, size=(512, 288)):
    (photos/'a.json').write_text(json.dumps(labelme_dict(Annotation('a.png', *size, shapes))))


LEANING = (100., 60.), (220., 40.), (224., 80.), (104., 100.)


def test_crops_are_cut_where_a_person_drew_plates(tmp_path):
    photos, blind = write(tmp_path/'in', 'a.png', shape=(288, 512)), reader(plates=[[9, 9, 9, 9, .1, 1]])
    draw(photos, Shape('plate', (300., 60., 420., 100.), 'abc-1234'),
         Shape('plate', (100., 40., 224., 100.), 'XYZ9876', LEANING))
    review = annotate([photos], tmp_path/'out', blind, 'cr', crops=True, progress=False)
    assert dict(zip(review.text, review.status)) == {'ABC1234': 'accepted', 'XYZ9876': 'disagrees'}
    assert status(review)['a_0.png'] == 'accepted' and code(tmp_path/'out'/'a_0.json') == 'ABC1234'
    h, w = cv2.imread(str(tmp_path/'out'/'review'/'a_1.png')).shape[:2]
    mx, my = CONFIG.margin
    assert (w, h) == pytest.approx((121.7*(1 + 2*mx), 40.2*(1 + 2*my)), abs=1.5) # turned upright


def test_a_text_of_the_list_goes_to_a_plate_without_one(tmp_path):
    photos = write(tmp_path/'in', 'a.png', 'b.png', shape=(288, 512))
    draw(photos, Shape('plate', (300., 60., 420., 100.)))
    texts(photos, 'a.png,ABC1234', 'b.png,ABC1234')
    review = annotate([photos], tmp_path/'out', reader(plates=PLATES[:1]), 'cr', photos/'texts.csv', crops=True,
                      progress=False)
    assert status(review) == {'a_0.png': 'accepted', 'b_0.png': 'accepted'}


@pytest.mark.parametrize('content, words', [(None, 'no plate in its LabelMe file'), ('no', 'not JSON'),
                                            ((512, 289), 'drawn on an image of 512x289')])
def test_a_labelme_file_without_usable_plates_is_in_the_review(tmp_path, content, words):
    photos = write(tmp_path/'in', 'a.png', shape=(288, 512))
    draw(photos, size=content if isinstance(content, tuple) else (512, 288))
    if content == 'no': (photos/'a.json').write_text('no')
    review = annotate([photos], tmp_path/'out', reader(), 'cr', crops=True, progress=False)
    assert len(review) == 1 and words in review.reason[0] and not list((tmp_path/'out').glob('*.png'))


@pytest.mark.parametrize('name', ['C:\\photos\\a\u0301.png', 'photos/\u00e1.png'])
def test_a_list_names_images_as_other_systems_do(tmp_path, name):
    crops = write(tmp_path/'in', '\u00e1.png')
    texts(crops, f'{name},ABC1234', 'gone.png,XYZ9876')
    review = annotate([crops], tmp_path/'out', reader(), 'cr', crops/'texts.csv', progress=False)
    assert set(review.status) == {'accepted'} and review.attrs['without_image'] == ['gone.png']
