"Exports of annotation servers as they come: folders, lists, class names, attributes, keypoints, rotated boxes."
import json

import numpy as np
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.data.importers import import_source
from alpr_nb.data.labelme import read_labelme
from annotated_sources import H, W, coco, found, label_studio, make, picture

PLATE = (30, 24, 70, 36)
ROUND = ((30, 24), (70, 24), (70, 36), (30, 36))
LEANING = ((30, 20), (68, 26), (66, 40), (28, 34)) # clockwise from the top left


def line(points, *values): return ' '.join(map(str, ['0', *values, *np.ravel([(x/W, y/H) for x, y in points])]))


def only_shape(tmp, kind, files, **arguments):
    done = import_source(kind, make(tmp/'source', files), tmp/'out', **arguments)
    assert (done.images, found(done)) == (1, []), done.findings
    shape, = read_labelme(tmp/'out'/'a.json').shapes
    return shape


# YOLO: the form of a line is not guessed from its number of values alone

BOXED = [.5, .5, .4, .2]
WITH_VISIBILITY = line([], *BOXED, *np.ravel([[x/W, y/H, 2] for x, y in ROUND]))


@pytest.mark.parametrize('label, corners', [
    (line(ROUND, *BOXED), ROUND), (WITH_VISIBILITY, ROUND), (line(ROUND), ROUND), (line(ROUND[2:] + ROUND[:2]), ROUND),
    (line([(50, 24), (70, 30), (50, 36), (30, 30), (40, 25)]), ()), (line([(40, 30), (60, 30)], *BOXED), ())])
@pytest.mark.parametrize('stated', [True, False])
def test_each_form_of_a_line_gives_its_box(tmp_path, label, corners, stated):
    shape_of = {13: [4, 2], 17: [4, 3]}.get(len(label.split()))
    data = f'names: [plate]\nkpt_shape: {shape_of}\n' if stated and shape_of else 'names: [plate]\n'
    shape = only_shape(tmp_path, 'yolo', {'images/a.png': picture('.png'), 'labels/a.txt': label, 'data.yaml': data})
    assert shape.box == pytest.approx(PLATE, abs=.01) and np.ravel(shape.corners) == pytest.approx(np.ravel(corners))


@pytest.mark.parametrize('label, data', [
    (line([(30, 24), (70, 36), (70, 24), (30, 36)]), 'names: [plate]'), # its sides cross
    (line(ROUND), 'names: [plate]\nkpt_shape: [4, 2]'), (line(ROUND, .5, .5, .4), 'names: [plate]')])
def test_a_line_of_no_form_leaves_out_its_image(tmp_path, label, data):
    done = import_source('yolo', make(tmp_path/'s', {'a.png': picture('.png'), 'b.png': picture('.png'), 'a.txt': label,
                                                     'b.txt': '0 .5 .5 .4 .2', 'data.yaml': data}), tmp_path/'out')
    assert found(done) == [('a.png', 'unreadable annotation')] and 'line 1' in done.findings.detail[0]


def test_keypoints_of_no_number_are_refused(tmp_path):
    source = make(tmp_path/'s', {'a.png': picture('.png'), 'a.txt': '', 'data.yaml': 'names: [a]\nkpt_shape: many'})
    with pytest.raises(UserError, match='kpt_shape is many'): import_source('yolo', source, tmp_path/'out')


@pytest.mark.parametrize('files', [
    {'obj_train_data/a.png': picture('.png'), 'obj_train_data/a.txt': '0 .5 .5 .4 .2', 'obj.names': 'plate\n',
     'train.txt': 'data/obj_train_data/a.png\n', 'obj.data': 'classes = 1\n'}, # CVAT, YOLO 1.1
    {'images/train/a.png': picture('.png'), 'labels/train/a.txt': '0 .5 .5 .4 .2', 'train.txt': 'images/train/a.png',
     'data.yaml': 'names: {0: plate}\npath: .\ntrain: train.txt\n'}, # CVAT, Ultralytics
    {'train/images/a.png': picture('.png'), 'train/labels/a.txt': '0 .5 .5 .4 .2', 'README.roboflow.txt': 'x',
     'README.dataset.txt': 'x', 'data.yaml': 'train: ../train/images\nnc: 1\nnames: [plate]\n'}, # Roboflow
    {'images/a.png': picture('.png'), 'labels/a.txt': '0 .5 .5 .4 .2', 'classes.txt': 'plate\n', 'notes.json': '{}'},
    {'a.png': picture('.png'), 'labels/a.txt': '0 .5 .5 .4 .2', 'labels/classes.txt': 'plate\n'}]) # labelImg
