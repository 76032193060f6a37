"Folders of real people: which files are images, which are left out, and what is said about it."
import io
import json
import subprocess
import sys

import pytest
from PIL import Image

from alpr_nb.core.config import UserError
from alpr_nb.core.heic import can_decode_heic
from alpr_nb.core.image_folders import IMAGES, find_images, passed_over_line
from alpr_nb.data.ground_truth import read_truth
from alpr_nb.data.importers import import_source
from alpr_nb.data.pairing import list_files
from alpr_nb.inference.read_command import list_images

READ = ['a.png', 'b.jfif', 'd.jpe', 'e.GIF', 'f.jfi', 'sub/g.jpeg']
HIDDEN = ['._a.png', '.ipynb_checkpoints/a-checkpoint.png', '.trash/x.jpg', '__MACOSX/a.png', '@eaDir/a.png',
          'Thumbs.db']
OTHER = ['c.psd', 'h.CR2']
KINDS = dict(png='PNG', jfif='JPEG', jpe='JPEG', jfi='JPEG', jpeg='JPEG', gif='GIF', psd='PNG', cr2='TIFF')


def picture(kind):
    file = io.BytesIO()
    Image.new('RGB', (60, 40), (9, 90, 200)).save(file, kind)
    return file.getvalue()


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path/'photos'
    for name in READ + HIDDEN + OTHER:
        (folder/name).parent.mkdir(parents=True, exist_ok=True)
        (folder/name).write_bytes(picture(KINDS.get(name.rsplit('.', 1)[-1].lower(), 'PNG')))
    (folder/'._a.png').write_bytes(b'\0\5\26\7') # as macOS writes it beside a.png on other disks
    return folder


def test_one_rule_finds_images_and_names_the_others(photos):
    found = find_images(photos)
    assert [p.relative_to(photos).as_posix() for p in found.images] == READ
    assert [p.name for p in found.passed_over] == OTHER and not found.errors
    line = passed_over_line([photos])
    assert line.startswith('passed over: 1 .cr2, 1 .psd, such as ') and '\n' not in line and 'HEIC' not in line
    assert passed_over_line([photos/'a.png']) == passed_over_line([photos/'sub']) == ''


def test_heic_is_read_or_named(photos):
    (photos/'i.heic').write_bytes(picture('JPEG'))
    if can_decode_heic(): assert '.heic' in IMAGES and 'HEIC' not in passed_over_line([photos])
    else: assert "1 .heic, " in passed_over_line([photos]) and "pip install '.[heic]'" in passed_over_line([photos])


def test_a_file_that_is_named_is_always_read(photos):
    assert [*list_images([photos/'._a.png', photos/'c.psd'])] == [(photos/'._a.png', None), (photos/'c.psd', None)]
    assert [p.name for p, _ in list_images([photos/'.ipynb_checkpoints'])] == ['a-checkpoint.png']


def test_a_link_without_its_file_is_not_passed_over_in_silence(tmp_path):
    (tmp_path/'a.jpg').symlink_to(tmp_path/'gone.jpg')
    assert [p.name for p in find_images(tmp_path).images] == ['a.jpg']


def test_a_link_without_its_file_is_a_finding_of_an_import(tmp_path):
    (tmp_path/'s').mkdir()
    (tmp_path/'s'/'a.png').write_bytes(picture('PNG'))
    (tmp_path/'s'/'b.png').symlink_to(tmp_path/'gone.png')
    done = import_source('folder', tmp_path/'s', tmp_path/'out')
    assert done.images == 1 and list(done.findings.file) == ['b.png']
    assert 'a link to a file that is not there' in done.findings.detail[0]


@pytest.mark.parametrize('find', [lambda folder: find_images(folder).images, lambda folder: list_files(folder, IMAGES)])
def test_a_linked_folder_is_searched_once(tmp_path, find):
    for name in ('photos/a.png', 'photos/sub/b.png', 'disk/c.png'):
        (tmp_path/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/name).write_bytes(picture('PNG'))
    links = {'photos/elsewhere': 'disk', 'photos/again': 'disk', 'photos/inside': 'photos/sub', 'photos/above': '.',
             'disk/loop': 'disk', 'photos/loop': 'photos', 'photos/.hidden': 'disk'}
    for link, target in links.items(): (tmp_path/link).symlink_to(tmp_path/target)
    assert len(find(tmp_path/'photos')) == 3


@pytest.mark.parametrize('ending', ['.mpo', '.NRW', '.pbm', '.j2k'])
def test_rarer_kinds_are_not_passed_over_in_silence(tmp_path, ending):
    (tmp_path/f'a{ending}').touch()
    assert passed_over_line([tmp_path]).startswith(f'passed over: 1 {ending.lower()}, such as')


def test_read_says_in_one_closing_line_what_it_passed_over(photos):
    done = subprocess.run(['alpr-nb', 'read', '--json', photos], capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line['image'] for line in lines] == [str(photos/name) for name in READ]
    assert not any('error' in line for line in lines) and done.returncode == 0
    assert done.stderr == passed_over_line([photos]) + '\n'


def test_annotate_follows_the_same_rule(photos, tmp_path):
    command = ['alpr-nb', 'annotate', photos, '--out', tmp_path/'out', '--task', 'cd']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and passed_over_line([photos]) in done.stderr, done.stderr
    images = sorted(p.name for p in (tmp_path/'out').iterdir() if p.suffix not in ('.json', '.csv'))
    assert images == ['a.png', 'b.jfif', 'd.jpe', 'e.png', 'f.jfi', 'g.jpeg']


def test_import_lists_what_it_passed_over(photos, tmp_path):
    done = import_source('folder', photos, tmp_path/'out')
    assert done.images == len(READ) and list(done.findings.file) == OTHER
    assert set(done.findings.finding) == {'unread kind'} and '.CR2 images are not read' in done.findings.detail[1]


def test_a_benchmark_set_ignores_hidden_files_and_refuses_images_that_it_cannot_read(tmp_path):
    (tmp_path/'a.jfif').write_bytes(picture('JPEG'))
    (tmp_path/'._a.jfif').write_bytes(b'\0\5\26\7')
    (tmp_path/'validation.csv').write_text('image,code\na.jfif,ABC1D23\n')
    assert [t.image.name for t in read_truth(tmp_path)] == ['a.jfif']
    (tmp_path/'b.psd').touch()
    with pytest.raises(UserError, match=r'1 \.psd, such as .*b\.psd'): read_truth(tmp_path)


def test_a_reader_needs_no_pillow_to_list_a_folder():
    program = 'import sys, alpr_nb.inference.read_command; print(*{"PIL", "pandas", "pi_heif"} & set(sys.modules))'
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert done.stdout == '\n', done.stderr
