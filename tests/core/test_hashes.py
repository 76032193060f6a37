"Hashes of texts and names of files, as other systems store them."
import unicodedata

import pytest

from alpr_nb.core.file_names import is_desktop_file, normalize_name, visible_names
from alpr_nb.core.hashes import sha256, text_sha256


def test_line_ends_change_the_hash_of_bytes_alone():
    unix, windows = b'{\n"B": "8"\n}\n', b'{\r\n"B": "8"\r\n}\r\n'
    assert text_sha256(unix) == text_sha256(windows) == sha256(unix) != sha256(windows)
    assert text_sha256(b'{\n"B": "6"\n}\n') != text_sha256(unix)


def test_composed_and_decomposed_accents_are_one_name():
    name = 'caminhão é.jpg'
    nfc, nfd = (unicodedata.normalize(form, name) for form in ('NFC', 'NFD'))
    assert nfc != nfd and normalize_name(nfc) == normalize_name(nfd) == nfc
    assert normalize_name('gate\\a.jpg') == 'gate/a.jpg'


@pytest.mark.parametrize('name, left', [('.DS_Store', True), ('._a.jpg', True), ('Thumbs.db', True), ('@eaDir/a.jpg', True),
                                        ('x/.ipynb_checkpoints/a.jpg', True), ('~$labels.csv', True),
                                        ('a.jpg', False), ('a..jpg', False), ('thumbs.jpg', False)])
def test_files_of_desktops_are_known(tmp_path, name, left):
    assert is_desktop_file(name) is left
    if '/' not in name:
        (tmp_path/name).touch()
        assert visible_names(tmp_path) == (set() if left else {name})
