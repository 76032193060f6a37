"A seeded set of corrupted samples, one a kind: what `alpr-nb check` must find among clean ones."
import io
import json
import stat
import struct
import zipfile
import zlib

import cv2
import numpy as np
from PIL import Image

from alpr_nb.core.image_files import decode_image
from alpr_nb.data.batch_writer import write_parts
from alpr_nb.drawing.settings import SynthesisSettings
from alpr_nb.drawing.synthesize import draw_sample, in_validation_split

SETTINGS = dict(size=(480, 270), plate_width=(.2, .45), strength=.4, validation=.1)


def saved(array, kind, **keys):
    "An image file that PIL writes"
    image, out = array if isinstance(array, Image.Image) else Image.fromarray(array), io.BytesIO()
    image.save(out, kind, **keys)
    return out.getvalue()


def png(array):
    return cv2.imencode('.png', array)[1].tobytes()


def png_of_size(w, h):
    "A PNG that only says how large it is"
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    header = struct.pack('>IIBBBBB', w, h, 8, 2, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(b'\0'))
            + chunk(b'IEND', b''))


def exif(orientation):
    e = Image.Exif()
    e[0x0112] = orientation
    return e


def first(ann, **changes):
    "The annotation with its first shape changed"
    return ann | dict(shapes=[ann['shapes'][0] | changes, *ann['shapes'][1:]])


def moved(label, dx):
    return [[x + dx, y] for x, y in label['shapes'][0]['points']]


