"Imports of others' annotations: known boxes in each form, hostile input, and the same bytes twice."
import hashlib
import io
import json

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from alpr_nb.data.labelme import Annotation, Shape, read_labelme, write_labelme
from alpr_nb.core.config import UserError
from alpr_nb.data.import_formats import RawAnnotation
from alpr_nb.data.yolo_labels import clip_shapes, yolo_line
from alpr_nb.data.importers import import_source, place_boxes
from alpr_nb.data.pairing import match_listed, pair_key

W, H = 100, 60
BOX = (10., 20., 50., 33.)
VOC = '<annotation><size><width>{w}</width><height>{h}</height></size><object><name>license-plate</name><text>{code}</text>' \
      '<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object></annotation>'


def picture(ending='.jpg', w=W, h=H):
    return cv2.imencode(ending, np.full((h, w, 3), 90, np.uint8))[1].tobytes()


def turned(w=W, h=H):
    "A photograph whose pixels lie on their side: w x h as stored, h x w as shown"
    f = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((h, w, 3), 90, np.uint8)).save(f, 'JPEG', exif=exif)
    return f.getvalue()


def make(folder, files):
    for name, what in files.items():
        (folder/name).parent.mkdir(parents=True, exist_ok=True)
        (folder/name).write_bytes(what if isinstance(what, bytes) else what.encode())
    return folder


def coco(boxes=(BOX,), name='a.jpg', **image):
    return json.dumps(dict(
        images=[dict(id=1, file_name=name, width=W, height=H) | image], categories=[dict(id=3, name='license-plate')],
        annotations=[dict(id=i, image_id=1, category_id=3, bbox=[x1, y1, x2 - x1, y2 - y1], text='ABC1234')
                     for i, (x1, y1, x2, y2) in enumerate(boxes)]))


def labelme(folder, name='a'):
    folder.mkdir(parents=True, exist_ok=True)
    write_labelme(folder/f'{name}.json', Annotation(f'{name}.jpg', W, H, (Shape('license-plate', BOX, 'ABC1234'),)))
    return (folder/f'{name}.json').read_bytes()


def digest(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob('*')) if p.is_file()}


def found(done):
    return list(zip(done.findings.file, done.findings.finding))


# one box in each form

def forms(tmp):
    return {
        'openalpr': {'a.txt': 'a.jpg\t10\t20\t40\t13\tABC1234\n'},
        'yolo': {'a.txt': yolo_line(0, BOX, W, H)},
        'yolo polygon': {'a.txt': f'0 .1 {20/60} .5 {20/60} .5 .55 .1 .55'},
        'voc': {'a.xml': VOC.format(*BOX, w=W, h=H, code='ABC1234')},
        'voc upside down': {'a.xml': VOC.format(50, 33, 10, 20, w=W, h=H, code='ABC1234')},
        'coco': {'_annotations.coco.json': coco()},
        'csv': {'labels.csv': 'image,text,x1,y1,x2,y2\na.jpg,ABC1234,10,20,50,33\n'},
        'csv upside down': {'labels.csv': 'image,text,x1,y1,x2,y2\na.jpg,ABC1234,50,33,10,20\n'},
        'labelme': {'a.json': labelme(tmp/'labelme source')},
    }


@pytest.mark.parametrize('form', ['openalpr', 'yolo', 'yolo polygon', 'voc', 'voc upside down', 'coco',
                                  'csv', 'csv upside down', 'labelme'])
def test_the_same_box_in_each_form(tmp_path, form):
    source = make(tmp_path/'source', forms(tmp_path)[form] | {'a.jpg': picture()})
    done = import_source(form.split()[0], source, tmp_path/'out', prefix='x-', origin='https://example.org')
    ann = read_labelme(tmp_path/'out'/'x-a.json')
    assert (done.images, done.boxes, len(done.findings)) == (1, 1, 0)
    assert (ann.image, ann.width, ann.height, ann.shapes[0].label) == ('x-a.jpg', W, H, 'plate')
    assert ann.shapes[0].box == pytest.approx(BOX, abs=.01)
    assert ann.shapes[0].text == ('' if form.startswith('yolo') else 'ABC1234')
    assert (tmp_path/'out'/'x-a.jpg').read_bytes() == picture()
    facts = json.loads((tmp_path/'out'/'import.json').read_text())
    assert (facts['origin'], facts['images'], facts['boxes'], facts['findings']) == ('https://example.org', 1, 1, 0)
    assert (tmp_path/'out'/'findings.csv').read_text() == 'file,finding,detail\n'


