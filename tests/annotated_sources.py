"Small sources of annotated photographs in the formats that `alpr-nb import` reads."
import io
import json

import cv2
import numpy as np
from PIL import Image

from alpr_nb.data.labelme import Annotation, Shape, write_labelme

W, H = 100, 60
BOX = (10., 20., 50., 33.)
VOC = ('<annotation><size><width>{w}</width><height>{h}</height></size>'
       '<object><name>license-plate</name><text>{code}</text>'
       '<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object></annotation>')


def picture(ending='.jpg', w=W, h=H):
    return cv2.imencode(ending, np.full((h, w, 3), 90, np.uint8))[1].tobytes()


def turned(w=W, h=H):
    "A photograph whose pixels lie on their side: w x h as stored, h x w as shown"
    f = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((h, w, 3), 90, np.uint8)).save(f, 'JPEG', exif=exif)
    return f.getvalue()


def make(folder, files):
    for name, what in files.items():
        (folder/name).parent.mkdir(parents=True, exist_ok=True)
        (folder/name).write_bytes(what if isinstance(what, bytes) else what.encode())
    return folder


def coco(boxes=(BOX,), name='a.jpg', **image):
    return json.dumps(dict(
        images=[dict(id=1, file_name=name, width=W, height=H) | image], categories=[dict(id=3, name='license-plate')],
        annotations=[dict(id=i, image_id=1, category_id=3, bbox=[x1, y1, x2 - x1, y2 - y1], text='ABC1234')
                     for i, (x1, y1, x2, y2) in enumerate(boxes)]))


def cvat(box=BOX, name='a.jpg', code='ABC1234'):
    return (f'<annotations><version>1.1</version><image id="0" name="{name}" width="{W}" height="{H}"><box '
            'label="license-plate" xtl="{}" ytl="{}" xbr="{}" ybr="{}"><attribute name="text">{}</attribute></box>'
            '</image></annotations>').format(*box, code)


def label_studio(box=BOX, image='/data/upload/1/a.jpg', code='ABC1234', **value):
    x1, y1, x2, y2 = box
    about = dict(id='r1', original_width=W, original_height=H)
    shape = dict(x=x1/W*100, y=y1/H*100, width=(x2 - x1)/W*100, height=(y2 - y1)/H*100, rotation=0) | value
    results = [about | dict(from_name='label', value=shape | dict(rectanglelabels=['license-plate'])),
               about | dict(from_name='text', value=shape | dict(text=[code]))]
    return json.dumps([dict(id=1, data=dict(image=image), annotations=[dict(result=results, was_cancelled=False)])])


def labelme(folder, name='a'):
    folder.mkdir(parents=True, exist_ok=True)
    write_labelme(folder/f'{name}.json', Annotation(f'{name}.jpg', W, H, (Shape('license-plate', BOX, 'ABC1234'),)))
    return (folder/f'{name}.json').read_bytes()


def found(done):
    return list(zip(done.findings.file, done.findings.finding))
