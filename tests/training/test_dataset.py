"YOLO folders: damage is named, and batches depend on the seed alone."
import shutil

import cv2
import numpy as np
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.training.dataset import SameShapeBatches, letterbox_shapes, read_yolo_folder
from alpr_nb.training.run import train
from trainings import offline, project, smoke, undrawn # noqa: F401 (fixtures)


def write(path, text): path.write_text(text)


def truncate_jpeg(yolo):
    whole = cv2.imencode('.jpg', np.zeros((32, 96, 3), np.uint8))[1].tobytes()
    (yolo/'images/train/0.png').unlink()
    (yolo/'images/train/0.jpg').write_bytes(whole[:-40])


def empty_labels(yolo):
    for p in (yolo/'labels/train').iterdir(): p.write_text('')


DAMAGE = {
    'no folder': (shutil.rmtree, '00_data'),
    'no label': (lambda y: (y/'labels/val/1.txt').unlink(), '1.png: no label'),
    'no image': (lambda y: (y/'images/train/3.png').unlink(), '3.txt: no image'),
    'no validation': (lambda y: shutil.rmtree(y/'images/val'), 'val: no images'),
    'class': (lambda y: write(y/'labels/train/0.txt', '2 .5 .5 .1 .1\n'), 'classes 0 to 1'),
    'box': (lambda y: write(y/'labels/train/0.txt', '0 .5 .5 nan .1\n'), '0.txt: expected boxes'),
    'columns': (lambda y: write(y/'labels/train/0.txt', '0 .5 .5\n'), 'five numbers'),
    'empty labels': (empty_labels, 'nothing to learn'),
    'image': (lambda y: (y/'images/train/0.png').write_bytes(b'no image'), '0.png: not an image'),
    'yaml': (lambda y: write(y/'data.yaml', 'names: [A, B]\n'), 'data.yaml: expected'),
    'truncated': (truncate_jpeg, '0.jpg: the JPEG is truncated')}


@pytest.mark.parametrize('kind', DAMAGE)
def test_damaged_data_is_named(project, kind):
    damage, says = DAMAGE[kind]
    damage(project/'yolo')
    with pytest.raises(UserError, match=says): read_yolo_folder(project/'yolo')


def test_a_training_on_damaged_data_writes_nothing(project):
    (project/'yolo/labels/val/1.txt').unlink()
    with pytest.raises(UserError, match='no label'): train(smoke())
    assert not (project/'run').exists()


def test_a_changed_label_changes_the_digest(project):
    before = read_yolo_folder(project/'yolo').digest
    assert read_yolo_folder(project/'yolo').digest == before
    write(project/'yolo/labels/train/0.txt', '1 .5 .5 .3 .3\n')
    assert read_yolo_folder(project/'yolo').digest != before


def test_batches_have_one_shape_and_another_order_each_epoch():
    group = letterbox_shapes([(300, 100), (300, 140), (200, 200)]*7, 256)[:, 0]
    assert sorted(set(group)) == [96, 128, 256]
    batches = SameShapeBatches(group, 4, seed=3)
    epochs = []
    for batches.epoch in range(2): epochs.append([i - 21*batches.epoch for b in batches for i in b])
    assert all(sorted(order) == list(range(21)) for order in epochs)
    assert epochs[0] != epochs[1] and len(batches) == 6
    batches.epoch = 0
    for b in batches: assert len({group[i] for i in b}) == 1 and len(b) <= 4
