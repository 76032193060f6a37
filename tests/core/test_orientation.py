"Photographs as they are seen: EXIF, the boxes of AVIF, and HEIC. Pillow is the reference."
import io
from base64 import b85decode

import numpy as np
import pytest
from PIL import Image, ImageOps

from alpr_nb.core.config import UserError
from alpr_nb.core.heic import can_decode_heic, decode_heic, is_heic
from alpr_nb.core.image_files import decode_image
from alpr_nb.inference.image_input import ReadError, load_image

# A drawing of 64x32 px: the left half red, the right half blue, white above; stored with the orientation 6 of EXIF, so
# that it is seen turned clockwise. Made with pillow-heif 1.8.1.
DRAWING = b85decode(
    '0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0005VZDn*}000000000XXk=`10000000000aA{+700000000000000000000G-+&aV*mgE07O6l'
    '0ssL300001>;M4(00000002w?0ssI200KAw0RR9100000Bme*aIB98aW&i*H00062000$fZf0cy000000RRAKc4ILB0000LX>Mj^0ssI300IC2'
    'MR;ju000004sdC7Z2$lO00031009SSaB^?}008D`aAR)(004Gqc4I>U18@KU0FVFx0000U@BsY%`1k+-4+CHT0RR|40Sp2E{{wIU00RJ!00093'
    '00RIXx&lC90096hLID8-Z~y=U0FVFx0{{R603M(qfd!W8<fgf}2xu@M00096AOHXZ03l)k0RRR>0l{;?i2wiq6Ju{|a&BX6cmM$a4FCp!0000K'
    'X>)L8000000000$0000$0000eV{Bn?0000$000010000W000010000000002|NsBs000020000GaA|mH000000|*ER00009X>xCL0{{R38EJ5B'
    'VE_OC000000RRC8fdT^sgoXeB02*m>Wo7^X0000001jhhb7KGk009620001ZZDe6|0000;C;_in@&T8i;MM15|DoIe9!X^^K<R+jJj<b^f3nH$'
    '7OC`X^j+5IQq@f+)M+*x{eND^X&e89_oy|}C|+yl0~J;tH)&8v00006MR;ju002!*04e|g00;m90TKWM0000100sa600000')


def picture(orientation, kind):
    y, x = np.mgrid[:32, :64]
    image, file = Image.fromarray(np.dstack([x*4, y*8, x + y]).astype(np.uint8)), io.BytesIO()
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(file, kind, exif=exif, quality=95)
    return file.getvalue()


@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'WEBP', 'TIFF', 'AVIF'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_every_kind_is_turned_alike_in_the_reader_and_in_the_pipeline(kind, orientation):
    data = picture(orientation, kind)
    seen = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert('RGB'))[..., ::-1].astype(int)
    for pixels in (load_image(data), decode_image(data), load_image(Image.open(io.BytesIO(data)))):
        assert pixels.shape == seen.shape and np.abs(pixels - seen).mean() < 3


def test_a_damaged_avif_file_is_an_error_of_one_line():
    data = picture(6, 'AVIF')
    for end in range(8, len(data), 17):
        with pytest.raises(ReadError) as e: load_image(data[:end], 'a.avif')
        assert '\n' not in str(e.value) and 'a.avif' in str(e.value)
    for at in range(0, 300):
        changed = bytearray(data)
        changed[at] ^= 0xff
        try: assert load_image(bytes(changed)).dtype == np.uint8
        except ReadError as e: assert '\n' not in str(e)


def test_heic_is_recognised_by_its_content():
    assert is_heic(DRAWING) and not is_heic(picture(1, 'AVIF')) and not is_heic(b'') and not is_heic(DRAWING[:9])


@pytest.mark.parametrize('decode', [load_image, decode_heic])
def test_without_the_optional_package_one_sentence_says_what_to_do(decode, monkeypatch):
    monkeypatch.setattr('alpr_nb.core.heic.find_spec', lambda name: None)
    with pytest.raises((ReadError, UserError)) as e: decode(DRAWING, 'c.heic')
    assert str(e.value) == ("c.heic: a HEIC image; in a clone, pip install '.[heic]' brings what HEIC needs, "
                            'or convert them to JPEG')


@pytest.mark.skipif(not can_decode_heic(), reason='pi-heif is not installed')
def test_a_heic_photograph_is_read_upright():
    for pixels in (load_image(DRAWING), decode_image(DRAWING), decode_heic(DRAWING)):
        assert pixels.shape == (64, 32, 3)
        corners = pixels[[2, 2, -3, -3], [2, -3, 2, -3]].astype(int)
        expected = [[0, 0, 255], [255]*3, [255, 0, 0], [255]*3] # BGR: red, white, blue, white
        assert np.abs(corners - expected).max() < 30
    for end in range(12, len(DRAWING), 40):
        with pytest.raises(ReadError, match='a.heic'): load_image(DRAWING[:end], 'a.heic')
        with pytest.raises(UserError, match='a.heic'): decode_image(DRAWING[:end], 'a.heic')