def test_yolo_folders_and_class_names(tmp_path, files):
    assert only_shape(tmp_path, 'yolo', files, label='').label == 'plate'


# COCO

def entry(**more):
    d = json.loads(coco([PLATE], name='a.png'))
    d['annotations'][0] |= more
    return json.dumps(d)


@pytest.mark.parametrize('at, images', [
    ('annotations/instances_default.json', 'images/default/'), ('annotations/instances_default.json', 'images/'),
    ('result.json', 'images/'), ('train/_annotations.coco.json', 'train/'), ('labels.json', '')])
@pytest.mark.parametrize('named', [True, False])
def test_coco_lists_are_found_with_their_images(tmp_path, at, images, named):
    make(tmp_path/'source', {at: entry(), f'{images}a.png': picture('.png')})
    done = import_source('coco', tmp_path/'source'/(at if named else ''), tmp_path/'out')
    assert (done.images, done.boxes, found(done)) == (1, 1, [])


@pytest.mark.parametrize('first, second', [('train/_annotations.coco.json', 'valid/_annotations.coco.json'),
                                           ('annotations/instances_train.json', 'annotations/instances_val.json')])
def test_several_lists_are_joined(tmp_path, first, second):
    files = {first: entry(), second: entry().replace('a.png', 'b.png')}
    for name, where in (('a.png', 'train'), ('b.png', 'valid')): files[f'{where}/{name}'] = picture('.png')
    done = import_source('coco', make(tmp_path/'s', files), tmp_path/'out')
    assert (done.images, done.boxes, found(done)) == (2, 2, [])
    splits = {n: f['split'] for n,
              f in json.loads((tmp_path/'out'/'import.json').read_text())['sources'][0]['files'].items()}
    assert splits == {'a.png': 'train', 'b.png': 'val'}


def test_the_folder_of_the_images_can_be_named(tmp_path):
    make(tmp_path, {'lists/all.json': entry(), 'pictures/a.png': picture('.png')})
    done = import_source('coco', tmp_path/'lists/all.json', tmp_path/'out', images_in=tmp_path/'pictures')
    assert (done.images, found(done)) == (1, [])
    with pytest.raises(UserError, match='no such folder'):
        import_source('coco', tmp_path/'lists/all.json', tmp_path/'out', images_in=tmp_path/'none')


def test_two_lists_in_one_folder_must_be_named(tmp_path):
    make(tmp_path/'s', {'a.json': entry(), 'b.json': entry(), 'a.png': picture('.png')})
    with pytest.raises(UserError, match='found 2; name the file itself'):
        import_source('coco', tmp_path/'s', tmp_path/'out')


def test_rotation_segmentation_and_attributes_of_coco(tmp_path):
    files = {'a.png': picture('.png'), 'c.json': entry(text='', attributes=dict(rotation=90., number='ABC1D23'))}
    shape = only_shape(tmp_path, 'coco', files, text='number')
    assert shape.text == 'ABC1D23' and shape.box == pytest.approx((44, 10, 56, 50))
    assert np.ravel(shape.corners) == pytest.approx(np.ravel([(56, 10), (56, 50), (44, 50), (44, 10)]))
    points = [np.ravel(LEANING[2:] + LEANING[:2]).tolist()]
    shape = only_shape(tmp_path/'b', 'coco', {'a.png': picture('.png'), 'c.json': entry(segmentation=points)})
    assert shape.corners == LEANING
    rectangle = only_shape(tmp_path/'c', 'coco',
                           {'a.png': picture('.png'), 'c.json': entry(segmentation=[np.ravel(ROUND).tolist()])})
    assert rectangle.corners == ()


# VOC and CSV

VOC = ('<annotation><size><width>100</width><height>60</height></size><object><name>plate</name>{}</object>'
       '</annotation>')
BOX = '<bndbox><xmin>30</xmin><ymin>24</ymin><xmax>70</xmax><ymax>36</ymax></bndbox>'
ATTRIBUTE = '<attribute><name>{}</name><value>{}</value></attribute>'


@pytest.mark.parametrize('inside, corners', [
    (BOX + f"<attributes>{ATTRIBUTE.format('rotation', '0.0')}{ATTRIBUTE.format('text', 'ABC1D23')}</attributes>", ()),
    (BOX + f"<attributes>{ATTRIBUTE.format('text', 'ABC1D23')}{ATTRIBUTE.format('rotation', 90)}</attributes>",
     [(56, 10), (56, 50), (44, 50), (44, 10)]),
    (BOX + '<text>ABC1D23</text><polygon>' + ''.join(f'<x{i}>{x}</x{i}><y{i}>{y}</y{i}>'
                                                      for i, (x, y) in enumerate(LEANING, 1)) + '</polygon>', LEANING),
    ('<text>ABC1D23</text><robndbox><cx>50</cx><cy>30</cy><w>40</w><h>12</h><angle>1.5707963</angle></robndbox>',
     [(56, 10), (56, 50), (44, 50), (44, 10)])])