# name of the case: (kind of finding, image ending, function: pixels (RGB), file, annotation -> file, annotation)
def IMAGE_CASES(rng):
    def image(f): return lambda px, data, label: (f(px, data), label)
    def sized(f):
        def do(px, data, label):
            new = f(px)
            return png(new), label | dict(imageWidth=new.shape[1], imageHeight=new.shape[0], shapes=[])
        return do
    def label(f): return lambda px, data, ann: (data, f(ann))
    def turned(stored):
        def do(px, data, ann):
            h, w = px.shape[:2]
            size = {} if stored else dict(imageWidth=h, imageHeight=w,
                                          shapes=[s | dict(points=[p[::-1] for p in s['points']])
                                                  for s in ann['shapes']])
            return saved(px, 'JPEG', exif=exif(6)), ann | size
        return do
    return {
        'empty': ('empty file', '.jpg', image(lambda px, d: b'')),
        'truncated': ('unreadable image', '.jpg', image(lambda px, d: d[:len(d)//2])),
        'garbage': ('unreadable image', '.jpg', image(lambda px, d: rng.bytes(2000))),
        'page': ('unreadable image', '.jpg', image(lambda px, d: b'<html>404 not found</html>')),
        'grey-cut': ('unreadable image', '.jpg',
                     image(lambda px, d: saved(cv2.cvtColor(px, cv2.COLOR_RGB2GRAY), 'JPEG')[:900])),
        'one-pixel': ('tiny image', '.png', sized(lambda px: px[:1, :1])),
        'wide': ('too large image', '.png', sized(lambda px: np.zeros((12, 20_000, 3), np.uint8))),
        'huge': ('too large image', '.png', image(lambda px, d: png_of_size(20_000, 20_000))),
        'bits-grey': ('16-bit image', '.png', image(lambda px, d: png(px[..., 0].astype(np.uint16)*257))),
        'bits-colour': ('16-bit image', '.png', image(lambda px, d: png(px.astype(np.uint16)*257))),
        'cmyk': ('CMYK image', '.jpg', image(lambda px, d: saved(Image.fromarray(px).convert('CMYK'), 'JPEG'))),
        'grey': ('grey image', '.jpg', image(lambda px, d: saved(Image.fromarray(px).convert('L'), 'JPEG'))),
        'animated': ('animated image', '.png',
                     image(lambda px, d: saved(px, 'PNG', save_all=True, append_images=[Image.fromarray(255 - px)]))),
        'pages': ('animated image', '.tif',
                  image(lambda px, d: saved(px, 'TIFF', save_all=True, append_images=[Image.fromarray(255 - px)]))),
        'ending': ('wrong ending', '.jpg', image(lambda px, d: png(px[..., ::-1]))),
        'gif': ('wrong ending', '.png', image(lambda px, d: saved(px, 'GIF'))),
        'exif': ('turned by EXIF', '.jpg', turned(False)),
        'exif-unseen': ('turned by EXIF', '.jpg', turned(True)),
        'size': ('other size', '.jpg', label(lambda a: a | dict(imageWidth=a['imageWidth'] + 5))),
        'not-json': ('not LabelMe', '.jpg', label(lambda a: b'{"shapes": [')),
        'other-json': ('not LabelMe', '.jpg', label(lambda a: dict(objects=[]))),
        'nan': ('not LabelMe', '.jpg', label(lambda a: first(a, points=[[float('nan'), 0], [5, 5]]))),
        'circle': ('not LabelMe', '.jpg', label(lambda a: first(a, shape_type='circle'))),
        'outside': ('box outside', '.jpg', label(lambda a: first(a, points=moved(a, a['imageWidth'])))),
        'no-area': ('empty box', '.jpg', label(lambda a: first(a, points=[a['shapes'][0]['points'][0]]*2))),
        'turned-box': ('turned box', '.jpg', label(lambda a: first(a, points=a['shapes'][0]['points'][::-1]))),
        'over-edge': ('box over the edge', '.jpg',
                      label(lambda a: first(a, points=[[-4, a['shapes'][0]['points'][0][1]],
                                                       a['shapes'][0]['points'][1]]))),
        'label': ('wrong label', '.jpg', label(lambda a: first(a, label='plate'))),
        'same-place': ('two boxes on one', '.jpg', label(lambda a: a | dict(shapes=[a['shapes'][0], *a['shapes']]))),
        'one-lost': ('no format', '.jpg', label(lambda a: a | dict(shapes=a['shapes'][1:]))),
        'none': ('no boxes', '.jpg', label(lambda a: a | dict(shapes=[]))),
        'its-text': ('text disagrees', '.jpg', label(lambda a: first(a, description='?'))),
    }


def known_cases(code, label):
    "Annotations of a validation image that disagree with its code"
    a, b = label['shapes'][0]['label'], label['shapes'][-1]['label']
    swapped = [label['shapes'][0] | dict(label=b), *label['shapes'][1:-1], label['shapes'][-1] | dict(label=a)]
    return {'swapped': ('reading order', label | dict(shapes=swapped)),
            'misread': ('text disagrees', first(label, label='Z' if a != 'Z' else 'Y'))}


class Parts:
    "Archives under construction"
    def __init__(self, folder, number):
        self.images, self.labels = (zipfile.ZipFile(folder/f'bad_{k}_part_{number}.zip', 'w')
                                    for k in ('image', 'label'))

    def add(self, name, data, label):
        stem = name.rsplit('.', 1)[0]
        self.images.writestr(name, data)
        if label is not None:
            self.labels.writestr(f'{stem}.json', label if isinstance(label, bytes) else json.dumps(label))

    def close(self):
        self.images.close(), self.labels.close()


def clean_source(folder, count=60, task='cr', **keys):
    "Synthetic batches in which nothing is wrong"
    s = SynthesisSettings(task=task, **SETTINGS | keys)
    folder.mkdir(parents=True)
    return write_parts((draw_sample(i, s) for i in range(count)), folder, 'synth', max(count//2, 1))


def corrupt_source(folder, seed=0, start=1000):
    "Corrupted samples beside whatever is in the folder: (batch, image, finding) of each"
    rng, s, expected = np.random.default_rng(seed), SynthesisSettings(task='cr', **SETTINGS), []
    training = (i for i in range(start, 10**6) if not in_validation_split(i, s.validation))
    validation = (i for i in range(start, 10**6) if in_validation_split(i, s.validation))
    def draw(of):
        x = draw_sample(next(of), s)
        return decode_image(x.jpeg)[..., ::-1].copy(), x.jpeg, json.loads(x.label), x.code
    listed, part, here = [], Parts(folder, 1), 'bad_image_part_1.zip'
    def add(name, data, label, finding, batch=here):
        part.add(name, data, label)
        expected.append((batch, name, finding))
    for case, (finding, ending, change) in IMAGE_CASES(rng).items():
        px, data, label, _ = draw(training)
        add(f'{case}{ending}', *change(px, data, label), finding)
    for n in range(2):
        px, data, label, code = draw(validation)
        case, (finding, label) = list(known_cases(code, label).items())[n]
        listed.append((f'{case}.jpg', code))
        add(f'{case}.jpg', data, label, finding)

    px, data, label, _ = draw(training) # copies of a clean one
    part.add('original.jpg', data, label)
    add('original copy.jpg', data, label, 'exact duplicate')
    add('stored anew.jpg', saved(px, 'JPEG', quality=60), label, 'near duplicate')
    _, data, label, code = draw(validation) # the same vehicle, seen twice
    listed.append(('held.jpg', code))
    part.add('held.jpg', data, label)
    _, other, trained, _ = draw(training)
    add('trains too.jpg', other, trained | dict(shapes=[s | dict(label=c) for s, c in zip(trained['shapes'], code)]),
        'vehicle on both sides')
    _, data, label, _ = draw(training)
    part.add('Caf\u00e9 1.jpg', data, label) # clean
    _, data, label, _ = draw(training)
    add('CAF\u00c9 1.jpg', data, label, 'name taken')
    _, data, label, _ = draw(training)
    add('alone.jpg', data, None, 'no partner')
    part.labels.writestr('lost.json', json.dumps(label))
    expected.append(('bad_label_part_1.zip', 'lost.json', 'no partner'))
    for name in ('../slip.jpg', '/absolute.jpg', 'C:\\drive.jpg'): add(name, data, None, 'unsafe name')
    for name in ('folder/within.jpg', 'notes.txt'): add(name, data, None, 'other file')
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, 'w') as z: z.writestr('x.jpg', data)
    add('nested.zip', inner.getvalue(), None, 'other file')
    link = zipfile.ZipInfo('link.jpg')
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    part.images.writestr(link, '/etc/passwd')
    expected.append((here, 'link.jpg', 'link'))
    part.images.writestr('bomb.jpg', bytes(8 << 20), zipfile.ZIP_DEFLATED)
    expected.append((here, 'bomb.jpg', 'too large file'))
    part.add('flipped.jpg', mark := rng.bytes(3000), label)
    expected.append((here, 'flipped.jpg', 'damaged file'))
    part.close()
    raw = (folder/here).read_bytes()
    (folder/here).write_bytes(raw.replace(mark, mark[:100] + bytes([mark[100] ^ 1]) + mark[101:]))

    for n in (2, 4): # archives: 2 is cut off, 3 is missing, 4 has no labels
        part = Parts(folder, n)
        part.add(f'whole-{n}.jpg', data, label)
        part.close()
    cut = folder/'bad_image_part_2.zip'
    cut.write_bytes(cut.read_bytes()[:-30])
    (folder/'bad_label_part_4.zip').unlink()
    (folder/'photos.zip').write_bytes(raw[:50])
    expected += [(cut.name, '', 'damaged archive'), ('bad_image_part_3.zip', '', 'missing archive'),
                 ('bad_image_part_4.zip', '', 'missing archive'),
                 ('photos.zip', '', 'misnamed archive')]
    with open(folder/'validation.csv', 'a') as f: f.writelines(f'{i},{c}\n' for i, c in listed)
    return expected
