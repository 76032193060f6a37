"Imports: labels, boxes on the image as it is shown, the same bytes twice, and nothing half done."
import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.codes.split import hash_tenth
from alpr_nb.core.config import UserError
from alpr_nb.data.annotation_formats import RawAnnotation
from alpr_nb.data.importers import import_source, place_boxes
from alpr_nb.data.labelme import Shape, read_labelme
from alpr_nb.data.yolo_labels import clip_shapes, yolo_line
from annotated_sources import BOX, VOC, H, W, coco, found, make, picture, turned


def digest(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob('*'))
            if p.is_file()}


def test_photographs_without_annotation_get_none(tmp_path):
    done = import_source('folder', make(tmp_path/'source', {'a.jpg': picture(), 'b.png': b'no'}), tmp_path/'out')
    assert found(done) == [('b.png', 'unreadable image')]
    assert sorted(p.name for p in (tmp_path/'out').iterdir()) == ['a.jpg', 'findings.csv', 'import.json']


def test_a_code_without_box_speaks_of_the_whole_image(tmp_path):
    source = make(tmp_path/'s',
                  {'images/a.jpg': picture(), 'images/b.jpg': picture(),
                   'labels.csv': 'image,code\na.jpg, abc-1234\nb.jpg,\n'})
    done = import_source('csv', source/'labels.csv', tmp_path/'out', text='code')
    assert read_labelme(tmp_path/'out'/'a.json').shapes == (Shape('plate', (0, 0, W, H), 'abc-1234'),)
    assert found(done) == [('images/b.jpg', 'unreadable annotation')]


def test_characters_keep_their_classes(tmp_path):
    lines = '\n'.join(yolo_line(n, (5 + 20*i, 10, 20 + 20*i, 50), W, H) for i, n in enumerate((9, 4, 0)))
    source = make(tmp_path/'s', {'images/a.jpg': picture(), 'labels/a.txt': lines})
    with pytest.raises(UserError, match='several classes'): import_source('yolo', source, tmp_path/'out')
    import_source('yolo', source, tmp_path/'out', label='')
    assert [s.label for s in read_labelme(tmp_path/'out'/'a.json').shapes] == ['9', '4', '0']


@pytest.mark.parametrize('where',
                         [{'data.yaml': 'names: [plate, truck]\n'}, {'data.yaml': 'names: {0: plate, 1: truck}\n'},
                                   {'classes.txt': 'plate\r\ntruck\r\n'}, {}])
def test_classes_are_kept_and_renamed(tmp_path, where):
    source = make(tmp_path/'s', where | {'train/images/a.jpg': picture(), 'train/images/b.jpg': picture(),
                                         'train/labels/a.txt': '0 .5 .5 .1 .1\n1 .5 .5 .9 .9\n',
                                         'train/labels/b.txt': ''})
    names = {} if where else dict(names=['plate', 'truck'])
    done = import_source('yolo', source, tmp_path/'out', label='', keep=['plate'], rename={'plate': 'number'}, **names)
    assert [s.label for s in read_labelme(tmp_path/'out'/'a.json').shapes] == ['number']
    assert (done.images, done.boxes, found(done)) == (2, 1, [])
    assert read_labelme(tmp_path/'out'/'b.json').shapes == ()
    with pytest.raises(UserError, match="'car'.*plate, truck"):
        import_source('yolo', source, tmp_path/'out', keep=['car'], **names)


# the image decides

def test_boxes_lie_on_the_image_as_it_is_shown(tmp_path):
    source = make(tmp_path/'s', {'a.jpg': turned(), 'a.txt': '0 .5 .5 .5 .2'})
    import_source('yolo', source, tmp_path/'out')
    ann = read_labelme(tmp_path/'out'/'a.json')
    assert (ann.width, ann.height) == (H, W) and ann.shapes[0].box == (15, 40, 45, 60)
    assert (tmp_path/'out'/'a.jpg').read_bytes() == turned()