def test_photographs_without_annotation_get_none(tmp_path):
    done = import_source('folder', make(tmp_path/'source', {'a.jpg': picture(), 'b.png': b'no'}), tmp_path/'out')
    assert found(done) == [('b.png', 'unreadable image')]
    assert sorted(p.name for p in (tmp_path/'out').iterdir()) == ['a.jpg', 'findings.csv', 'import.json']


def test_a_code_without_box_speaks_of_the_whole_image(tmp_path):
    source = make(tmp_path/'s', {'images/a.jpg': picture(), 'images/b.jpg': picture(), 'labels.csv': 'image,code\na.jpg, abc-1234\nb.jpg,\n'})
    done = import_source('csv', source/'labels.csv', tmp_path/'out', text='code')
    assert read_labelme(tmp_path/'out'/'a.json').shapes == (Shape('plate', (0, 0, W, H), 'abc-1234'),)
    assert found(done) == [('images/b.jpg', 'unreadable annotation')]


def test_characters_keep_their_classes(tmp_path):
    lines = '\n'.join(yolo_line(n, (5 + 20*i, 10, 20 + 20*i, 50), W, H) for i, n in enumerate((9, 4, 0)))
    source = make(tmp_path/'s', {'images/a.jpg': picture(), 'labels/a.txt': lines})
    with pytest.raises(UserError, match='several classes'): import_source('yolo', source, tmp_path/'out')
    import_source('yolo', source, tmp_path/'out', label='')
    assert [s.label for s in read_labelme(tmp_path/'out'/'a.json').shapes] == ['9', '4', '0']


@pytest.mark.parametrize('where', [{'data.yaml': 'names: [plate, truck]\n'}, {'data.yaml': 'names: {0: plate, 1: truck}\n'},
                                   {'classes.txt': 'plate\r\ntruck\r\n'}, {}])
def test_classes_are_kept_and_renamed(tmp_path, where):
    source = make(tmp_path/'s', where | {'train/images/a.jpg': picture(), 'train/images/b.jpg': picture(),
                                         'train/labels/a.txt': '0 .5 .5 .1 .1\n1 .5 .5 .9 .9\n', 'train/labels/b.txt': ''})
    names = {} if where else dict(names=['plate', 'truck'])
    done = import_source('yolo', source, tmp_path/'out', label='', keep=['plate'], rename={'plate': 'number'}, **names)
    assert [s.label for s in read_labelme(tmp_path/'out'/'a.json').shapes] == ['number']
    assert (done.images, done.boxes, found(done)) == (2, 1, [])
    assert read_labelme(tmp_path/'out'/'b.json').shapes == ()
    with pytest.raises(UserError, match="'car'.*plate, truck"): import_source('yolo', source, tmp_path/'out', keep=['car'], **names)


# the image decides

def test_boxes_lie_on_the_image_as_it_is_shown(tmp_path):
    source = make(tmp_path/'s', {'a.jpg': turned(), 'a.txt': '0 .5 .5 .5 .2'})
    import_source('yolo', source, tmp_path/'out')
    ann = read_labelme(tmp_path/'out'/'a.json')
    assert (ann.width, ann.height) == (H, W) and ann.shapes[0].box == (15, 40, 45, 60)
    assert (tmp_path/'out'/'a.jpg').read_bytes() == turned()


def test_an_annotation_of_another_size_is_not_of_this_image(tmp_path):
    source = make(tmp_path/'s', {'a.jpg': turned(), 'b.jpg': picture()} | {f'{n}.xml': VOC.format(*BOX, w=W, h=H, code='') for n in 'ab'})
    done = import_source('voc', source, tmp_path/'out')
    assert found(done) == [('a.jpg', 'unreadable annotation')] and '100x60' in done.findings.detail[0]


