"Training: what it refuses, that it can be repeated and resumed, and what it leaves behind."
import ast, json, os, shutil, signal, socket, subprocess, sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch')
import alpr_nb.training.run as training
from alpr_nb.core.config import UserError
from alpr_nb.training.run import train, training_code
from alpr_nb.training.config import TrainConfig, train_config
from alpr_nb.training.loop import Trainer
from alpr_nb.training.dataset import Batches, letterbox_shapes, sample_data
from alpr_nb.training.yolov5_compat import load_checkpoint
from yolov5.models.yolo import DetectionModel

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.train
SMOKE = dict(scope='truck', task='cr', imgsz=96, rect=True, epochs=2, batch_size=4, lr0=.003, warmup_epochs=1, box=.05, cls=3, obj=1,
             hsv_h=.015, hsv_s=.7, hsv_v=.4, degrees=3, translate=.1, scale=.2, fliplr=0, mosaic=0, mixup=0, device='cpu')

@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refuse(self, address):
        if self.family != getattr(socket, 'AF_UNIX', None): raise AssertionError(f'training asked the network for {address}')
        return connect(self, address)
    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, 'connect', refuse)

@pytest.fixture(autouse=True)
def undrawn(request, monkeypatch):
    "Figures cost more than the training here; one test draws them."
    if 'drawn' not in request.fixturenames: monkeypatch.setattr('matplotlib.figure.Figure.savefig', lambda self, path, **keys: Path(path).touch())

@pytest.fixture
def drawn(): pass

@pytest.fixture
def project(tmp_path, monkeypatch):
    "A project with a tiny data set."
    (tmp_path/'params.yaml').write_text('{}\n')
    sample_data(tmp_path/'yolo')
    monkeypatch.chdir(tmp_path)
    return tmp_path

def smoke(**changed): return train_config(**SMOKE | dict(data='yolo', out='run') | changed)
def tensors(path): return [t.numpy().tobytes() for t in load_checkpoint(path).state_dict().values()]
def files(folder): return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob('*') if p.is_file()}

@pytest.mark.parametrize('changed, says', [
    (dict(epochs=0), 'epochs'), (dict(batch_size=0), 'batch_size'), (dict(imgsz=100), 'imgsz'), (dict(lr0=0), 'lr0'), (dict(mosaic=1.5), 'mosaic'),
    (dict(optimizer='adamw'), 'optimizer'), (dict(learning_rate=1), 'learning_rate: Extra inputs'), (dict(cls=-1), 'cls'), (dict(workers=-1), 'workers'),
    (dict(task='ocr'), 'task'), (dict(mosaic=.5), 'square batches'), (dict(lr0=float('nan')), 'lr0')])
def test_a_wrong_value_is_named(changed, says):
    with pytest.raises(UserError, match=says): smoke(**changed)

@pytest.mark.parametrize('task', ['cd', 'cr'])
def test_the_notebooks_parameters_are_the_configuration(task):
    nb = json.loads((ROOT/'nbs'/f'{dict(cd="01_train_cd", cr="02_train_cr")[task]}.ipynb').read_text())
    cell, = [c for c in nb['cells'] if 'parameters' in c['metadata'].get('tags', [])]
    given = {n.target.id: ast.literal_eval(n.value) for n in ast.parse(''.join(cell['source'])).body}
    assert list(given) == list(TrainConfig.model_fields)
    assert train_config(**given).task == task

def test_repeated_with_other_workers_gives_the_same_bytes(project):
    before = files(project/'yolo')
    first = train(smoke(out='a', workers=0))
    second = train(smoke(out='b', workers=2, cache=True))
    assert first == second == json.loads((project/'a/metrics.json').read_text())
    for name in ('best.pt', 'last.pt'): assert tensors(project/'a/exp/weights'/name) == tensors(project/'b/exp/weights'/name)
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
    assert 'after epoch 2' in said and 'epoch 3/3' in said and 'epoch 1/3' not in said
    assert {p.name for p in (project/'cut').iterdir()} == {'exp', 'metrics.json', 'resume'}
    results = {f: f.read_bytes() for f in (project/'cut').rglob('*.csv')}
    train(smoke(out='cut', epochs=3)) # as after a failing cell: nothing is trained again
    assert 'epoch ' not in capsys.readouterr().out.replace('after epoch 3', '') and {f: f.read_bytes() for f in results} == results
    assert tensors(project/'whole/exp/weights/last.pt') == tensors(project/'cut/exp/weights/last.pt')
    assert (project/'whole/exp/results.csv').read_text() == (project/'cut/exp/results.csv').read_text()