def test_an_annotation_of_another_size_is_not_of_this_image(tmp_path):
    source = make(tmp_path/'s',
                  {'a.jpg': picture(w=W + 1), 'b.jpg': picture()}
                  | {f'{n}.xml': VOC.format(*BOX, w=W, h=H, code='') for n in 'ab'})
    done = import_source('voc', source, tmp_path/'out')
    assert found(done) == [('a.jpg', 'unreadable annotation')] and '100x60' in done.findings.detail[0]


@pytest.mark.parametrize('kind', ['voc', 'coco'])
def test_boxes_drawn_before_the_rotation_by_exif_are_turned(tmp_path, kind):
    label = dict(voc={'a.xml': VOC.format(*BOX, w=W, h=H, code='ABC1234')}, coco={'c.json': coco()})[kind]
    done = import_source(kind, make(tmp_path/'s', {'a.jpg': turned()} | label), tmp_path/'out')
    ann = read_labelme(tmp_path/'out'/'a.json') # orientation 6: by 90 degrees clockwise
    x1, y1, x2, y2 = BOX
    assert (done.turned, ann.width, ann.height) == (1, H, W) and ann.shapes[0].box == (H - y2, x1, H - y1, x2)


@pytest.mark.parametrize('tenths, names, words', [((7, 3), None, 'tenths'), ((0, 10), None, 'tenths'),
                                                  ((0, 9), ['a'], 'names are for yolo')])
def test_options_that_make_no_sense_are_refused(tmp_path, tenths, names, words):
    source = make(tmp_path/'s', {'a.jpg': picture(), 'a.xml': VOC.format(*BOX, w=W, h=H, code='')})
    with pytest.raises(UserError, match=words): import_source('voc', source, tmp_path/'out', tenths=tenths, names=names)


def test_tenths_without_an_image_are_told(tmp_path):
    source = make(tmp_path/'s', {'a.jpg': picture(), 'a.xml': VOC.format(*BOX, w=W, h=H, code='')})
    used = [k for k in range(10) if hash_tenth('a.jpg') != k]
    with pytest.raises(UserError, match='not in the tenths'):
        import_source('voc', source, tmp_path/'out', tenths=(used[0], used[0]))


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
    hashed = lambda: json.loads((tmp_path/'one'/'out'/'import.json').read_text())['sources'][0]['sha256']
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
    ('kitti', {}, 'expected one of'), ('yolo', dict(prefix='../'), 'prefix'), ('voc', {}, 'no .xml files'),
    ('csv', {}, 'one .csv file'),
    ('openalpr', dict(label=''), 'give a label'), ('yolo', dict(names=7), 'class names are 7'),
    ('yolo', dict(names=['plate']), 'no name')])
def test_what_makes_no_sense_is_refused(tmp_path, kind, arguments, words):
    source = make(tmp_path/'s',
                  {'a.jpg': picture(), 'a.txt': '7 .5 .5 .1 .1'
                   if kind == 'yolo' else 'a.jpg\t10\t20\t40\t13\tABC1234\n'})
    with pytest.raises(UserError, match=words): import_source(kind, source, tmp_path/'out', **arguments)
    with pytest.raises(UserError, match='no such folder'): import_source('yolo', tmp_path/'missing', tmp_path/'out')
    assert not (tmp_path/'out').exists()


def test_a_damaged_image_gives_the_same_findings_each_time(tmp_path):
    "The error texts of libraries may hold addresses in memory"
    source = make(tmp_path/'s', {'a.jpg': picture(), 'b.jpg': b'no image', 'a.txt': '0 .5 .5 .1 .1', 'b.txt': ''})
    for out in 'xy': import_source('yolo', source, tmp_path/out)
    assert digest(tmp_path/'x') == digest(tmp_path/'y')
    assert 'not an image of a known kind' in (tmp_path/'x'/'findings.csv').read_text()
