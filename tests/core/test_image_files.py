"Image files: decoded completely or refused, copied only if every program shows them in the same way."
import io

import numpy as np
import pytest
from PIL import Image

from alpr_nb.core import image_files
from alpr_nb.core.config import UserError
from alpr_nb.core.image_files import can_copy, decode_image, encode_image


def stored(image, kind='PNG', **more):
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def test_colours_are_in_bgr_order():
    assert decode_image(stored(Image.new('RGB', (2, 1), (255, 0, 9)))).tolist() == [[[9, 0, 255]]*2]


def test_exif_rotation_is_applied_and_prevents_copying():
    image, exif = Image.new('RGB', (40, 20)), Image.Exif()
    exif[0x0112] = 6 # rotate by 90 degrees
    turned = stored(image, 'JPEG', exif=exif)
    assert decode_image(turned).shape == (40, 20, 3) and not can_copy(turned) and can_copy(stored(image, 'JPEG'))


@pytest.mark.parametrize('mode', ['1', 'L', 'LA', 'P', 'RGB', 'RGBA'])
def test_usual_modes_are_decoded(mode):
    assert decode_image(stored(Image.new(mode, (4, 3)))).shape == (3, 4, 3)


@pytest.mark.parametrize('data', [b'', b'GIF89a', stored(Image.new('I;16', (4, 3))),
                                  stored(Image.new('RGB', (400, 300)), 'JPEG')[:-400],
                                  stored(Image.new('RGB', (16, 16)), 'ICO')])
def test_other_files_are_refused_by_name(data):
    with pytest.raises(UserError, match='a.jpg: '): decode_image(data, 'a.jpg')


def test_a_large_image_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(image_files, 'MAX_PIXELS', 100)
    with pytest.raises(UserError, match='11x10 pixels'): decode_image(stored(Image.new('RGB', (11, 10))))


def test_png_is_encoded_without_loss():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    assert np.array_equal(decode_image(encode_image(image, '.png')), image)
