"LabelMe files: what was written is read again, and whatever else comes ends in one sentence that names the file."
import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alpr_nb.core.config import UserError
from alpr_nb.data.labelme import (Annotation, Shape, bounding_box, labelme_json, read_labelme, reading_order,
                                  write_labelme)

coord = st.floats(-1e5, 1e5, allow_nan=False)
text = st.text(min_size=1, max_size=8)
shape = st.builds(lambda label, a, b, c, d, t: Shape(label, bounding_box([[a, b], [c, d]]), t),
                  text, coord, coord, coord, coord, st.text(max_size=8))
annotation = st.builds(Annotation, st.text('ab1. é', min_size=1, max_size=9), st.integers(0, 9999),
                       st.integers(0, 9999),
                       st.lists(shape, max_size=5).map(tuple))


@settings(max_examples=100, deadline=None)
@given(annotation)
def test_round_trip(ann):
    "Every annotation survives writing and reading, to the last digit of its coordinates"
    assert read_labelme(labelme_json(ann).encode()) == ann


def test_round_trip_on_disk(tmp_path):
    ann = Annotation('ã.jpg', 10, 20, (Shape('A', (1.25, 2, 3, 4.5)),))
    write_labelme(tmp_path/'a.json', ann)
    assert read_labelme(tmp_path/'a.json') == ann


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(coord, coord), min_size=2, max_size=6))
def test_box_is_normalised(points):
    "Whatever the order of the points, the box is the same, turned the right way, and holds all of them"
    x1, y1, x2, y2 = box = bounding_box(points)
    assert x1 <= x2 and y1 <= y2 and all(x1 <= x <= x2 and y1 <= y <= y2 for x, y in points)
    assert bounding_box(points[::-1]) == box == bounding_box([box[:2], box[2:]])


def labelme(**shape):
    return json.dumps(dict(version='5.4.1',
                           shapes=[dict(label='A', points=[[1, 2], [3, 4]], shape_type='rectangle') | shape],
                           imagePath='a.jpg', imageHeight=9, imageWidth=9)).encode()


def test_files_as_labelme_versions_write_them():
    "Before version 5.2 there is no description; a polygon is its bounding box; a file may begin with a byte order mark"
    assert read_labelme(labelme()).shapes == (Shape('A', (1, 2, 3, 4)),)
    assert read_labelme(labelme(description=None)).shapes[0].text == ''
    assert read_labelme(labelme(points=[[5, 1], [1, 5], [9, 5], [5, 9]],
                                shape_type='polygon')).shapes[0].box == (1, 1, 9, 9)
    assert read_labelme(b'\xef\xbb\xbf' + labelme()).image == 'a.jpg'


@pytest.mark.parametrize('data', [
    b'', b'null', b'[]', b'{}', b'{"shapes": {}}', b'\x00\xff\xfe', b'<annotation/>', b'[' * 100_000,
    b'{"shapes": [1]}',
    labelme()[:-20], labelme(label=''), labelme(label=7), labelme(label=None), labelme(shape_type='circle'),
    labelme(shape_type=['rectangle']), labelme(points=None), labelme(points=[]), labelme(points=[[1, 2]]),
    labelme(points=[[1, 2], [3]]), labelme(points=[[1, 2, 3], [4, 5, 6]]), labelme(points=[['x', 2], [3, 4]]),
    labelme(points=[[1, float('nan')], [3, 4]]), labelme(points=[[1, float('inf')], [3, 4]]),
    labelme(points=[[1, 10**400], [3, 4]]), labelme(points='1234'),
    labelme(points=[[[1, 2], [3, 4]], [[1, 2], [3, 4]]]),
    labelme().replace(b'"imageWidth": 9', b'"imageWidth": -9'),
    labelme().replace(b'"imageWidth": 9', b'"imageWidth": "9"'),
    labelme().replace(b'"imageWidth": 9', b'"imageWidth": 1' + b'0'*400),
    labelme().replace(b'"imageWidth": 9', b'"imageWidth": NaN'),
])
def test_what_is_not_labelme(data):
    with pytest.raises(UserError, match='^part_1.zip: a.json') as e: read_labelme(data, 'part_1.zip: a.json')
    assert '\n' not in str(e.value) and len(str(e.value)) < 300


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match='nowhere.json'): read_labelme(tmp_path/'nowhere.json')


@settings(max_examples=100, deadline=None)
@given(st.integers(3, 11), st.integers(0, 8), st.floats(-.6, .6), st.floats(10, 80), st.floats(.9, 1.3), st.randoms())
def test_reading_order_of_tilted_rows(first, second, slope, h, step, random):
    "One row or two, tilted by up to 31 degrees and given in any order, are read as they stand"
    def row(n, x, y): return [((x + i*h*.6*step, y + i*h*.6*step*slope)) for i in range(n)]
    assume(second != 1)  # a character below a row may as well be a column
    at = row(first, 0, 0) + row(second, -1.4*h*slope, 1.4*h)
    shapes = [Shape(str(i), (x, y, x + h*.5, y + h)) for i, (x, y) in enumerate(at)]
    mixed = random.sample(shapes, len(shapes))
    assert reading_order(mixed) == shapes
