"The same box in each annotation format, and damaged or hostile files that leave out their image alone."
import json

import pandas as pd
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.data.annotation_formats import FORMATS
from alpr_nb.data.importers import import_source
from alpr_nb.data.labelme import read_labelme
from alpr_nb.data.yolo_labels import yolo_line
from annotated_sources import BOX, H, VOC, W, coco, cvat, found, label_studio, labelme, make, picture

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
        'cvat': {'annotations.xml': cvat()},
        'label-studio': {'project-1.json': label_studio()},
    }


@pytest.mark.parametrize('form', ['openalpr', 'yolo', 'yolo polygon', 'voc', 'voc upside down', 'coco',
                                  'csv', 'csv upside down', 'labelme', 'cvat', 'label-studio'])
def test_the_same_box_in_each_form(tmp_path, form):
    source = make(tmp_path/'source', forms(tmp_path)[form] | {'a.jpg': picture()})
    done = import_source(form.split()[0], source, tmp_path/'out', prefix='x-', origin='https://example.org')
    ann = read_labelme(tmp_path/'out'/'x-a.json')
    assert (done.images, done.boxes, len(done.findings)) == (1, 1, 0)
    assert (ann.image, ann.width, ann.height, ann.shapes[0].label) == ('x-a.jpg', W, H, 'plate')
    assert ann.shapes[0].box == pytest.approx(BOX, abs=.01)
    assert ann.shapes[0].text == ('' if form.startswith('yolo') else 'ABC1234')
    assert (tmp_path/'out'/'x-a.jpg').read_bytes() == picture()
    facts, = json.loads((tmp_path/'out'/'import.json').read_text())['sources']
    assert (facts['origin'], facts['images'], facts['boxes'], facts['findings']) == ('https://example.org', 1, 1, 0)
    assert (tmp_path/'out'/'findings.csv').read_text() == 'file,finding,detail\n'


BOMB = ('<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        '<annotation><object><name>&b;</name></object></annotation>')

FILE = ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
        '<annotation><object><name>&a;</name></object></annotation>')

BAD = {
    'voc': ['', 'no xml', '<annotation>', '<html></html>', BOMB, FILE, VOC.format('nan', 20, 50, 33, w=W, h=H, code=''),
            VOC.format('1e999', 20, 50, 33, w=W, h=H, code=''), VOC.format('', 20, 50, 33, w=W, h=H, code=''),
            VOC.format(*BOX, w='x', h=H, code=''),
            '<annotation><object><name>plate</name></object></annotation>',
            '<annotation><object><bndbox/></object></annotation>',
            '<?xml version="1.0" encoding="nonsense"?><annotation/>', '\x00\xff'],
    'yolo': ['0 .5 .5 .1', '0 .5 .5 .1 .1 .9', '0 nan .5 .1 .1', '0 .5 inf .1 .1', 'plate .5 .5 .1 .1',
             'nan .5 .5 .1 .1', '0,.5,.5,.1,.1',
             '0 .1 .1 .2 .1 .2 nan', '\x00', b'\xfe\xff0', b'0 .5 .5 .1 .1 \x81'],
    'openalpr': ['', 'a.jpg 10 20 40 13 ABC1234', 'a.jpg\t10\t20\t0\t13\tABC1234', 'a.jpg\tnan\t20\t40\t13\tABC1234',
                 'a.jpg\t1\t2\t3\t4\t',
                 'a.jpg\t1\t2\t30\t40\tM\u00dc1234', 'a.jpg\t1\t2\tinf\t40\tABC1234'],
    'labelme': ['', '[]', '{"shapes": [{"label": "plate", "points": [[NaN, 1], [2, 3]]}]}', '{"shapes": 3}',
                '['*100_000,
                '{"shapes": [{"label": "plate", "shape_type": "circle", "points": [[1, 1], [20, 30]]}]}'],
}

GOOD = dict(voc=VOC.format(*BOX, w=W, h=H, code=''), yolo=yolo_line(0, BOX, W, H),
            openalpr='b.jpg\t10\t20\t40\t13\tABC1234',
            labelme='{"shapes": [{"label": "plate", "points": [[10, 20], [50, 33]]}]}')