def test_boxes_are_cut_at_the_edge_and_left_out_beyond_it(tmp_path):
    boxes = '0 .95 .5 .2 .2\n0 1.5 .5 .2 .2\n0 .5 .5 0 .2\n0 .5 .5 -.2 .2\n'
    done = import_source('yolo', make(tmp_path/'s', {'a.jpg': picture(), 'a.txt': boxes}), tmp_path/'out')
    assert read_labelme(tmp_path/'out'/'a.json').shapes == (Shape('plate', (85, 24, 100, 36)),)
    assert found(done) == [('a.jpg', 'bad box')]*3
    assert [d[:5] for d in done.findings.detail] == ['box 2', 'box 3', 'box 4']


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-3, 3)]*4), max_size=4), st.integers(10, 500), st.integers(10, 500))
def test_what_is_placed_can_be_prepared(boxes, w, h):
    shapes, problems = place_boxes(RawAnnotation([('0', b, '') for b in boxes], relative=True), {'0': 'plate'}, w, h)
    assert len(shapes) + len(problems) == len(boxes)
    assert [s.box for s in clip_shapes(shapes, w, h)] == [s.box for s in shapes]
    assert all(0 <= s.box[0] < s.box[2] <= w and 0 <= s.box[1] < s.box[3] <= h for s in shapes)


# hostile input: reported by name, and the rest goes on

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><annotation><object><name>&b;</name></object></annotation>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><annotation><object><name>&a;</name></object></annotation>'

BAD = {
    'voc': ['', 'no xml', '<annotation>', '<html></html>', BOMB, FILE, VOC.format('nan', 20, 50, 33, w=W, h=H, code=''),
            VOC.format('1e999', 20, 50, 33, w=W, h=H, code=''), VOC.format('', 20, 50, 33, w=W, h=H, code=''), VOC.format(*BOX, w='x', h=H, code=''),
            '<annotation><object><name>plate</name></object></annotation>', '<annotation><object><bndbox/></object></annotation>',
            '<?xml version="1.0" encoding="nonsense"?><annotation/>', '\x00\xff'],
    'yolo': ['0 .5 .5 .1', '0 .5 .5 .1 .1 .9', '0 nan .5 .1 .1', '0 .5 inf .1 .1', 'plate .5 .5 .1 .1', 'nan .5 .5 .1 .1', '0,.5,.5,.1,.1',
             '0 .1 .1 .2 .1 .2 nan', '\x00'],
    'openalpr': ['', 'a.jpg 10 20 40 13 ABC1234', 'a.jpg\t10\t20\t0\t13\tABC1234', 'a.jpg\tnan\t20\t40\t13\tABC1234', 'a.jpg\t1\t2\t3\t4\t',
                 'a.jpg\t1\t2\t30\t40\tM\u00dc1234', 'a.jpg\t1\t2\tinf\t40\tABC1234'],
    'labelme': ['', '[]', '{"shapes": [{"label": "plate", "points": [[NaN, 1], [2, 3]]}]}', '{"shapes": 3}', '['*100_000,
                '{"shapes": [{"label": "plate", "shape_type": "circle", "points": [[1, 1], [20, 30]]}]}'],
}
GOOD = dict(voc=VOC.format(*BOX, w=W, h=H, code=''), yolo=yolo_line(0, BOX, W, H), openalpr='b.jpg\t10\t20\t40\t13\tABC1234',
            labelme='{"shapes": [{"label": "plate", "points": [[10, 20], [50, 33]]}]}')


@pytest.mark.parametrize('kind, bad', [(k, b) for k, bads in BAD.items() for b in bads], ids=lambda v: ascii(v)[:30])
def test_a_bad_annotation_leaves_out_its_image_alone(tmp_path, kind, bad):
    ending = dict(voc='xml', labelme='json').get(kind, 'txt')
    source = make(tmp_path/'s', {'a.jpg': picture(), 'b.jpg': picture(), f'a.{ending}': bad, f'b.{ending}': GOOD[kind]})
    done = import_source(kind, source, tmp_path/'out', keep=['plate'] if kind == 'labelme' else None)
    assert (done.images, found(done)) == (1, [('a.jpg', 'unreadable annotation')])
    assert '\n' not in done.findings.detail[0] and str(tmp_path) not in done.findings.detail[0]
    assert len(pd.read_csv(tmp_path/'out'/'findings.csv')) == 1 and not (tmp_path/'out'/'a.jpg').exists()


@pytest.mark.parametrize('change', [dict(bbox=None), dict(bbox=[1, 2, 3]), dict(bbox=[1, 2, 'x', 4]), dict(bbox=[float('nan'), 2, 30, 40]),
                                    dict(category_id=99), dict(bbox={})], ids=str)