def test_voc_of_servers(tmp_path, inside, corners):
    files = {'JPEGImages/a.png': picture('.png'), 'Annotations/a.xml': VOC.format(inside), 'labelmap.txt': 'plate:::',
             'ImageSets/Main/default.txt': 'a'}
    shape = only_shape(tmp_path, 'voc', files)
    assert shape.text == 'ABC1D23' and np.ravel(shape.corners) == pytest.approx(np.ravel(corners), abs=.01)


def test_csv_of_roboflow(tmp_path):
    table = 'filename,width,height,class,xmin,ymin,xmax,ymax\na.png,100,60,plate,30,24,70,36\n'
    shape = only_shape(tmp_path, 'csv', {'a.png': picture('.png'), '_annotations.csv': table}, label='')
    assert (shape.label, shape.box) == ('plate', PLATE)
    other = table.replace('a.png', 'b.png')
    done = import_source('csv', make(tmp_path/'b', {'train/a.png': picture('.png'), 'train/_annotations.csv': table,
                                                    'valid/b.png': picture('.png', w=90),
                                                    'valid/_annotations.csv': other}),
                         tmp_path/'out2')
    assert (done.images, found(done)) == (1, [('valid/b.png', 'unreadable annotation')]) # its size is another


def test_eight_corners_in_a_table_are_no_two(tmp_path):
    table = 'image,text,x1,y1,x2,y2,x3,y3,x4,y4\na.png,ABC1D23,' + ','.join(str(v) for p in LEANING for v in p)
    shape = only_shape(tmp_path, 'csv', {'a.png': picture('.png'), 'l.csv': table})
    assert (shape.box, shape.corners) == ((28, 20, 68, 40), LEANING)


# names that nothing has

@pytest.mark.parametrize('kind, files', [('coco', {'c.json': entry()}), ('voc', {'a.xml': VOC.format(BOX)}),
                                         ('csv', {'l.csv': 'image,text,x1,y1,x2,y2\na.png,ABC1D23,1,2,30,40\n'})])
def test_a_name_of_the_code_that_nothing_has_is_an_error(tmp_path, kind, files):
    with pytest.raises(UserError, match="'numero'"):
        import_source(kind, make(tmp_path/'s', files | {'a.png': picture('.png')}), tmp_path/'out', text='numero')
    assert not (tmp_path/'out').exists()


# CVAT for images and JSON of Label Studio

CVAT = '<annotations><version>1.1</version><image id="0" name="{}" width="100" height="60">{}</image></annotations>'
POINTS = ';'.join(f'{x},{y}' for x, y in LEANING)


@pytest.mark.parametrize('inside, corners', [
    ('<box label="plate" xtl="30" ytl="24" xbr="70" ybr="36" rotation="90"/>',
     [(56, 10), (56, 50), (44, 50), (44, 10)]),
    (f'<polygon label="plate" points="{POINTS}"/>', LEANING), (f'<points label="plate" points="{POINTS}"/>', LEANING),
    ('<tag label="night"/><box label="plate" xtl="30" ytl="24" xbr="70" ybr="36"/>', ()),
    ('<ellipse label="plate" cx="50" cy="30" rx="20" ry="6"/>', ())])
def test_shapes_of_cvat(tmp_path, inside, corners):
    files = {'annotations.xml': CVAT.format('train/a.png', inside), 'images/train/a.png': picture('.png')}
    shape = only_shape(tmp_path, 'cvat', files)
    assert np.ravel(shape.corners) == pytest.approx(np.ravel(corners), abs=.01)
    if not corners: assert shape.box == PLATE


def test_a_shape_that_is_no_box_leaves_out_its_image(tmp_path):
    both = CVAT.format('a.png', '<cuboid label="plate"/>').replace('</annotations>', '') + (
        CVAT.format('b.png', '<box label="plate" xtl="30" ytl="24" xbr="70" ybr="36"/>').partition('</version>')[2])
    source = make(tmp_path/'s', {'annotations.xml': both, 'a.png': picture('.png'), 'b.png': picture('.png')})
    done = import_source('cvat', source, tmp_path/'out')
    assert found(done) == [('a.png', 'unreadable annotation')] and 'is a cuboid' in done.findings.detail[0]