@pytest.mark.parametrize('left', ['other configuration', 'other data', 'cut off'])
def test_another_run_starts_anew(project, monkeypatch, capsys, left):
    monkeypatch.setattr(training, 'final_results', lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt): train(smoke(epochs=1))
    if left == 'cut off': (project/'run/resume/state.pt').write_bytes((project/'run/resume/state.pt').read_bytes()[:1000])
    if left == 'other data': (project/'yolo/labels/train/0.txt').write_text('1 .5 .5 .3 .3\n')
    capsys.readouterr()
    with pytest.raises(KeyboardInterrupt): train(smoke(epochs=1, **({'lr0': .002} if left == 'other configuration' else {})))
    said = capsys.readouterr().out
    assert 'going on' not in said and 'epoch 1/1' in said

def test_every_module_that_trains_decides_whether_a_run_goes_on():
    trains = {'run', 'loop', 'config', 'checkpoints', 'dataset', 'yolov5_compat'}
    assert {f'alpr_nb.training.{name}' for name in trains} <= training_code().keys()
    assert not {'alpr_nb.core.config', 'alpr_nb.cli', 'alpr_nb.drawing.synthesize'} & training_code().keys()

def test_the_state_of_another_run_is_set_aside_and_found_again(project, monkeypatch, capsys):
    def cut(trainer, *args): raise KeyboardInterrupt
    monkeypatch.setattr(training, 'final_results', cut)
    def stopped(**keys):
        with pytest.raises(KeyboardInterrupt): train(smoke(epochs=1, **keys))
        return capsys.readouterr().out
    stopped()
    assert 'resume.former keeps its state' in stopped(lr0=.002)
    back = stopped()
    assert 'going on after epoch 1' in back and 'epoch 1/1' not in back
    assert 'going on after epoch 1' in stopped(lr0=.002), 'neither was lost'

@pytest.mark.parametrize('patience', [1, 2])
def test_patience_is_the_number_of_epochs_that_bring_nothing_better(project, monkeypatch, capsys, patience):
    monkeypatch.setattr(Trainer, 'validate', lambda self, folder, **options: [.5 - .1*self.epoch]*4 + [0.]*3)
    train(smoke(out='early', epochs=9, patience=patience))
    assert f'epoch {1 + patience}/9' in (said := capsys.readouterr().out) and f'epoch {2 + patience}/9' not in said
    train(smoke(out='early', epochs=9, patience=patience))
    assert 'epoch ' not in capsys.readouterr().out.replace(f'after epoch {1 + patience}', ''), 'it stays stopped'

def test_what_it_leaves(project, drawn, capfd):
    metrics = train(smoke())
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 2 and all(l.startswith('epoch ') for l in out.splitlines()), out
    assert not err.strip(), err
    made = {p.name for p in (project/'run/exp').rglob('*')}
    assert {'best.pt', 'last.pt', 'results.csv', 'classes.csv', 'confusion.csv', 'confusion_matrix.png', 'PR_curve.png', 'results.png', 'metrics.json',
            'train_batch0.jpg', 'val_batch0_pred.jpg', 'mAP50.tsv'} <= made
    assert 0 <= metrics['mAP50_95'] <= metrics['mAP50'] <= 1 and metrics['train_images'] == 12
    rows = (project/'run/exp/results.csv').read_text().splitlines()
    assert len(rows) == 3 and rows[0].startswith('epoch,train/box_loss')

def test_it_learns(project):
    sample_data(project/'more', train=32, val=4, sizes=((96, 32),))
    train(smoke(data='more', epochs=8, batch_size=8, nominal_batch=8, lr0=.005, warmup_epochs=0, translate=0, scale=0, degrees=0, hsv_h=0, hsv_s=0, hsv_v=0))
    losses = np.genfromtxt(project/'run/exp/results.csv', delimiter=',', names=True)
    total = losses['trainbox_loss'] + losses['trainobj_loss'] + losses['traincls_loss']
    assert total[-1] < .8*total[0], total

def broken(project, kind):
    "Damage the data set; return what the error has to name."
    y = project/'yolo'
    if kind == 'no folder': shutil.rmtree(y); return '00_data'
    if kind == 'no label': (y/'labels/val/1.txt').unlink(); return '1.png: no label'
    if kind == 'no image': (y/'images/train/3.png').unlink(); return '3.txt: no image'
    if kind == 'no validation': shutil.rmtree(y/'images/val'); return 'val: no images'
    if kind == 'class': (y/'labels/train/0.txt').write_text('2 .5 .5 .1 .1\n'); return 'classes 0 to 1'
    if kind == 'box': (y/'labels/train/0.txt').write_text('0 .5 .5 nan .1\n'); return '0.txt: expected boxes'
    if kind == 'columns': (y/'labels/train/0.txt').write_text('0 .5 .5\n'); return 'five numbers'
    if kind == 'empty labels':
        for p in (y/'labels/train').iterdir(): p.write_text('')
        return 'nothing to learn'
    if kind == 'image': (y/'images/train/0.png').write_bytes(b'no image'); return '0.png: not an image'
    if kind == 'yaml': (y/'data.yaml').write_text('names: [A, B]\n'); return 'data.yaml: expected'
    if kind == 'truncated':
        import cv2
        whole = cv2.imencode('.jpg', np.zeros((32, 96, 3), np.uint8))[1].tobytes()
        (y/'images/train/0.png').unlink(); (y/'images/train/0.jpg').write_bytes(whole[:-40]); return '0.jpg: the JPEG is truncated'

