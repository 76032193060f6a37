"CSV files as people and spreadsheets write them."
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.core.csv_files import read_table


@pytest.mark.parametrize('content', ['image,code\na.jpg,0001234\n', '\ufeffimage, code\r\na.jpg, 0001234\r\n',
                                     'code,image\n0001234 ,a.jpg\n',
                                     'image,code,note\n"a.jpg","0001234","x, y"\n'])
def test_every_column_is_text_without_spaces(tmp_path, content):
    (tmp_path/'t.csv').write_text(content, encoding='utf-8', newline='')
    t = read_table(tmp_path/'t.csv', 'image', 'code')
    assert t[['image', 'code']].values.tolist() == [['a.jpg', '0001234']]


@pytest.mark.parametrize('content, said', [(b'', 'not a table'), (b'image,text\n', 'no column code, found image, text'),
                                           (b'\xff\xfe\x00', 'not a table'), (b'image,code\n\x81', 'CSV UTF-8'),
                                           (b'image,code\n\x00', 'not a table')])
def test_errors_name_the_file_and_the_columns(tmp_path, content, said):
    (tmp_path/'t.csv').write_bytes(content)
    with pytest.raises(UserError) as e: read_table(tmp_path/'t.csv', 'image', 'code')
    assert said in str(e.value) and 't.csv' in str(e.value) and 'expected the columns image,code' in str(e.value)


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'cp1252', 'utf-16'])
@pytest.mark.parametrize('separator', [',', ';', '\t'])
def test_a_table_as_excel_writes_it(tmp_path, encoding, separator):
    rows = [['image', 'code', 'note'], ['caminh\u00e3o.png', '0001234', 'x'], ['b.png', '', '']]
    text = '\r\n'.join(separator.join(r) for r in rows) + '\r\n'
    (tmp_path/'t.csv').write_bytes(text.encode(encoding))
    t = read_table(tmp_path/'t.csv', 'image', 'code')
    assert t.columns.tolist() == rows[0] and t.values.tolist() == rows[1:]
