import io

import cv2
import numpy as np
import pytest

from alpr_nb.inference.config import ReaderConfig
from alpr_nb.inference.image_input import ReadError, load_image
from alpr_nb.inference.reader import Reader
from onnx_models import fixed_model, text_model

CONFIG = ReaderConfig(scope='truck', formats=dict(old='LLLNNNN', mercosul='LLLNLNN'))
READER = Reader.from_models(fixed_model([[256, 144, 200, 60, .95, 1.]]), text_model('A8C1D23'), CONFIG, threads=1)


def picture(h=40, w=60):
    "An image without symmetry, smooth enough for JPEG."
    y, x = np.mgrid[:h, :w]
    return np.dstack([x*255/w, y*255/h, (x + y)*255/(w + h)]).astype(np.uint8)


def test_every_kind_of_input_gives_the_same_pixels(tmp_path):
    PIL = pytest.importorskip('PIL.Image')
    image = picture()
    png = cv2.imencode('.png', image)[1].tobytes()
    path = tmp_path/'água 1.png'; path.write_bytes(png)
    for same in (path, str(path), png, bytearray(png), image, PIL.fromarray(image[..., ::-1]), np.dstack([image, image[..., :1]]),
                 np.asfortranarray(image), image[::-1][::-1], PIL.open(io.BytesIO(png))):
        assert np.array_equal(load_image(same), image)
    grey = image[..., 0]
    for same in (grey, grey[..., None], PIL.fromarray(grey)): assert np.array_equal(load_image(same), cv2.merge([grey]*3))
    assert load_image(cv2.imencode('.png', grey.astype(np.uint16)*256)[1].tobytes()).dtype == np.uint8
    with pytest.raises(ReadError, match="mode 'I;16'"): load_image(PIL.fromarray(grey.astype(np.uint16)*256))


@pytest.mark.parametrize('orientation', range(1, 9))
def test_exif_orientation_is_honoured(orientation):
    PIL, ops = pytest.importorskip('PIL.Image'), pytest.importorskip('PIL.ImageOps')
    im, buffer = PIL.fromarray(picture(40, 64)[..., ::-1]), io.BytesIO()
    exif = im.getexif(); exif[0x0112] = orientation
    im.save(buffer, 'jpeg', quality=98, exif=exif, subsampling=0)
    upright = np.asarray(ops.exif_transpose(PIL.open(io.BytesIO(buffer.getvalue()))))[..., ::-1].astype(int)
    for kind in (buffer.getvalue(), PIL.open(io.BytesIO(buffer.getvalue()))):
        got = load_image(kind).astype(int)
        assert got.shape == upright.shape and np.abs(got - upright).max() <= 6


def test_images_that_cannot_be_read_are_named(tmp_path):
    (tmp_path/'empty.jpg').touch(); (tmp_path/'text.jpg').write_text('no image'); (tmp_path/'folder.jpg').mkdir()
    (tmp_path/'cut.png').write_bytes(cv2.imencode('.png', picture())[1].tobytes()[:40])
    for name in ('empty.jpg', 'text.jpg', 'folder.jpg', 'none.jpg', 'cut.png'):
        with pytest.raises(ReadError, match=name) as e: READER.read(tmp_path/name)
        assert '\n' not in str(e.value)
    for bad in (picture()/255, picture().astype(int), np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5, 2), np.uint8),
                np.zeros(5, np.uint8), b'', None, 7, [1, 2]):
        with pytest.raises(ReadError, match='image'): READER.read(bad)
    with pytest.raises(ReadError, match='image 1'): READER.read_batch([picture(), b'x'])
    with pytest.raises(ValueError): READER.read(tmp_path/'none.jpg')
