"A tiny project, settings and checkpoints for tests of training: offline, in seconds, without drawing plots."
import socket
from pathlib import Path

import pytest

torch = pytest.importorskip('torch')
from alpr_nb.training.settings import TrainConfig
from alpr_nb.training.dataset import write_example_data
from alpr_nb.training.yolov5_compat import yolov5 # before yolov5's own modules, so that they stay quiet and offline

from yolov5.models.yolo import DetectionModel

SMOKE = dict(scope='truck', task='cr', imgsz=96, rect=True, epochs=2, batch_size=4, lr0=.003, warmup_epochs=1, box=.05,
             cls=3, obj=1,
             hsv_h=.015, hsv_s=.7, hsv_v=.4, degrees=3, translate=.1, scale=.2, fliplr=0, mosaic=0, mixup=0,
             device='cpu')


def smoke(**changed) -> TrainConfig:
    "Two epochs on the example data in yolo/."
    return TrainConfig(**SMOKE | dict(data='yolo', out='run') | changed)


def write_checkpoint(path: Path, cfg: str = 'yolov5n.yaml', classes: int = 2, random: bool = False, **more):
    "A checkpoint of an untrained model; `random` moves its statistics, so that its outputs differ from zero."
    torch.manual_seed(1)
    model = DetectionModel(str(Path(yolov5.__file__).parent/'models'/cfg), nc=classes)
    for m in model.modules():
        if random and isinstance(m, torch.nn.BatchNorm2d):
            m.running_mean.normal_(0, .1)
            m.running_var.uniform_(.5, 1.5)
            m.weight.data.uniform_(.5, 1.5)
    model.names = {i: chr(65 + i) for i in range(classes)}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(model=model.half(), **more), path)


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    "Let any connection to a network fail."
    def refuse(self, address):
        if self.family != getattr(socket, 'AF_UNIX', None):
            raise AssertionError(f'training asked the network for {address}')
        return connect(self, address)
    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, 'connect', refuse)


@pytest.fixture(autouse=True)
def undrawn(request, monkeypatch):
    "Leave plots empty: drawing costs more than the trainings here. A test that asks for `drawn` draws them."
    if 'drawn' not in request.fixturenames:
        monkeypatch.setattr('matplotlib.figure.Figure.savefig', lambda self, path, **keys: Path(path).touch())


@pytest.fixture
def drawn(): pass


@pytest.fixture
def project(tmp_path, monkeypatch):
    "A project with a tiny dataset in yolo/."
    (tmp_path/'params.yaml').write_text('{}\n')
    write_example_data(tmp_path/'yolo')
    monkeypatch.chdir(tmp_path)
    return tmp_path
