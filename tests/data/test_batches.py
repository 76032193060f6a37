"Hostile archives, batches that do not fit together, and joined sources."
import os
import stat
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.core.config import UserError
from alpr_nb.data import batches
from alpr_nb.data.batches import combine, list_samples
from alpr_nb.data.labelme import Annotation
from small_batches import label, make_source, pack, picture, refused, run

# archives that must not be trusted

def raw_zip(path, info, data=b'x'):
    with zipfile.ZipFile(path, 'w') as z: z.writestr(info, data)


@pytest.mark.parametrize('name',
                         ['../evil.png', '/tmp/evil.png', 'a/../../evil.png', '..\\evil.png', 'C:\\evil.png',
                          'C:evil.png'])
def test_names_that_leave_the_folder(tmp_path, name):
    source = make_source(tmp_path/'source', images={name: picture()})
    refused(source, 'ann_image_part_1.zip', 'leads out of the folder')
    assert not list(tmp_path.rglob('evil.png'))


def test_nested_folders(tmp_path):
    refused(make_source(tmp_path/'source', images={'photos/e.png': picture()}), 'photos/e.png',
            'zip the files themselves')


def test_what_macos_adds_is_passed_over(tmp_path):
    source = make_source(tmp_path/'source', images={'__MACOSX/._a.png': b'x', '.DS_Store': b'x'})
    assert len(list_samples(source)) == 4


def test_link(tmp_path):
    info = zipfile.ZipInfo('a.png')
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    raw_zip(make_source(tmp_path/'source')/'ann_image_part_1.zip', info, b'/etc/passwd')
    refused(tmp_path/'source', "ann_image_part_1.zip: 'a.png'", 'link')


def test_bomb_by_ratio(tmp_path):
    refused(make_source(tmp_path/'source', images={'e.png': bytes(8 << 20)}), "'e.png'", 'do not trust')


def test_bomb_by_size(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, 'MAX_BYTES', 1000)
    refused(make_source(tmp_path/'source', images={'e.png': os.urandom(2000)}), "'e.png'", 'more than')


def test_size_that_lies(tmp_path):
    "The table of contents says 10 bytes, the member unpacks to 8 MiB: no more than that is read"
    path = make_source(tmp_path/'source')/'ann_image_part_1.zip'
    pack(path, {'a.png': bytes(8 << 20)})
    data = bytearray(path.read_bytes())
    at = data.rindex(b'PK\x01\x02')
    data[at+24:at+28] = (10).to_bytes(4, 'little')
    path.write_bytes(data)
    pack(tmp_path/'source/ann_label_part_1.zip', {'a.json': label()})
    (tmp_path/'source/validation.csv').write_text('image,code\na.png,ABC1234\n')
    (_, data, error), = batches.iter_samples(list_samples(tmp_path/'source'))
    assert data is None and 'a.png: damaged' in str(error)


def test_encrypted(tmp_path):
    path = make_source(tmp_path/'source')/'ann_image_part_1.zip'
    data = bytearray(path.read_bytes())
    for magic, offset in ((b'PK\x03\x04', 6), (b'PK\x01\x02', 8)): data[data.index(magic) + offset] |= 1
    path.write_bytes(data)
    refused(tmp_path/'source', "'a.png'", 'without a password')


def test_names_that_come_twice(tmp_path):
    source = make_source(tmp_path/'source', images={'a.jpg': picture('.jpg')})
    refused(source, 'a.jpg', 'the same name as a.png')
    make_source(source)
    with pytest.warns(UserWarning), zipfile.ZipFile(source/'ann_image_part_1.zip', 'a') as z:
        z.writestr('a.png', picture())
    refused(source, "ann_image_part_1.zip: 'a.png'", 'the same name')
    make_source(source)
    for kind in ('image', 'label'):
        (source/f'ann_{kind}_part_2.zip').write_bytes((source/f'ann_{kind}_part_1.zip').read_bytes())
    refused(source, 'ann_image_part_2.zip: a.png is also in ann_image_part_1.zip')


@pytest.mark.parametrize('kind', ['image', 'label'])
@pytest.mark.parametrize('part', [0, .3, .9])
def test_truncated_archive(tmp_path, kind, part):
    path = make_source(tmp_path/'source')/f'ann_{kind}_part_1.zip'
    path.write_bytes(path.read_bytes()[:int(path.stat().st_size*part)])
    refused(tmp_path/'source', path.name, 'damaged')


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_byte(tmp_path_factory, data):
    "Whichever bytes of an archive are changed, it is read as before or refused with a sentence"
    folder = tmp_path_factory.getbasetemp()/'changed'
    path = make_source(folder)/'ann_image_part_1.zip'
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try: found = list(batches.iter_samples(list_samples(folder)))
    except UserError as e: assert str(path) in str(e) or 'ann_label_part_1.zip' in str(e)
    else: assert all(isinstance(ann, (Annotation, UserError)) for _, _, ann in found)


# batches that do not fit together

def test_missing_parts(tmp_path):
    source = make_source(tmp_path/'source')
    (source/'ann_label_part_1.zip').rename(tmp_path/'away.zip')
    refused(source, 'ann_label_part_1.zip is not there')
    (tmp_path/'away.zip').rename(source/'ann_label_part_1.zip')
    for kind in ('image', 'label'): (source/f'ann_{kind}_part_1.zip').rename(source/f'ann_{kind}_part_3.zip')
    refused(source, 'no part 1')
    (source/'photos.zip').touch()
    refused(source, 'photos.zip', 'expected a name like')


def test_no_batches(tmp_path):
    (tmp_path/'source').mkdir()
    refused(tmp_path/'source', 'no batches')
    refused(tmp_path/'nowhere', 'no such folder')


def test_image_without_label_and_the_reverse(tmp_path):
    refused(make_source(tmp_path/'source', labels={'b.json': None}),
            'ann_image_part_1.zip: b.png has no label in ann_label_part_1.zip')
    refused(make_source(tmp_path/'source', images={'b.png': None}),
            'ann_label_part_1.zip: b.json has no image in ann_image_part_1.zip')


# several sources

def test_combine(tmp_path):
    one = make_source(tmp_path/'one')
    two = tmp_path/'two'
    two.mkdir()
    pack(two/'eve_image_part_1.zip', {'e.png': picture(), 'f.png': picture()})
    pack(two/'eve_label_part_1.zip', {'e.json': label('NOP6789'), 'f.json': label('QRS0123')})
    (two/'validation.csv').write_text('image,code\ne.png,NOP6789\n')
    assert combine([one, two], tmp_path/'source') == 4
    assert combine([one, two], tmp_path/'source') == 4  # made before, so replaced
    assert os.path.samefile(tmp_path/'source/eve_image_part_1.zip', two/'eve_image_part_1.zip')
    assert (tmp_path/'source/validation.csv').read_text() == 'image,code\nd.png,JKL3M45\ne.png,NOP6789\n'
    (images, _), _ = run(tmp_path/'source')
    assert images.groupby('split').size().to_dict() == dict(train=4, val=2)


def test_combine_refuses(tmp_path):
    one, two = make_source(tmp_path/'one'), make_source(tmp_path/'two')
    with pytest.raises(UserError, match='has the same name'): combine([one, two], tmp_path/'both')
    with pytest.raises(UserError, match='is needed'): combine([one], one)
    with pytest.raises(UserError, match='not made by this command'): combine([one], two)
    assert not (tmp_path/'both').exists() and len(list_samples(two)) == 4