@pytest.mark.parametrize('image, stored', [
    ('/data/upload/7/1a2b3c4d-a.png', 'a.png'), ('/data/local-files/?d=photos/a.png', 'photos/a.png'),
    ('https://host.example/photos/a.png?key=1', 'a.png'), ('s3://bucket/photos/a.png', 'photos/a.png')])
def test_label_studio_finds_its_images(tmp_path, image, stored):
    shape = only_shape(tmp_path, 'label-studio', {'p.json': label_studio(PLATE, image), stored: picture('.png')})
    assert (shape.box, shape.text) == (PLATE, 'ABC1234')


def test_a_rotated_box_of_label_studio(tmp_path):
    "About its upper left corner, clockwise"
    files = {'p.json': label_studio((30, 10, 60, 22), 'a.png', rotation=90), 'a.png': picture('.png')}
    shape = only_shape(tmp_path, 'label-studio', files)
    assert shape.box == pytest.approx((18, 10, 30, 40))
    assert np.ravel(shape.corners) == pytest.approx([30, 10, 30, 40, 18, 40, 18, 10])


def test_two_people_annotated_one_image(tmp_path):
    task, = json.loads(label_studio(PLATE, 'a.png'))
    other = json.loads(label_studio((1, 1, 9, 9), 'a.png'))[0]['annotations'][0]
    files = {'a.png': picture('.png'), 'p.json': json.dumps([task | dict(annotations=task['annotations'] + [other])])}
    with pytest.raises(UserError, match='2 annotations'):
        import_source('label-studio', make(tmp_path/'s', files), tmp_path/'out')
    task['annotations'] += [other | dict(ground_truth=True)]
    files['p.json'] = json.dumps([task])
    assert only_shape(tmp_path, 'label-studio', files).box == pytest.approx((1, 1, 9, 9))


# more forms of the formats above

@pytest.mark.parametrize('rest, corners', [
    ('0 0 '*4, ()), ('0 0 0 '*4, ()), ('-1 -1 -1 '*4, ()), (line(ROUND[2:] + ROUND[:2])[2:], ROUND),
    ('.3 .4 2 .7 .4 2 .7 .6 2 0 0 0', ())])
def test_unlabelled_and_other_orders_of_keypoints(tmp_path, rest, corners):
    shape = only_shape(tmp_path, 'yolo', {'a.png': picture('.png'), 'a.txt': f'0 .5 .5 .4 .2 {rest}'})
    assert shape.box == PLATE and np.ravel(shape.corners) == pytest.approx(np.ravel(corners))


@pytest.mark.parametrize('label, words', [('0 50 30 40 12', 'pixels'), ('0 .5 .5 .4 .2 .93 7', 'pixels'),
                                          ('0 .5 .5 .4 .2 .93 1', 'neither'), ('0 .5 .5 .4 .2 .93', 'neither')])
def test_pixels_and_predictions_are_no_labels(tmp_path, label, words):
    with pytest.raises(UserError, match=words):
        import_source('yolo', make(tmp_path/'s', {'a.png': picture('.png'), 'a.txt': label}), tmp_path/'out')


@pytest.mark.parametrize('data, names', [({'plates.yaml': 'names: [placa]'}, 'placa'), (
    {'data.yaml': 'nc: 1', 'classes.txt': 'placa'}, 'placa')])
def test_class_names_in_other_files(tmp_path, data, names):
    shape = only_shape(tmp_path, 'yolo', {'img/a.png': picture('.png'), 'ann/a.txt': '0 .5 .5 .4 .2'} | data, label='')
    assert shape.label == names


def test_class_names_that_are_one_text_are_refused(tmp_path):
    source = make(tmp_path/'s', {'a.png': picture('.png'), 'a.txt': '0 .5 .5 .4 .2', 'data.yaml': 'names: plate'})
    with pytest.raises(UserError, match='class names are plate'): import_source('yolo', source, tmp_path/'out')


@pytest.mark.parametrize('change, corners', [
    (dict(bbox=[], segmentation=[np.ravel(LEANING).tolist()]), LEANING), (dict(image_id='1', category_id='3'), ()),
    (dict(text='', attributes=[dict(name='text', value='ABC1234')]), ()),
    (dict(keypoints=[v for p in LEANING for v in (*p, 2)]), LEANING)])
def test_other_forms_of_coco(tmp_path, change, corners):
    files = {'images/cam1/a.png': picture('.png'), 'annotations/instances_default.json': entry(**change).replace(
        '"a.png"', '"cam1/a.png"')}
    shape = only_shape(tmp_path, 'coco', files)
    assert shape.text == 'ABC1234' and np.ravel(shape.corners) == pytest.approx(np.ravel(corners))