def test_a_bad_coco_annotation_leaves_out_its_image_alone(tmp_path, change):
    d = json.loads(coco())
    d['images'].append(dict(id=2, file_name='b.jpg'))
    d['annotations'] += [dict(d['annotations'][0], id=9, image_id=2) | change, dict(d['annotations'][0], id=10, image_id=77)]
    done = import_source('coco', make(tmp_path/'s', {'c.json': json.dumps(d), 'a.jpg': picture(), 'b.jpg': picture()}), tmp_path/'out')
    assert (done.images, found(done)) == (1, [('b.jpg', 'unreadable annotation'), ('image_id 77', 'no image')])


@pytest.mark.parametrize('text', ['', '[]', '{}', 'null', '{"images": [], "annotations": {}, "categories": [1]}', '{"images": [3], "annotations": [], '
                                  '"categories": []}', '{"images": [{"id": []}], "annotations": [{"image_id": []}], "categories": []}'])
def test_what_is_not_coco_is_refused(tmp_path, text):
    with pytest.raises(UserError, match='not a COCO file'):
        import_source('coco', make(tmp_path/'s', {'c.json': text, 'a.jpg': picture()}), tmp_path/'out')
    assert not (tmp_path/'out').exists()


@pytest.mark.parametrize('row', ['a.jpg,ABC1234,1,2,3,', 'a.jpg,ABC1234,1,2,3,x', 'a.jpg,ABC1234,nan,2,30,40', 'a.jpg,,,,,'])
def test_a_bad_row_leaves_out_its_image_alone(tmp_path, row):
    source = make(tmp_path/'s', {'a.jpg': picture(), 'b.jpg': picture(), 'l.csv': f'image,text,x1,y1,x2,y2\n{row}\nb.jpg,ABC1234,1,2,30,40\n'})
    done = import_source('csv', source, tmp_path/'out')
    assert (done.images, found(done)) == (1, [('a.jpg', 'unreadable annotation')])


@pytest.mark.parametrize('header, words', [('file,text', 'no column image'), ('image,code', 'no column text'), ('image,text,x1,y1', 'no column x2'),
                                           ('', 'not a table')])
def test_a_table_without_its_columns_is_refused(tmp_path, header, words):
    with pytest.raises(UserError, match=words): import_source('csv', make(tmp_path/'s', {'a.jpg': picture(), 'l.csv': header}), tmp_path/'out')


def test_whatever_has_no_partner_is_named(tmp_path):
    line = '0 .5 .5 .1 .1'
    source = make(tmp_path/'s', {'images/a b.jpg': picture(), 'images/cafe\u0301.jpg': picture(), 'images/alone.jpg': picture(), 'images/bad.jpg': picture()[:99],
                                 'images/._a b.jpg': b'', '__MACOSX/x.jpg': b'', 'labels/a b.txt': line, 'labels/caf\u00e9.txt': line,
                                 'labels/lost.txt': line, 'labels/bad.txt': line, 'README.dataset.txt': 'read me', 'classes.txt': 'plate'})
    done = import_source('yolo', source, tmp_path/'out')
    assert found(done) == [('images/alone.jpg', 'no annotation'), ('images/bad.jpg', 'unreadable image'), ('labels/lost.txt', 'no image')]
    assert sorted(p.name for p in (tmp_path/'out').glob('*.jpg')) == ['a b.jpg', 'cafe\u0301.jpg']


def test_names_that_could_not_lie_in_one_batch(tmp_path):
    names = ['train/a.jpg', 'train/A.jpg', 'valid/a.png', 'valid/b.jpg', 'valid/import.jpg', f"valid/{'x'*196}.jpg", 'valid/new\nline.jpg']
    source = make(tmp_path/'s', {n: picture(n[-4:]) for n in names} | {n[:-3] + 'txt': '' for n in names})
    done = import_source('yolo', source, tmp_path/'out')
    assert sorted(p.name for p in (tmp_path/'out').glob('*.jpg')) == ['A.jpg', 'b.jpg']
    assert dict(found(done)) == {names[0]: 'name taken', names[2]: 'name taken', names[4]: 'name taken', names[5]: 'unusable file', names[6]: 'unusable file'}
    assert import_source('yolo', source, tmp_path/'out', prefix='x-').images == 3


