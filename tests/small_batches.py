"A source of four photographs, and how prepare takes it."
import hashlib
import zipfile

import cv2
import numpy as np
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.data.labelme import Annotation, Shape, labelme_json
from alpr_nb.data.prepare import prepare

W, H = 100, 80


def picture(ending='.png', w=W, h=H):
    "An image file with a strip of 20 white pixels at its bottom"
    image = np.full((h, w, 3), 90, np.uint8)
    image[h-20:] = 255
    return cv2.imencode(ending, image)[1].tobytes()


def label(code='', box=(10, 10, 60, 30), name='plate', image='x.png', w=W, h=H):
    return labelme_json(Annotation(image, w, h, (Shape(name, box, code),))).encode()


def pack(path, members):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items(): z.writestr(name, data)


CODES = {'a.png': 'ABC1234', 'b.png': 'DEF5678', 'c.png': 'GHI9012', 'd.png': 'JKL3M45'}


def make_source(folder, images=None, labels=None, listed=None):
    "A source of four photographs, the last for validation; arguments change or (None as a value) remove members"
    def members(own, changes): return {k: v for k, v in (own | (changes or {})).items() if v is not None}
    folder.mkdir(parents=True, exist_ok=True)
    pack(folder/'ann_image_part_1.zip', members({n: picture() for n in CODES}, images))
    pack(folder/'ann_label_part_1.zip',
         members({n.replace('png', 'json'): label(c, image=n) for n, c in CODES.items()}, labels))
    (folder/'validation.csv').write_text('image,code\nd.png,JKL3M45\n' if listed is None else listed)
    return folder


def run(source, task='cd', **kw):
    out = source.parent/'out'
    return prepare(source, out/'yolo', out/'raw'/'validation', task, progress=False,
                   **dict(strip=20, n_jobs=2) | kw), out


def refused(source, *words, **kw):
    "The sentence with which prepare refuses the source; it left nothing behind"
    with pytest.raises(UserError) as e: run(source, **kw)
    said = str(e.value)
    for w in words: assert w in said
    assert '\n' not in said and len(said) < 600
    out = source.parent/'out'
    assert not [p for p in out.rglob('*')
                if p.is_file()] and not (out/'yolo').exists() and not (out/'raw'/'validation').exists()
    return said


def digest(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob('*'))
            if p.is_file()}


def characters(text, image):
    return labelme_json(Annotation(image, W, H,
                                   tuple(Shape(c, (10*i, 10, 10*i + 8, 30)) for i, c in enumerate(text)))).encode()


def crops(tmp_path, **kw):
    return make_source(tmp_path/'source', labels={n.replace('png', 'json'): characters(c, n) for n, c in CODES.items()},
                       **kw)
