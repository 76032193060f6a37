"Packing of labelled folders: no vehicle on both sides, what prepare accepts, and the same bytes twice."
import dataclasses
import hashlib
import json
import random
import zipfile

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.codes.split import in_validation
from alpr_nb.core.config import UserError
from alpr_nb.data.batches import combine, find_parts, iter_samples, list_samples, read_validation
from alpr_nb.data.checks.check import check
from alpr_nb.data.ground_truth import read_truth
from alpr_nb.data.importers import import_source
from alpr_nb.data.labelme import Annotation, Shape, labelme_dict, read_labelme, write_labelme
from alpr_nb.data.pack import pack, split_of
from alpr_nb.data.prepare import prepare
from annotated_sources import make

W, H = 100, 60
CODES = [f'ABC{i:04}' for i in range(400)]
VAL = [c for c in CODES if in_validation(c, 0, .1)]
TRAIN = [c for c in CODES if not in_validation(c, 0, .1)]


def picture(grey=90, w=W, h=H):
    return cv2.imencode('.png', np.full((h, w, 3), grey, np.uint8))[1].tobytes()


def photo(folder, name, *codes, data=None, size=(W, H), ending='.png'):
    "A photograph with a plate for each code, the last the largest"
    folder.mkdir(parents=True, exist_ok=True)
    (folder/f'{name}{ending}').write_bytes(picture() if data is None else data)
    shapes = tuple(Shape('plate', (5, 5 + 8*i, 25 + i, 11 + 8*i), c) for i, c in enumerate(codes))
    write_labelme(folder/f'{name}.json', Annotation(f'{name}{ending}', *size, shapes))


def crop(folder, name, code):
    "A crop with a box around each character, not in reading order"
    folder.mkdir(parents=True, exist_ok=True)
    (folder/f'{name}.png').write_bytes(picture())
    shapes = [Shape(c, (5 + 12*i, 20, 15 + 12*i, 40)) for i, c in enumerate(code)]
    write_labelme(folder/f'{name}.json', Annotation(f'{name}.png', W, H, tuple(reversed(shapes))))


def digest(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def found(done):
    return list(zip(done.findings.file, done.findings.finding))


def packed(out):
    "Names of the images in the batches and the annotation of each"
    return {s.image: ann for s, _, ann in iter_samples(list_samples(out))}


# the split

@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.sampled_from(CODES[:40]), max_size=3), max_size=40), st.integers(0, 99), st.floats(0, 1),
       st.sets(st.sampled_from(CODES[:40])))
def test_a_vehicle_is_never_on_both_sides(images, seed, share, held):
    sides = [(split_of(codes, seed, share, held), set(codes)) for codes in images]
    trained, validated = (set().union(*(c for s, c in sides if s == side)) for side in ('train', 'validation'))
    assert not trained & validated and not (trained | validated) & held
    assert all(in_validation(c, seed, share)
               for c in validated) and not any(in_validation(c, seed, share) for c in trained)
    assert all(s == 'train' for s, c in sides if not c)
    assert all(s == 'held' or len({in_validation(x, seed, share) for x in c}) == 2
               for s, c in sides if s in ('both', 'held'))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(st.sampled_from(VAL[:3] + TRAIN[:5]), max_size=3), min_size=1, max_size=12), st.integers(1, 5))
