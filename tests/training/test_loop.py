"The trainer: where its weights come from, and in which numbers it computes."
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from alpr_nb.core.config import UserError
from alpr_nb.training import loop
from alpr_nb.training.dataset import read_yolo_folder
from alpr_nb.training.loop import Trainer, build_model
from alpr_nb.training.yolov5_compat import load_checkpoint
from trainings import offline, project, smoke, undrawn, write_checkpoint # noqa: F401 (fixtures)


def test_the_checkpoint_decides_architecture_and_weights(project):
    write_checkpoint(project/'weights/yolov5s.pt', 'yolov5s.yaml', classes=3, best_fitness=np.array([.5]), ema=None)
    start = load_checkpoint(project/'weights/yolov5s.pt').state_dict()
    model = build_model(smoke(weights='yolov5s.pt'), {0: 'A', 1: 'B'})
    assert model.yaml['width_multiple'] == .5 and model.nc == 2
    same = [torch.equal(v, start[k]) for k, v in model.state_dict().items() if v.shape == start[k].shape]
    other = [k for k, v in model.state_dict().items() if v.shape != start[k].shape]
    assert all(same) and len(same) > 300 and len(other) == 6 # weight and bias of three output layers


def test_a_missing_checkpoint_stops(project):
    with pytest.raises(UserError, match='nothing is downloaded'): build_model(smoke(weights='yolov5m.pt'), {0: 'A'})


class Batches(list):
    "Stands for a data loader."
    batch_sampler = SimpleNamespace(epoch=0)


@pytest.mark.parametrize('width, half', [(32, False), (64, True)])
def test_narrow_images_are_computed_in_float32(project, monkeypatch, width, half):
    monkeypatch.setattr(loop, 'half_is_fast', lambda device: True)
    trainer, seen = Trainer(smoke(weights='scratch'), read_yolo_folder(project/'yolo'), torch.device('cpu')), []
    trainer.train = Batches([(torch.zeros(2, 3, 96, width, dtype=torch.uint8), torch.zeros(0, 6), [], None)])
    trainer.model.model[0].register_forward_hook(lambda *_: seen.append(torch.is_autocast_enabled('cpu')))
    trainer.train_epoch()
    assert seen == [half]