@pytest.mark.parametrize('kind, bad', [(k, b) for k, bads in BAD.items() for b in bads], ids=lambda v: ascii(v)[:30])
def test_a_bad_annotation_leaves_out_its_image_alone(tmp_path, kind, bad):
    ending = dict(voc='xml', labelme='json').get(kind, 'txt')
    source = make(tmp_path/'s', {'a.jpg': picture(), 'b.jpg': picture(), f'a.{ending}': bad, f'b.{ending}': GOOD[kind]})
    done = import_source(kind, source, tmp_path/'out', keep=['plate'] if kind == 'labelme' else None)
    assert (done.images, found(done)) == (1, [('a.jpg', 'unreadable annotation')])
    assert '\n' not in done.findings.detail[0] and str(tmp_path) not in done.findings.detail[0]
    assert len(pd.read_csv(tmp_path/'out'/'findings.csv')) == 1 and not (tmp_path/'out'/'a.jpg').exists()


@pytest.mark.parametrize('change',
                         [dict(bbox=None), dict(bbox=[1, 2, 3]), dict(bbox=[1, 2, 'x', 4]),
                          dict(bbox=[float('nan'), 2, 30, 40]),
                          dict(category_id=99), dict(bbox={})], ids=str)
def test_a_bad_coco_annotation_leaves_out_its_image_alone(tmp_path, change):
    d = json.loads(coco())
    d['images'].append(dict(id=2, file_name='b.jpg'))
    d['annotations'] += [dict(d['annotations'][0], id=9, image_id=2) | change,
                         dict(d['annotations'][0], id=10, image_id=77)]
    done = import_source('coco', make(tmp_path/'s', {'c.json': json.dumps(d), 'a.jpg': picture(), 'b.jpg': picture()}),
                         tmp_path/'out')
    assert (done.images, found(done)) == (1, [('b.jpg', 'unreadable annotation'), ('image_id 77', 'no image')])


@pytest.mark.parametrize('text', [
    '', '[]', '{}', 'null', '{"images": [], "annotations": {}, "categories": [1]}',
    '{"images": [3], "annotations": [], "categories": []}',
    '{"images": [{"id": []}], "annotations": [{"image_id": []}], "categories": []}'])
def test_what_is_not_coco_is_refused(tmp_path, text):
    with pytest.raises(UserError, match='not a COCO file'):
        import_source('coco', make(tmp_path/'s', {'c.json': text, 'a.jpg': picture()}), tmp_path/'out')
    assert not (tmp_path/'out').exists()


@pytest.mark.parametrize('row',
                         ['a.jpg,ABC1234,1,2,3,', 'a.jpg,ABC1234,1,2,3,x', 'a.jpg,ABC1234,nan,2,30,40', 'a.jpg,,,,,'])
def test_a_bad_row_leaves_out_its_image_alone(tmp_path, row):
    source = make(tmp_path/'s',
                  {'a.jpg': picture(), 'b.jpg': picture(),
                   'l.csv': f'image,text,x1,y1,x2,y2\n{row}\nb.jpg,ABC1234,1,2,30,40\n'})
    done = import_source('csv', source, tmp_path/'out')
    assert (done.images, found(done)) == (1, [('a.jpg', 'unreadable annotation')])


@pytest.mark.parametrize('header, words',
                         [('file,text', 'no column image'), ('image,code', 'no column text'),
                          ('image,text,x1,y1', 'no column x2'),
                          ('', 'not a table')])
def test_a_table_without_its_columns_is_refused(tmp_path, header, words):
    with pytest.raises(UserError, match=words):
        import_source('csv', make(tmp_path/'s', {'a.jpg': picture(), 'l.csv': header}), tmp_path/'out')


def test_each_format_is_covered(tmp_path):
    assert {form.split()[0] for form in forms(tmp_path)} == {name for name, spec in FORMATS.items() if spec.read}
