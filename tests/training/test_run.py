"Training: it can be repeated and resumed, it learns, and it leaves what the reports read."
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import alpr_nb.training.run as training
from alpr_nb.training.dataset import write_example_data
from alpr_nb.training.loop import Trainer
from alpr_nb.training.run import train, training_code
from alpr_nb.training.yolov5_compat import load_checkpoint
from conftest import ROOT
from trainings import SMOKE, drawn, offline, project, smoke, undrawn # noqa: F401 (fixtures)


def tensors(path): return [t.numpy().tobytes() for t in load_checkpoint(path).state_dict().values()]
def files(folder): return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}

def test_repeated_with_other_workers_gives_the_same_bytes(project):
    before = files(project/'yolo')
    first = train(smoke(out='a', workers=0))
    second = train(smoke(out='b', workers=2, cache=True))
    assert first == second == json.loads((project/'a/metrics.json').read_text())
    for name in ('best.pt', 'last.pt'):
        assert tensors(project/'a/exp/weights'/name) == tensors(project/'b/exp/weights'/name)
    assert (project/'a/exp/results.csv').read_bytes() == (project/'b/exp/results.csv').read_bytes()
    assert files(project/'yolo') == before, 'the data folder belongs to DVC'
    train(smoke(out='c', seed=1))
    assert tensors(project/'a/exp/weights/last.pt') != tensors(project/'c/exp/weights/last.pt')

def test_a_resumed_run_equals_an_uninterrupted_one(project, monkeypatch, capsys):
    train(smoke(out='whole', epochs=3))
    validate = Trainer.validate
    def cut(self, *args, **keys):
        if self.epoch == 2: raise KeyboardInterrupt
        return validate(self, *args, **keys)
    monkeypatch.setattr(Trainer, 'validate', cut)
    with pytest.raises(KeyboardInterrupt): train(smoke(out='cut', epochs=3))
    assert {p.name for p in (project/'cut').iterdir()} == {'resume'}, 'nothing that looks like a result'
    monkeypatch.setattr(Trainer, 'validate', validate)
    capsys.readouterr()
    train(smoke(out='cut', epochs=3))
    said = capsys.readouterr().out
    assert 'resuming from epoch 2' in said and 'epoch 3/3' in said and 'epoch 1/3' not in said
    assert {p.name for p in (project/'cut').iterdir()} == {'exp', 'metrics.json', 'resume'}
    results = {f: f.read_bytes() for f in (project/'cut').rglob('*.csv')}
    train(smoke(out='cut', epochs=3)) # as after a failing cell: nothing is trained again
    assert 'epoch ' not in capsys.readouterr().out.replace('from epoch 3', '')
    assert {f: f.read_bytes() for f in results} == results
    assert tensors(project/'whole/exp/weights/last.pt') == tensors(project/'cut/exp/weights/last.pt')
    assert (project/'whole/exp/results.csv').read_text() == (project/'cut/exp/results.csv').read_text()

@pytest.mark.parametrize('left', ['other configuration', 'other data', 'cut off'])
def test_another_run_starts_anew(project, monkeypatch, capsys, left):
    monkeypatch.setattr(training, 'evaluate_best', lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt): train(smoke(epochs=1))
    if left == 'cut off':
        (project/'run/resume/state.pt').write_bytes((project/'run/resume/state.pt').read_bytes()[:1000])
    if left == 'other data': (project/'yolo/labels/train/0.txt').write_text('1 .5 .5 .3 .3\n')
    capsys.readouterr()
    with pytest.raises(KeyboardInterrupt): train(smoke(epochs=1,
                                                       **({'lr0': .002} if left == 'other configuration' else {})))
    said = capsys.readouterr().out
    assert 'resuming' not in said and 'epoch 1/1' in said

def test_every_module_that_trains_decides_whether_a_run_goes_on():
    trains = {'run', 'loop', 'config', 'settings', 'dataset', 'yolov5_compat'}
    assert {f'alpr_nb.training.{name}' for name in trains} <= training_code().keys()
    assert not {'alpr_nb.core.config', 'alpr_nb.cli', 'alpr_nb.drawing.synthesize'} & training_code().keys()