@pytest.mark.parametrize('kind', ['no folder', 'no label', 'no image', 'no validation', 'class', 'box', 'columns', 'empty labels', 'image', 'yaml', 'truncated'])
def test_damaged_data_is_named(project, kind):
    says = broken(project, kind)
    with pytest.raises(UserError, match=says): train(smoke())
    assert not (project/'run').exists()

def checkpoint(path, cfg, classes=2, **more):
    model = DetectionModel(str(Path(training.yolov5.__file__).parent/'models'/cfg), nc=classes)
    model.names = [str(i) for i in range(classes)]
    path.parent.mkdir(exist_ok=True)
    torch.save(dict(model=model.half(), **more), path)

def test_the_weights_decide_the_architecture(project):
    checkpoint(project/'weights/yolov5s.pt', 'yolov5s.yaml', classes=3, best_fitness=np.array([.5]), ema=None)
    train(smoke(weights='yolov5s.pt', cfg='yolov5n.yaml', epochs=1))
    assert load_checkpoint(project/'run/exp/weights/best.pt').yaml['width_multiple'] == .5

def test_a_missing_checkpoint_says_where_to_put_it(project):
    with pytest.raises(UserError, match='yolov5m.pt.*nothing is downloaded.*put the file'): train(smoke(weights='yolov5m.pt'))

class Evil:
    def __reduce__(self): return os.mkdir, ('executed',)

@pytest.mark.parametrize('kind', ['other', 'state', 'code', 'truncated', 'text'])
def test_a_checkpoint_of_another_kind_is_refused(project, kind):
    file = project/'weights/x.pt'
    checkpoint(file, 'yolov5n.yaml')
    if kind == 'other': torch.save({'model': torch.nn.Linear(3, 3)}, file)
    if kind == 'state': torch.save(torch.nn.Linear(3, 3).state_dict(), file)
    if kind == 'code': torch.save({'model': Evil()}, file)
    if kind == 'truncated': file.write_bytes(file.read_bytes()[:5000])
    if kind == 'text': file.write_text('not a checkpoint')
    with pytest.raises(UserError, match='x.pt: expected a yolov5 detection checkpoint'): train(smoke(weights='weights/x.pt'))
    assert not (project/'executed').exists() and not (project/'run').exists()

def test_batches_have_one_shape_and_another_order_each_epoch():
    group = letterbox_shapes([(300, 100), (300, 140), (200, 200)]*7, 256)[:, 0]
    assert sorted(set(group)) == [96, 128, 256]
    batches = Batches(group, 4, seed=3)
    epochs = []
    for batches.epoch in range(2): epochs.append([i - 21*batches.epoch for b in batches for i in b]); assert sorted(epochs[-1]) == list(range(21))
    assert epochs[0] != epochs[1] and len(batches) == 6
    batches.epoch = 0
    for b in batches: assert len({group[i] for i in b}) == 1 and len(b) <= 4

def test_a_process_that_is_killed_leaves_no_folder(tmp_path):
    code = 'import os, signal, alpr_nb.training.yolov5_compat; os.kill(os.getpid(), signal.SIGKILL)'
    env = {k: v for k, v in os.environ.items() if not k.startswith('YOLO')} | {'TMPDIR': str(tmp_path), 'PYTHONPATH': str(ROOT)}
    assert subprocess.run([sys.executable, '-c', code], env=env).returncode == -signal.SIGKILL
    assert not list(tmp_path.glob('alpr-nb-*'))

def test_without_network_and_home(project):
    "As DVC runs it: a fresh process, no terminal; and without a network where the system allows to cut it."
    (project/'home').mkdir()
    code = f'from alpr_nb.training.run import train; from alpr_nb.training.config import train_config; train(train_config(**{SMOKE | dict(data="yolo", out="run", workers=2)!r}))'
    cut = ['unshare', '-n'] if shutil.which('unshare') and not subprocess.run(['unshare', '-n', 'true'], capture_output=True).returncode else []
    env = {k: v for k, v in os.environ.items() if not k.startswith(('YOLO', 'XDG_'))} | {'HOME': str(project/'home'), 'MPLCONFIGDIR': str(project/'mpl'), 'PYTHONPATH': str(ROOT)}
    done = subprocess.run([*cut, sys.executable, '-c', code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2 and not done.stderr.strip(), done.stdout + done.stderr
    assert not [p for p in (project/'home').rglob('*') if p.is_file()]
