"Export: the file's contract, equality with torch, and what is refused."
import ast, hashlib, json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch')
import cv2, onnx, onnxruntime as ort
from alpr_nb.codes.formats import Format
from alpr_nb.core.config import UserError
from alpr_nb.training.onnx_export import ExportConfig, export, export_config, outcomes
from alpr_nb.training.dataset import Split, YoloData, sample_data
from alpr_nb.training.yolov5_compat import load_checkpoint, yolov5
from onnx_models import ALPHABET, text_model
from yolov5.models.yolo import DetectionModel

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.train

def checkpoint(path, classes=2):
    "A model with random weights and statistics."
    torch.manual_seed(1)
    model = DetectionModel(str(Path(yolov5.__file__).parent/'models/yolov5n.yaml'), nc=classes)
    for m in model.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.running_mean.normal_(0, .1); m.running_var.uniform_(.5, 1.5); m.weight.data.uniform_(.5, 1.5)
    model.names = {i: chr(65+i) for i in range(classes)}
    torch.save({'model': model.half()}, path)

@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path/'params.yaml').write_text('{}\n')
    sample_data(tmp_path/'yolo')
    checkpoint(tmp_path/'best.pt')
    monkeypatch.chdir(tmp_path)
    return tmp_path

def smoke(**changed):
    return export_config(**dict(scope='truck', task='cr', checkpoint='best.pt', data='yolo', out='models', imgsz=96, batch_sizes=[1, 2], threads=1) | changed)

@pytest.mark.parametrize('changed', [dict(opset=5), dict(imgsz=90), dict(tolerance=0), dict(precision='int8'), dict(batch_sizes=[]), dict(batch_sizes=[0]), dict(size=1)])
def test_a_wrong_value_is_named(changed):
    with pytest.raises(UserError, match=next(iter(changed))): smoke(**changed)

def test_the_notebooks_parameters_are_the_configuration():
    nb = json.loads((ROOT/'nbs/03_export.ipynb').read_text())
    cell, = [c for c in nb['cells'] if 'parameters' in c['metadata'].get('tags', [])]
    given = {n.target.id: ast.literal_eval(n.value) for n in ast.parse(''.join(cell['source'])).body}
    assert list(given) == list(ExportConfig.model_fields)
    export_config(**given)

@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_the_file_keeps_the_contract_and_equals_torch(project, precision):
    sheet = export(smoke(precision=precision))
    file = project/'models/cr.onnx'
    assert sheet == json.loads((project/'models/cr.json').read_text())
    assert {p.name for p in (project/'models').iterdir()} == {'cr.onnx', 'cr.json'}
    assert sheet['sha256'] == hashlib.sha256(file.read_bytes()).hexdigest() and sheet['bytes'] == file.stat().st_size
    model = onnx.load(file)
    assert [(o.domain, o.version) for o in model.opset_import] == [('', 15)]
    session = ort.InferenceSession(file, providers=['CPUExecutionProvider'])
    (given,), (output,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape[1]) == ('images', 'tensor(float)', 3) and not any(isinstance(given.shape[i], int) for i in (0, 2, 3))
    assert (output.name, output.shape[2]) == ('output0', 7)
    assert ast.literal_eval(session.get_modelmeta().custom_metadata_map['names']) in ({'0': 'A', '1': 'B'}, {0: 'A', 1: 'B'})
    if precision == 'fp16': assert file.stat().st_size < 4.2e6
    torch_model = load_checkpoint(project/'best.pt') # neither fused nor rounded
    for shape in ((1, 3, 64, 64), (3, 3, 96, 224), (2, 3, 160, 32)):
        x = np.random.default_rng(0).random(shape, np.float32)
        with torch.no_grad(): expected = torch_model(torch.from_numpy(x))[0].numpy()
        found, = session.run(None, {'images': x})
        assert found.shape == expected.shape == (shape[0], 3*shape[2]*shape[3]*21//1024, 7)
        assert np.abs(found - expected).max() < (1e-3 if precision == 'fp32' else .5)

def test_a_difference_keeps_nothing(project):
    with pytest.raises(UserError, match='differs from torch by .* expected at most 1e-12'): export(smoke(tolerance=1e-12))
    assert not list((project/'models').iterdir())

def test_other_classes_and_no_checkpoint_are_named(project):
    checkpoint(project/'best.pt', 3)
    with pytest.raises(UserError, match=r'best.pt: expected the classes of yolo \(A, B\), found A, B, C'): export(smoke())
    (project/'best.pt').write_bytes((project/'best.pt').read_bytes()[:9999])
    with pytest.raises(UserError, match='best.pt: .*damaged'): export(smoke())
    (project/'best.pt').unlink()
    with pytest.raises(UserError, match='best.pt: checkpoint not found'): export(smoke())
    with pytest.raises(UserError, match='00_data'): export(smoke(data='none'))
    assert not (project/'models').exists()

def test_calibration_learns_from_what_is_right_wrong_of_one_glyph_and_misplaced(tmp_path):
    w, h, file, image = 256, 96, tmp_path/'cr.onnx', tmp_path/'crop.png'
    file.write_bytes(text_model('AB0D', p=.8))
    cv2.imwrite(str(image), np.full((h, w, 3), 90, np.uint8))
    truth = np.float32([[ALPHABET.index(c), x/w, y/h, 24/w, 50/h] for c, x, y in (('A', 20, 48), ('C', 50, 48), ('O', 80, 48), ('D', 200, 48))])
    split = Split([str(image)], [truth], [(w, h)])
    sure, right = outcomes(file, YoloData(dict(enumerate(ALPHABET)), split, split, ''), w, dict(old=Format(pattern='LLLNNNN', same=('O0',))))
    assert sorted(zip(np.round(sure, 3).tolist(), right.tolist())) == [(.8, False), (.8, False), (.8, True), (.801, True)]

def test_a_graph_that_gives_no_numbers_is_not_kept(project, monkeypatch):
    monkeypatch.setattr('alpr_nb.training.onnx_export.parity', lambda *args: [dict(batch=1, height=96, width=96, difference=d) for d in (.001, float('nan'), .002)])
    with pytest.raises(UserError, match='differs from torch by nan'): export(smoke())
    assert not list((project/'models').iterdir())