def test_the_state_of_another_run_is_set_aside_and_found_again(project, monkeypatch, capsys):
    def cut(trainer, *args): raise KeyboardInterrupt
    monkeypatch.setattr(training, 'evaluate_best', cut)
    def stopped(**keys):
        with pytest.raises(KeyboardInterrupt): train(smoke(epochs=1, **keys))
        return capsys.readouterr().out
    stopped()
    assert 'resume.former, which keeps its state' in stopped(lr0=.002)
    back = stopped()
    assert 'resuming from epoch 1' in back and 'epoch 1/1' not in back
    assert 'resuming from epoch 1' in stopped(lr0=.002), 'neither was lost'

@pytest.mark.parametrize('patience', [1, 2])
def test_patience_is_the_number_of_epochs_that_bring_nothing_better(project, monkeypatch, capsys, patience):
    monkeypatch.setattr(Trainer, 'validate', lambda self, folder, **options: [.5 - .1*self.epoch]*4 + [0.]*3)
    train(smoke(out='early', epochs=9, patience=patience))
    assert f'epoch {1 + patience}/9' in (said := capsys.readouterr().out) and f'epoch {2 + patience}/9' not in said
    train(smoke(out='early', epochs=9, patience=patience))
    assert 'epoch ' not in capsys.readouterr().out.replace(f'from epoch {1 + patience}', ''), 'it stays stopped'

def test_what_it_leaves(project, drawn, capfd):
    metrics = train(smoke())
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 2 and all(l.startswith('epoch ') for l in out.splitlines()), out
    assert not err.strip(), err
    made = {p.name for p in (project/'run/exp').rglob('*')}
    assert {'best.pt', 'last.pt', 'results.csv', 'classes.csv', 'confusion.csv', 'confusion_matrix.png',
            'PR_curve.png', 'results.png', 'metrics.json',
            'train_batch0.jpg', 'val_batch0_pred.jpg', 'mAP50.tsv'} <= made
    assert 0 <= metrics['mAP50_95'] <= metrics['mAP50'] <= 1 and metrics['train_images'] == 12
    rows = (project/'run/exp/results.csv').read_text().splitlines()
    assert len(rows) == 3 and rows[0].startswith('epoch,train/box_loss')

def test_it_learns(project):
    write_example_data(project/'more', train=32, val=4, sizes=((96, 32),))
    train(smoke(data='more', epochs=8, batch_size=8, nominal_batch=8, lr0=.005, warmup_epochs=0, translate=0, scale=0,
                degrees=0, hsv_h=0, hsv_s=0, hsv_v=0))
    losses = np.genfromtxt(project/'run/exp/results.csv', delimiter=',', names=True)
    total = losses['trainbox_loss'] + losses['trainobj_loss'] + losses['traincls_loss']
    assert total[-1] < .8*total[0], total

def test_without_network_and_home(project):
    "As DVC runs it: a fresh process, no terminal; and without a network where the system allows to cut it."
    (project/'home').mkdir()
    code = ('from alpr_nb.training.run import train; from alpr_nb.training.settings import TrainConfig; '
            f'train(TrainConfig(**{SMOKE | dict(data="yolo", out="run", workers=2)!r}))')
    cut = (['unshare', '-n'] if shutil.which('unshare')
           and not subprocess.run(['unshare', '-n', 'true'], capture_output=True).returncode else [])
    env = ({k: v for k, v in os.environ.items() if not k.startswith(('YOLO', 'XDG_'))}
           | {'HOME': str(project/'home'), 'MPLCONFIGDIR': str(project/'mpl'), 'PYTHONPATH': str(ROOT)})
    done = subprocess.run([*cut, sys.executable, '-c', code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2 and not done.stderr.strip(), done.stdout + done.stderr
    assert not [p for p in (project/'home').rglob('*') if p.is_file()]
