"Export: the file's contract, equality with torch, and exports that are refused."
import ast
import hashlib
import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from alpr_nb.core.config import UserError
from alpr_nb.training.onnx_export import export_model
from alpr_nb.training.settings import ExportConfig
from alpr_nb.training.yolov5_compat import load_checkpoint
from stage_cells import keywords, parameters
from trainings import offline, project, undrawn, write_checkpoint # noqa: F401 (fixtures)

SMOKE = dict(scope='truck', task='cr', checkpoint='best.pt', data='yolo', out='models', imgsz=96, batch_sizes=[1, 2],
             threads=1)

def smoke(**changed): return ExportConfig(**SMOKE | changed)

@pytest.fixture(autouse=True)
def checkpoint(project): write_checkpoint(project/'best.pt', random=True)

@pytest.mark.parametrize('changed', [dict(opset=5), dict(imgsz=90), dict(tolerance=0), dict(precision='int8'),
                                     dict(batch_sizes=[]),
                                     dict(batch_sizes=[0]), dict(size=1), dict(max_map_drop=-1)])
def test_a_wrong_value_is_named(changed):
    with pytest.raises(UserError, match=f'train.export.cr.{next(iter(changed))}'.replace('_', '.')): smoke(**changed)

def test_parameter_cell_configuration_and_call_have_the_same_names():
    given = parameters('03_export.ipynb')
    assert list(given) == list(ExportConfig.model_fields)
    assert keywords('03_export.ipynb', 'ExportConfig') == {name: name for name in given}
    ExportConfig(**given)

@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_the_file_keeps_the_contract_and_equals_torch(project, precision):
    sheet = export_model(smoke(precision=precision))
    file = project/'models/cr.onnx'
    assert sheet == json.loads((project/'models/cr.json').read_text())
    assert {p.name for p in (project/'models').iterdir()} == {'cr.onnx', 'cr.json'}
    assert sheet['sha256'] == hashlib.sha256(file.read_bytes()).hexdigest() and sheet['bytes'] == file.stat().st_size
    model = onnx.load(file)
    assert [(o.domain, o.version) for o in model.opset_import] == [('', 15)]
    session = ort.InferenceSession(file, providers=['CPUExecutionProvider'])
    (given,), (output,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape[1]) == ('images', 'tensor(float)',
                                                        3) and not any(isinstance(given.shape[i], int)
                                                                       for i in (0, 2, 3))
    assert (output.name, output.shape[2]) == ('output0', 7)
    assert (ast.literal_eval(session.get_modelmeta().custom_metadata_map['names'])
            in ({'0': 'A', '1': 'B'}, {0: 'A', 1: 'B'}))
    if precision == 'fp16': assert file.stat().st_size < 4.2e6
    torch_model = load_checkpoint(project/'best.pt') # neither fused nor rounded
    for shape in ((1, 3, 64, 64), (3, 3, 96, 224), (2, 3, 160, 32)):
        x = np.random.default_rng(0).random(shape, np.float32)
        with torch.no_grad(): expected = torch_model(torch.from_numpy(x))[0].numpy()
        found, = session.run(None, {'images': x})
        assert found.shape == expected.shape == (shape[0], 3*shape[2]*shape[3]*21//1024, 7)
        assert np.abs(found - expected).max() < (1e-3 if precision == 'fp32' else .5)

def test_a_difference_keeps_nothing(project):
    with pytest.raises(UserError, match='differs from torch by .* expected at most 1e-12'):
        export_model(smoke(tolerance=1e-12))
    assert not list((project/'models').iterdir())

def test_other_classes_and_no_checkpoint_are_named(project):
    write_checkpoint(project/'best.pt', classes=3)
    with pytest.raises(UserError, match=r'best.pt: expected the classes of yolo \(A, B\), found A, B, C'):
        export_model(smoke())
    (project/'best.pt').write_bytes((project/'best.pt').read_bytes()[:9999])
    with pytest.raises(UserError, match='best.pt: .*damaged'): export_model(smoke())
    (project/'best.pt').unlink()
    with pytest.raises(UserError, match='best.pt: checkpoint not found'): export_model(smoke())
    with pytest.raises(UserError, match='00_data'): export_model(smoke(data='none'))
    assert not (project/'models').exists()

def test_a_graph_that_gives_no_numbers_is_not_kept(project, monkeypatch):
    monkeypatch.setattr('alpr_nb.training.onnx_export.compare_with_torch',
                        lambda *args: [dict(batch=1, height=96, width=96, difference=d)
                                       for d in (.001, float('nan'), .002)])
    with pytest.raises(UserError, match='differs from torch by nan'): export_model(smoke())
    assert not list((project/'models').iterdir())

def test_a_drop_of_accuracy_is_refused(project, monkeypatch):
    scores = iter([dict(mAP50=.9), dict(mAP50=.8)])
    monkeypatch.setattr('alpr_nb.training.onnx_export.validation_accuracy', lambda *args: next(scores))
    with pytest.raises(UserError, match='mAP50 drops by 0.100 with fp16 weights; expected at most 0.02'):
        export_model(smoke(precision='fp16'))
    assert not list((project/'models').iterdir())

def test_a_refused_export_leaves_the_former_one(project):
    export_model(smoke())
    before = {p.name: p.read_bytes() for p in (project/'models').iterdir()}
    with pytest.raises(UserError, match='differs from torch'): export_model(smoke(tolerance=1e-12))
    assert {p.name: p.read_bytes() for p in (project/'models').iterdir()} == before