def test_nor_is_it_in_the_archives(tmp_path_factory, images, batch_size):
    tmp = tmp_path_factory.mktemp('pack')
    for i, codes in enumerate(images):
        photo(tmp/'s', f'{i:02}', *(c if i % 2 else f'{c[:3].lower()}-{c[3:]}' for c in codes))
    photo(tmp/'s', 'y', VAL[0])
    photo(tmp/'s', 'z')
    done = pack(tmp/'s', tmp/'out', 'ann', batch_size=batch_size)
    held, codes = set(read_validation(tmp/'out').image), {True: set(), False: set()}
    for name, ann in packed(tmp/'out').items():
        codes[name in held] |= {s.text.upper().replace('-', '') for s in ann.shapes}
    assert not codes[True] & codes[False] and codes[True] <= set(VAL) and codes[False] <= set(TRAIN)
    assert done.train + done.validation + len(done.findings) == len(images) + 2
    for p in find_parts(tmp/'out'): assert 1 <= len(zipfile.ZipFile(p.images).namelist()) <= batch_size
    assert len(find_parts(tmp/'out')) == done.parts == -(-(done.train + done.validation)//batch_size)


def test_an_image_of_both_sides_is_left_out_and_reported(tmp_path):
    photo(tmp_path/'s', 'two', VAL[0], VAL[1])
    photo(tmp_path/'s', 'mixed', VAL[0], TRAIN[0])
    photo(tmp_path/'s', 'unknown', '', TRAIN[0])
    photo(tmp_path/'s', 'none')
    done = pack(tmp_path/'s', tmp_path/'out', 'ann')
    assert (done.train, done.validation, found(done)) == (2, 1, [('s/mixed.png', 'both sides')])
    assert read_validation(tmp_path/'out').values.tolist() == [['two.png', VAL[1]]]


def test_share_0_trains_on_everything(tmp_path):
    for i, c in enumerate(VAL[:3]): photo(tmp_path/'s', str(i), c)
    done = pack(tmp_path/'s', tmp_path/'out', 'ann', validation=0)
    assert (done.train, done.validation) == (3, 0) and (tmp_path/'out'/'validation.csv').read_bytes() == b'image,code\n'
    assert pack(tmp_path/'s', tmp_path/'out', 'ann', validation=1).train == 0


def test_held_vehicles_are_on_neither_side(tmp_path):
    for i, c in enumerate([VAL[0], TRAIN[0], TRAIN[1], VAL[1]]): photo(tmp_path/'s', str(i), c)
    (tmp_path/'a.csv').write_text(f'\ufeffimage,code\nx.jpg,{VAL[0].lower()}\nx.jpg,{CODES[-1]}\n')
    (tmp_path/'b.csv').write_text(f'image,code\nx.jpg,{TRAIN[0][:3]} {TRAIN[0][3:]}\ny.jpg,\n')
    done = pack(tmp_path/'s', tmp_path/'out', 'ann', hold=[tmp_path/'a.csv', tmp_path/'b.csv'])
    assert found(done) == [('s/0.png', 'held back'),
                           ('s/1.png', 'held back')] and set(packed(tmp_path/'out')) == {'2.png', '3.png'}
    (tmp_path/'a.csv').write_text('image,text\n')
    for bad in (tmp_path/'a.csv', tmp_path/'none.csv', tmp_path):
        with pytest.raises(UserError, match='expected the columns code'):
            pack(tmp_path/'s', tmp_path/'out', 'ann', hold=bad)


@pytest.mark.parametrize('task, put', [('cd', photo), ('cr', crop)])
def test_vehicles_that_test_are_on_neither_side(tmp_path, task, put):
    for c in CODES[:60]: put(tmp_path/'s', c, c)
    done = pack(tmp_path/'s', tmp_path/'out', 'ann', task=task, test=.2, validation=.1)
    tested = {c for c in CODES[:60] if in_validation(c, 0, .2)}
    assert tested and set(found(done)) == {(f's/{c}.png', 'held back') for c in tested}
    assert {n[:7] for n in packed(tmp_path/'out')} == set(CODES[:60]) - tested
    assert set(read_validation(tmp_path/'out').code) == {c for c in CODES[:60]
                                                         if in_validation(c, 0, .3)} - tested != set()


def boxed(folder, count, codes=()):
    "Photographs of a plate each, of which only the first few have a code"
    for i in range(count): photo(folder, f'{i:02}', *[''.join(codes[i:i + 1])], data=picture(i))


def test_boxes_without_codes_train_a_detector(tmp_path):
    "What `pack` makes, `check` and `prepare` take"
    boxed(tmp_path/'s', 20)
    done = pack(tmp_path/'s', tmp_path/'out', 'ann', validation=.2)
    listed = read_validation(tmp_path/'out')
    assert done.validation == len(listed) > 0 and done.train + done.validation == 20 and set(listed.code) == {''}
    assert check(tmp_path/'out', 'cd', n_jobs=1, progress=False).severe == 0
    images, _ = prepare(tmp_path/'out', tmp_path/'yolo', tmp_path/'raw', 'cd', progress=False)
    assert set(images.image[images.split == 'val']) == set(listed.image)
    with pytest.raises(UserError, match='none of the images has a code'): read_truth(tmp_path/'raw')
    for folder in ('x', 'y'): pack(tmp_path/'s', tmp_path/folder, 'ann', validation=.2)
    assert digest(tmp_path/'x') == digest(tmp_path/'y')


def test_codes_and_boxes_without_codes_in_one_folder(tmp_path):
    boxed(tmp_path/'s', 20, [VAL[0], TRAIN[0]])
    pack(tmp_path/'s', tmp_path/'out', 'ann', validation=.2)
    prepare(tmp_path/'out', tmp_path/'yolo', tmp_path/'raw', 'cd', progress=False)
    assert [t.code for t in read_truth(tmp_path/'raw')] == [VAL[0]]


def test_boxes_without_codes_keep_the_split_of_their_source(tmp_path):
    files = {f'{split}/{kind}/{n}{end}': what for split, count in (('train', 4), ('valid', 2), ('test', 1))
             for n in [f'{split}{i}' for i in range(count)]
             for kind, end, what in (('images', '.png', picture()), ('labels', '.txt', '0 .5 .5 .4 .2'))}
    import_source('yolo', make(tmp_path/'roboflow', files), tmp_path/'all'/'out')
    for folder in ('all', 'all/out'):
        done = pack(tmp_path/folder, tmp_path/'packed', 'ann', validation=.1)
        assert sorted(read_validation(tmp_path/'packed').image) == ['valid0.png', 'valid1.png']
        assert (done.train,
                found(done)) == (4, [('all/out/test0.png' if folder == 'all' else 'out/test0.png', 'held back')])
    assert pack(tmp_path/'all', tmp_path/'packed', 'ann', validation=0).train == 7


@pytest.mark.parametrize('shares, word',
                         [(dict(validation=.2), 'validation'), (dict(validation=.2, test=.2), 'validation'),
                                          (dict(validation=0, test=.2), 'test'), (dict(validation=.9), 'train')])
def test_an_empty_part_is_an_error_at_once(tmp_path, shares, word):
    low, high = (sorted(CODES, key=lambda c: hashlib.sha256(f'0:{c}'.encode()).digest())[i] for i in (0, -1))
    crop(tmp_path/'s', 'a', low if word == 'train' else high)
    with pytest.raises(UserError, match=f'of 1 images none is for {word}'):
        pack(tmp_path/'s', tmp_path/'out', 'ann', task='cr', **shares)
    assert not (tmp_path/'out').exists()


def test_test_is_a_share_of_its_own(tmp_path):
    for c in CODES[:60]: crop(tmp_path/'s', c, c)
    done = pack(tmp_path/'s', tmp_path/'out', 'ann', task='cr', validation=.2, test=.2)
    tested = sum(in_validation(c, 0, .2) for c in CODES[:60])
    assert done.validation == sum(in_validation(c, 0, .4) for c in CODES[:60]) - tested > 0
    assert len(done.findings) == tested > 0


def test_corners_survive(tmp_path):
    leaning = Shape('plate', (10., 10., 62., 34.), VAL[0], ((10., 20.), (60., 10.), (62., 24.), (12., 34.)))
    for i, c in enumerate([VAL[0], TRAIN[0]]):
        photo(tmp_path/'photos', str(i), c)
        write_labelme(tmp_path/'photos'/f'{i}.json',
                      Annotation(f'{i}.png', W, H, (dataclasses.replace(leaning, text=c),)))
    import_source('labelme', tmp_path/'photos', tmp_path/'out')
    pack(tmp_path/'out', tmp_path/'packed', 'ann')
    prepare(tmp_path/'packed', tmp_path/'yolo', tmp_path/'raw', 'cd', progress=False)
    for shapes in (read_labelme(tmp_path/'out'/'0.json').shapes, packed(tmp_path/'packed')['0.png'].shapes,
                   read_labelme(tmp_path/'raw'/'0.json').shapes): assert shapes == (leaning,)
    assert read_truth(tmp_path/'raw')[0].corners == leaning.corners


def test_repeated_images_train_and_no_others(tmp_path):
    for c in VAL[0], TRAIN[0]: crop(tmp_path/'s', c, c)
    done = pack(tmp_path/'s', tmp_path/'out', 'ann', task='cr', repeat=3)
    assert (done.train, done.extra, done.validation) == (1, 2, 1)
    there = packed(tmp_path/'out')
    assert set(there) == {f'{VAL[0]}.png', f'{TRAIN[0]}.png', f'{TRAIN[0]}-again-1.png', f'{TRAIN[0]}-again-2.png'}
    assert len({a.shapes for n, a in there.items() if n.startswith(TRAIN[0])}) == 1


def test_closeups_hold_their_plates_wholly(tmp_path):
    rng = np.random.default_rng(0)
    for c in (VAL[0], *TRAIN[:8]):
        (tmp_path/'s').mkdir(exist_ok=True)
        (tmp_path/'s'/f'{c}.png').write_bytes(cv2.imencode('.png',
                                                           rng.integers(0, 255, (600, 900, 3), np.uint8))[1].tobytes())
        x, y = rng.integers(0, 700), rng.integers(0, 500)
        write_labelme(tmp_path/'s'/f'{c}.json',
                      Annotation(f'{c}.png', 900, 600,
                                 (Shape('plate', (x, y, x + 120, y + 40), c),
                                  Shape('plate', (880, 590, 890, 595), VAL[1] if c == VAL[0] else TRAIN[9]))))
    done, once = pack(tmp_path/'s', tmp_path/'out', 'ann', closeups=2), digest(tmp_path/'out')
    assert done.train == 8 < done.extra <= 16 and done.validation == 1
    for name, ann in packed(tmp_path/'out').items():
        if '-close-' not in name: continue
        (x1, y1, x2, y2), code = ann.shapes[0].box, ann.shapes[0].text
        assert name.startswith(code) and abs(x2 - x1 - 120) < 1e-6 and abs(y2 - y1 - 40) < 1e-6
        assert (x2 - x1)/ann.width > 1.15*120/900
    pack(tmp_path/'s', tmp_path/'again', 'ann', closeups=2)
    assert once == digest(tmp_path/'again')


# the whole way

def test_from_photographs_to_what_trains(tmp_path):
    for i, c in enumerate(TRAIN[:6]): photo(tmp_path/'one', f'caf\u00e9 {i}', c)
    for i, c in enumerate([*VAL[:2], (VAL[2], VAL[3])]):
        photo(tmp_path/'two', f'val {i}', *([c] if isinstance(c, str) else c))
    pack([tmp_path/'one', tmp_path/'two'], tmp_path/'batches', 'ann', batch_size=4)
    images, boxes = prepare(tmp_path/'batches', tmp_path/'yolo', tmp_path/'raw', 'cd', n_jobs=1, progress=False)
    assert images.split.value_counts().to_dict() == {'train': 6, 'val': 3} and len(boxes) == 10
    assert [(t.image.name, t.code, len(t.boxes)) for t in read_truth(tmp_path/'raw')] == [
        ('val 0.png', VAL[0], 1), ('val 1.png', VAL[1], 1), ('val 2.png', VAL[3], 2)]
    for i, c in enumerate(['DEF5678']): photo(tmp_path/'more', f'm{i}', c)
    pack(tmp_path/'more', tmp_path/'others', 'bob', validation=0)
    assert combine([tmp_path/'batches', tmp_path/'others'], tmp_path/'both') == 8


def test_from_crops_to_what_trains(tmp_path):
    for i, c in enumerate(TRAIN[:3] + VAL[:1]): crop(tmp_path/'s', f'c{i}', c)
    done = pack(tmp_path/'s', tmp_path/'out', 'ann', task='cr')
    assert (done.train, done.validation) == (3, 1)
    assert read_validation(tmp_path/'out').values.tolist() == [['c3.png', VAL[0]]]
    _, boxes = prepare(tmp_path/'out', tmp_path/'yolo', tmp_path/'raw', 'cr', n_jobs=1, progress=False)
    assert len(boxes) == 28


def test_the_same_folders_give_the_same_bytes(tmp_path):
    codes = dict(enumerate(TRAIN[:7] + VAL[:2]))
    for where, order in (('one', list(codes)), ('else where', random.Random(0).sample(list(codes), 9))):
        for i in order: photo(tmp_path/where/('a' if i % 2 else 'b'), f'p {i}', codes[i])
    pack([tmp_path/'one'/'a', tmp_path/'one'/'b'], tmp_path/'x', 'ann', batch_size=3)
    pack([tmp_path/'else where'/'b', tmp_path/'else where'/'a'], tmp_path/'y', 'ann', batch_size=3)
    before = digest(tmp_path/'x')
    assert before == digest(tmp_path/'y') and len(before) == 9
    pack([tmp_path/'one'/'a', tmp_path/'one'/'b'], tmp_path/'x', 'ann', batch_size=3)
    assert digest(tmp_path/'x') == before


def test_the_copy_of_the_image_inside_a_labelme_file_stays_behind(tmp_path):
    photo(tmp_path/'s', 'a', TRAIN[0])
    ann = read_labelme(tmp_path/'s'/'a.json')
    (tmp_path/'s'/'a.json').write_text(json.dumps(labelme_dict(ann)
                                                  | dict(imageData='A'*100_000, imagePath='..\\old name.png',
                                                         imageWidth=None)))
    pack(tmp_path/'s', tmp_path/'out', 'ann', validation=0)
    assert packed(tmp_path/'out') == {'a.png': dataclasses.replace(ann, annotator='ann')}
    assert (tmp_path/'out'/'ann_label_part_1.zip').stat().st_size < 2000


# hostile input: reported by name, and the rest is packed

def test_whatever_cannot_be_prepared_is_named_and_left_out(tmp_path):
    s = tmp_path/'s'
    for n in ('good', 'notjson', 'nan', 'outside', 'Twice', 'twice', 'nolabel', 'noimage', 'import'):
        photo(s, n, TRAIN[0])
    photo(s, 'truncated', TRAIN[0], data=picture()[:60])
    photo(s, 'empty', TRAIN[0], data=b'')
    photo(s, 'othersize', TRAIN[0], size=(H, W))
    (s/'nolabel.json').unlink()
    (s/'noimage.png').unlink()
    (s/'import.json').write_text('{"kind": "yolo"}')
    (s/'notjson.json').write_text('no')
    (s/'nan.json').write_text('{"shapes": [{"label": "plate", "points": [[NaN, 1], [2, 3]]}]}')
    (s/'outside.json').write_text('{"shapes": [{"label": "plate", "points": [[200, 1], [300, 30]]}]}')
    photo(tmp_path/'t', 'GOOD', TRAIN[1])
    (s/'findings.csv').write_text('file,finding,detail\n')
    (s/'.DS_Store').write_text('')
    done = pack([s, tmp_path/'t'], tmp_path/'out', 'ann', validation=0)
    assert set(packed(tmp_path/'out')) == {'good.png', 'Twice.png'}
    assert dict(found(done)) == {
        's/notjson.png': 'unusable sample', 's/nan.png': 'unusable sample', 's/outside.png': 'unusable sample',
        's/twice.png': 'name taken',
        's/nolabel.png': 'no annotation', 's/noimage.json': 'no image', 's/import.png': 'no annotation',
        's/truncated.png': 'unusable sample',
        's/empty.png': 'unusable file', 's/othersize.png': 'unusable sample', 't/GOOD.png': 'name taken'}
    assert not done.findings.detail.str.contains(str(tmp_path), regex=False).any()


def test_upside_down_boxes_are_turned_over(tmp_path):
    photo(tmp_path/'s', 'a', TRAIN[0])
    (tmp_path/'s'/'a.json').write_text('{"shapes": [{"label": "plate", "points": [[50, 33], [10, 20]]}]}')
    pack(tmp_path/'s', tmp_path/'out', 'ann', validation=0)
    assert packed(tmp_path/'out')['a.png'].shapes == (Shape('plate', (10, 20, 50, 33)),)


def test_nothing_is_written_when_it_fails_and_nothing_of_others_replaced(tmp_path):
    photo(tmp_path/'s', 'a', TRAIN[0], data=b'no image')
    for folders, words in ((tmp_path/'s', 'nothing to pack; the first: s/a.png'), (tmp_path/'none', 'no such folder'),
                           ([], 'at least one')):
        with pytest.raises(UserError, match=words): pack(folders, tmp_path/'out', 'ann')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['s']
    photo(tmp_path/'s', 'a', TRAIN[0])
    photo(tmp_path/'mine', 'b', TRAIN[0])
    for out in (tmp_path/'mine', tmp_path/'s', tmp_path):
        with pytest.raises(UserError): pack(tmp_path/'s', out, 'ann')
    assert len(list((tmp_path/'mine').iterdir())) == 2


@pytest.mark.parametrize('change',
                         [dict(annotator='a/b'), dict(annotator=''), dict(batch_size=0), dict(validation=1.1),
                          dict(validation=float('nan')),
                          dict(seed=-1), dict(task='xx'), dict(test=.95), dict(repeat=0), dict(closeups=-1),
                          dict(closeups=1, task='cr')], ids=str)
def test_what_makes_no_sense_is_refused(tmp_path, change):
    photo(tmp_path/'s', 'a', TRAIN[0])
    with pytest.raises(UserError, match=f'{next(iter(change))} must be'):
        pack(tmp_path/'s', tmp_path/'out', **dict(annotator='ann') | change)
    assert not (tmp_path/'out').exists()
