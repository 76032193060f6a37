"Lists of codes as Excel with Brazilian settings writes them, in each command that reads one."
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.data.checks.findings import read_quarantine
from alpr_nb.data.ground_truth import read_csv_codes
from alpr_nb.data.importers import import_source
from alpr_nb.data.labelme import read_labelme
from alpr_nb.data.pack import excluded_codes
from annotated_sources import found, make, picture

NAME = 'caminh\u00e3o.jpg'
ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'cp1252'])
def test_semicolons_and_decimal_commas_are_imported(tmp_path, encoding):
    table = f'image;text;x1;y1;x2;y2\r\n{NAME};ABC1D23;10,5;20;50;33,25\r\n'
    source = make(tmp_path/'s', {NAME: picture(), 'labels.csv': table.encode(encoding)})
    done = import_source('csv', source, tmp_path/'out')
    shape, = read_labelme((tmp_path/'out'/NAME).with_suffix('.json')).shapes
    assert (shape.box, shape.text, found(done)) == ((10.5, 20, 50, 33.25), 'ABC1D23', [])


def test_a_thousands_separator_is_no_decimal_comma(tmp_path):
    source = make(tmp_path/'s', {'a.jpg': picture(), 'b.jpg': picture(),
                                 'labels.csv': 'image;text;x1;y1;x2;y2\na.jpg;A;1.234,5;2;3;4\nb.jpg;A;1;2;30;40\n'})
    assert found(import_source('csv', source, tmp_path/'out')) == [('a.jpg', 'unreadable annotation')]


def test_the_other_lists_are_read_in_the_same_way(tmp_path):
    make(tmp_path, {'known.csv': f'image;text\r\n{NAME};abc-1d23\r\n'.encode('cp1252'),
                    'hold.csv': b'image;code\r\na.jpg;abc-1d23\r\n',
                    'quarantine.csv': f'batch;image;finding;detail\r\nphotos;{NAME};mine;looks odd\r\n'.encode('cp1252')})
    assert read_csv_codes(tmp_path/'known.csv', 'text', ALPHABET) == {NAME: ['ABC1D23']}
    assert excluded_codes([tmp_path/'hold.csv']) == {'ABC1D23'}
    assert read_quarantine(tmp_path).values.tolist() == [['photos', NAME, 'mine', 'looks odd']]


def test_what_is_no_table_says_how_to_save_it(tmp_path):
    make(tmp_path/'s', {'a.jpg': picture(), 'labels.csv': b'image,text\na.jpg,\x81\n'})
    with pytest.raises(UserError, match='save it as "CSV UTF-8"'): import_source('csv', tmp_path/'s', tmp_path/'out')