def test_a_list_never_leads_out_of_its_folder(tmp_path):
    make(tmp_path, {'secret.jpg': picture(), 's/a.jpg': picture(), 's/sub/b.jpg': picture()})
    (tmp_path/'s'/'l.csv').write_text(f'image,text\n../secret.jpg,X1\n{tmp_path}/secret.jpg,X1\nC:\\photos\\a.jpg,X1\n./sub/b.jpg,X2\n')
    done = import_source('csv', tmp_path/'s', tmp_path/'out')
    assert done.images == 2 and found(done) == [('../secret.jpg', 'no image'), (f'{tmp_path}/secret.jpg', 'no image')]


def test_an_ambiguous_name_is_not_guessed():
    got, findings = match_listed([('a.jpg', 1)], {'x/a.jpg': 0, 'y/a.jpg': 0}, 'list')
    assert not got and [f.finding for f in findings] == ['no image', 'no annotation', 'no annotation']


@pytest.mark.parametrize('image, label', [('images/train/a.jpg', 'labels/train/a.txt'), ('train/images/a.jpg', 'train/labels/a.txt'), ('a.jpg', 'a.txt'),
                                          ('JPEGImages/a.jpg', 'Annotations/a.xml'), ('images/a.b.jpg', 'annots/a.b.xml')])
def test_usual_layouts(image, label):
    assert pair_key(image) == pair_key(label)


# all or nothing, and the same again

def test_the_same_source_gives_the_same_bytes(tmp_path):
    files = {f'{n}.jpg': picture(w=W + i) for i, n in enumerate('cab')} | {f'{n}.txt': '0 .5 .5 .31 .17' for n in 'abd'}
    outs = []
    for names, where in ((files, 'one'), (dict(reversed(files.items())), 'another place')):
        import_source('yolo', make(tmp_path/where/'s', names), tmp_path/where/'out')
        outs.append(digest(tmp_path/where/'out'))
    assert outs[0] == outs[1] and len(outs[0]) == 6
    import_source('yolo', tmp_path/'one'/'s', tmp_path/'one'/'out')
    assert digest(tmp_path/'one'/'out') == outs[0]
    hashed = lambda: json.loads((tmp_path/'one'/'out'/'import.json').read_text())['sha256']
    before = hashed()
    (tmp_path/'one'/'s'/'d.txt').write_text('')
    import_source('yolo', tmp_path/'one'/'s', tmp_path/'one'/'out')
    assert hashed() != before


def test_nothing_is_written_when_it_fails_and_nothing_of_others_replaced(tmp_path):
    source = make(tmp_path/'s', {'a.jpg': b'no image', 'a.txt': ''})
    with pytest.raises(UserError, match='none of its images'): import_source('yolo', source, tmp_path/'out')
    assert sorted(p.name for p in tmp_path.iterdir()) == ['s']
    make(tmp_path/'mine', {'thesis.doc': 'mine'})
    make(source, {'a.jpg': picture()})
    with pytest.raises(UserError, match='not made by this command'): import_source('yolo', source, tmp_path/'mine')
    for out in (source, source/'out', tmp_path):
        with pytest.raises(UserError): import_source('yolo', source, out)
    assert sorted(p.name for p in source.iterdir()) == ['a.jpg', 'a.txt']


@pytest.mark.parametrize('kind, arguments, words', [
    ('kitti', {}, 'expected one of'), ('yolo', dict(prefix='../'), 'prefix'), ('voc', {}, 'no .xml files'), ('csv', {}, 'one .csv file'),
    ('openalpr', dict(label=''), 'give a label'), ('yolo', dict(names=7), 'class names are 7'),
    ('yolo', dict(names=['plate']), 'no name')])
def test_what_makes_no_sense_is_refused(tmp_path, kind, arguments, words):
    source = make(tmp_path/'s', {'a.jpg': picture(), 'a.txt': '7 .5 .5 .1 .1' if kind == 'yolo' else 'a.jpg\t10\t20\t40\t13\tABC1234\n'})
    with pytest.raises(UserError, match=words): import_source(kind, source, tmp_path/'out', **arguments)
    with pytest.raises(UserError, match='no such folder'): import_source('yolo', tmp_path/'missing', tmp_path/'out')
    assert not (tmp_path/'out').exists()
