"What `alpr-nb read` prints: names of any encoding, lines at once, no messages of libraries."
import re
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from alpr_nb.inference.bundle import write_bundle
from alpr_nb.inference.config import ReaderConfig
from onnx_models import fixed_model, text_model

Image = pytest.importorskip('PIL.Image')
LATIN_1 = os.fsdecode(b'caminh\xe3o.png') # not UTF-8, as an archive from Windows leaves it


def picture(kind='PNG', mode='RGB', size=(60, 40), **options):
    file = io.BytesIO()
    Image.new(mode, size, 90).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp('reader')
    (folder/'cd.onnx').write_bytes(fixed_model([[256, 144, 200, 60, .95, 1.]]))
    (folder/'cr.onnx').write_bytes(text_model('ABC1D23'))
    config = ReaderConfig(scope='truck', formats=dict(mercosul='LLLNLNN'))
    write_bundle(folder/'bundle', folder/'cd.onnx', folder/'cr.onnx', config)
    return folder/'bundle'


def read(bundle, *arguments, encoding='utf-8:strict', **options):
    command = ['alpr-nb', 'read', '--bundle', bundle, *arguments]
    env = os.environ | dict(PYTHONIOENCODING=encoding) if encoding else None
    return subprocess.run(command, env=env, capture_output=True, timeout=60, **options)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path/'photos'
    folder.mkdir()
    try: (folder/LATIN_1).touch()
    except (OSError, UnicodeError): pytest.skip('this file system takes UTF-8 names only')
    for name in ('a.png', LATIN_1, 'gate \u4eac \U0001f69a.png', 'line\nbreak.png', 'z.png'):
        (folder/name).write_bytes(picture())
    return folder


@pytest.mark.parametrize('encoding', ['utf-8:strict', 'cp1252', 'ascii'])
def test_a_name_that_the_output_cannot_take_is_escaped(bundle, photos, encoding):
    done = read(bundle, photos, encoding=encoding)
    lines = done.stdout.decode(encoding.split(':')[0]).splitlines()
    assert (done.returncode, done.stderr, len(lines)) == (0, b'', 5)
    assert all(re.search(r': ABC1D23 0\.\d\d \(mercosul\)$', line) for line in lines)
    assert r'caminh\udce3o.png' in lines[1] and r'line\nbreak.png' in lines[3]


@pytest.mark.parametrize('encoding', ['utf-8:strict', 'cp1252', 'ascii'])
def test_json_names_the_same_files_in_every_encoding(bundle, photos, encoding):
    done = read(bundle, '--json', photos, encoding=encoding)
    lines = [json.loads(line) for line in done.stdout.decode(encoding.split(':')[0]).splitlines()]
    assert done.returncode == 0 and [line['image'] for line in lines] == sorted(str(p) for p in photos.iterdir())


def test_an_error_with_such_a_name_is_one_line(bundle, photos):
    (photos/LATIN_1).write_bytes(b'no image')
    done = read(bundle, photos)
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, len(lines)) == (1, 5) and r'caminh\udce3o.png: not an image' in lines[1]


def test_a_line_is_printed_before_the_next_image_is_read(bundle, tmp_path):
    "The second image is a named pipe: nobody writes to it before the first line has come."
    if not hasattr(os, 'mkfifo'): pytest.skip('no named pipes')
    (tmp_path/'a.png').write_bytes(picture())
    os.mkfifo(tmp_path/'b.png')
    command = ['alpr-nb', 'read', '--bundle', bundle, tmp_path/'a.png', tmp_path/'b.png']
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert b'a.png: ABC1D23' in process.stdout.readline()
        (tmp_path/'b.png').write_bytes(picture())
        assert b'b.png: ABC1D23' in process.stdout.read()


def test_a_closed_pipe_ends_the_command_without_a_message(bundle, tmp_path):
    for i in range(20): (tmp_path/f'{i:02}.png').write_bytes(picture())
    command = ['alpr-nb', 'read', '--bundle', bundle, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b''


def test_libraries_print_nothing(bundle, tmp_path):
    from PIL import ImageCms
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    jpeg, tiff = picture('JPEG', size=(640, 480)), bytearray(picture('TIFF', compression='tiff_lzw'))
    tiff[12:30] = bytes(18)
    files = {'profile.png': picture(mode='L', icc_profile=profile), 'extra.jpg': jpeg[:-2] + bytes(30) + jpeg[-2:],
             'cut.jpg': jpeg[:len(jpeg)//2], 'cut.png': picture(size=(640, 480))[:90], 'damaged.tif': bytes(tiff)}
    for name, content in files.items(): (tmp_path/name).write_bytes(content)
    done = read(bundle, tmp_path)
    assert done.stderr == b'' and len(done.stdout.decode().splitlines()) == len(files)


def test_the_profile_of_a_png_is_not_shown_to_the_library(tmp_path):
    "In another program, too: a grey PNG with a colour profile makes libpng print a warning."
    from PIL import ImageCms
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    (tmp_path/'a.png').write_bytes(picture(mode='L', icc_profile=profile))
    program = 'import sys; from alpr_nb.inference.image_input import load_image; print(load_image(sys.argv[1]).shape)'
    done = subprocess.run([sys.executable, '-c', program, tmp_path/'a.png'], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ('(40, 60, 3)\n', '')


def test_pixels_of_a_png_stay_the_same_without_its_extra_chunks():
    from alpr_nb.inference.image_input import load_image
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 4), np.uint8))
    with_text, plain = io.BytesIO(), io.BytesIO()
    from PIL.PngImagePlugin import PngInfo
    info = PngInfo()
    info.add_text('camera', 'gate 7'*100, zip=True)
    image.save(with_text, 'PNG', pnginfo=info, dpi=(300, 300))
    image.convert('RGB').save(plain, 'PNG')
    assert np.array_equal(load_image(with_text.getvalue()), load_image(plain.getvalue()))
