"The true codes of a set: three forms, and hostile sets."
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.data.ground_truth import read_truth
from photo_sets import labelme, photo


@pytest.fixture
def listed(tmp_path):
    "Two photographs with validation.csv and LabelMe JSON"
    for name in 'ab': photo(tmp_path/f'{name}.jpg')
    (tmp_path/'validation.csv').write_text('image,code\nb.jpg,XYZ1A34\na.jpg,abc-1234\n')
    labelme(tmp_path/'a.json', ('ABC1234', (10, 20, 50, 33)), ('', (100, 20, 150, 33)))
    labelme(tmp_path/'b.json', ('', (60, 33, 10, 20)))
    return tmp_path

def test_validation_csv_with_labelme(listed):
    a, b = read_truth(listed)
    assert (a.image.name, a.code, a.box, len(a.boxes)) == ('a.jpg', 'ABC1234', (10, 20, 50, 33), 2)
    assert (b.code, b.box) == ('XYZ1A34', (10, 20, 60, 33))     # one plate: its text need not be known

def test_of_two_plates_the_largest_counts(listed):
    (listed/'validation.csv').write_text('image,code\na.jpg,ABC1234\na.jpg,BRA2E19\nb.jpg,XYZ1A34\n')
    labelme(listed/'a.json', ('ABC1234', (10, 20, 50, 33)), ('bra-2e19', (100, 20, 150, 40)), ('', (0, 0, 300, 10)))
    a, _ = read_truth(listed)
    assert (a.code, a.box, len(a.boxes)) == ('BRA2E19', (100, 20, 150, 40), 3)

def test_labels_csv_with_a_subfolder(tmp_path):
    photo(tmp_path/'images'/'w.jpg')
    (tmp_path/'labels.csv').write_text('image,text\nimages/w.jpg,57529190\n')
    truth, = read_truth(tmp_path)
    assert (truth.code, truth.box, truth.boxes) == ('57529190', None, None)

def test_openalpr(tmp_path):
    photo(tmp_path/'a.jpg')
    (tmp_path/'a.txt').write_text('a.png\t10\t20\t40\t13\tABC1234\n')  # one of the published files names another suffix
    truth, = read_truth(tmp_path)
    assert (truth.image.name, truth.code, truth.box) == ('a.jpg', 'ABC1234', (10, 20, 50, 33))


def test_descriptions_are_the_truth_without_a_list(listed):
    (listed/'validation.csv').unlink()
    labelme(listed/'b.json', ('', (100, 20, 150, 40)), ('xyz-1a34', (60, 33, 10, 20)))
    a, b = read_truth(listed)
    assert (a.code, a.box, len(a.boxes)) == ('ABC1234', (10, 20, 50, 33), 2)
    assert (b.code, b.box, len(b.boxes)) == ('XYZ1A34', (10, 20, 60, 33), 2)

@pytest.mark.parametrize('name', ['C:\\photos\\a\u0301.jpg', 'photos/\u00e1.jpg', '\u00e1.jpg'])
def test_a_list_names_images_as_other_systems_do(tmp_path, name):
    photo(tmp_path/'\u00e1.jpg')
    (tmp_path/'labels.csv').write_text(f'image,text\n{name},ABC1234\n')
    assert [t.code for t in read_truth(tmp_path)] == ['ABC1234']


def spoil_missing_image(d): (d/'a.jpg').unlink()
def spoil_extra_image(d): photo(d/'c.jpg')
def spoil_empty_list(d): (d/'validation.csv').write_text('image,code\n')
def spoil_empty_file(d): (d/'validation.csv').write_text('')
def spoil_columns(d): (d/'validation.csv').write_text('file,code\na.jpg,ABC1234\n')
def spoil_code(d): (d/'validation.csv').write_text('image,code\na.jpg,\nb.jpg,ABC1234\n')
def spoil_twice(d): (d/'validation.csv').write_text('image,code\na.jpg,ABC1234\na.jpg,abc-1234\nb.jpg,ABC1234\n')
def spoil_unknown_plates(d):
    (d/'validation.csv').write_text('image,code\na.jpg,ABC1235\na.jpg,ABC1236\nb.jpg,XYZ1A34\n')
def spoil_names(d): (d/'validation.csv').write_text('image,code\nx/a.jpg,ABC1234\ny/a.jpg,ABC1235\nb.jpg,XYZ1A34\n')
def spoil_binary(d): (d/'validation.csv').write_bytes(b'\xff\xfe\x00image\x93')
def spoil_json(d): (d/'b.json').write_text('{')
def spoil_form(d):
    for name in ('validation.csv', 'a.json', 'b.json'): (d/name).unlink()
def spoil_descriptions(d):
    (d/'validation.csv').unlink()
    labelme(d/'a.json', ('?', (10, 20, 50, 33)))

@pytest.mark.parametrize('spoil, says', [
    (spoil_missing_image, 'a.jpg'), (spoil_extra_image, 'c.jpg'),
                                         (spoil_empty_list, 'validation.csv: lists no vehicle'),
    (spoil_empty_file, 'validation.csv'), (spoil_columns, 'no column image'), (spoil_code, 'a.jpg has no code'),
                                         (spoil_twice, 'row 3: a.jpg'),
    (spoil_unknown_plates, 'ABC1235 and ABC1236'), (spoil_names, 'two images are called a.jpg'),
    (spoil_binary, 'validation.csv'), (spoil_json, 'b.json'),
                                         (spoil_form, 'no validation.csv'), (spoil_descriptions, 'a.json')])
def test_bad_sets_name_the_file(listed, spoil, says):
    spoil(listed)
    with pytest.raises(UserError) as e: read_truth(listed)
    assert says in str(e.value) and '\n' not in str(e.value)

def test_an_image_of_a_list_may_have_no_positions(listed):
    (listed/'b.json').unlink()
    a, b = read_truth(listed)
    assert a.box and b.code and b.box is None

@pytest.mark.parametrize('line', ['', 'a.jpg 1 2 3 4 ABC', 'a.jpg\t1\t2\t0\t4\tABC1234', 'a.jpg\t1\t2\tx\t4\tABC1234',
                                  'a.jpg\t1\t2\t3\t4\t'])
def test_bad_openalpr_line(tmp_path, line):
    photo(tmp_path/'a.jpg')
    (tmp_path/'a.txt').write_text(line)
    with pytest.raises(UserError, match='a.txt'): read_truth(tmp_path)

def test_no_such_set(tmp_path):
    with pytest.raises(UserError, match='nowhere'): read_truth(tmp_path/'nowhere')
