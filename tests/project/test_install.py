"""`pip install .` without extras gives a reader that needs neither torch nor Jupyter."""
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from alpr_nb.inference.bundle import write_bundle
from alpr_nb.inference.config import ReaderConfig
from onnx_models import fixed_model, text_model

HEAVY = ('torch', 'torchvision', 'yolov5', 'pandas', 'seaborn', 'matplotlib', 'jupyterlab', 'IPython', 'nbdev', 'dvc',
         'papermill')


@pytest.mark.install
def test_fresh_environment_reads_without_the_extras(project_copy, tmp_path):
    venv = tmp_path/'venv'
    subprocess.run([sys.executable, '-m', 'venv', venv], check=True)
    subprocess.run([venv/'bin/pip', 'install', '-q', project_copy], check=True)
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}

    code = ("import sys, importlib.util, alpr_nb; alpr_nb.Reader, alpr_nb.Reading; import alpr_nb.cli\n"
            f"print([m for m in {HEAVY!r} if m in sys.modules or importlib.util.find_spec(m)])")
    found = subprocess.run([venv/'bin/python', '-c', code], cwd=tmp_path, env=environment, check=True,
                           capture_output=True, text=True).stdout
    assert found.strip() == '[]'

    (tmp_path/'cd.onnx').write_bytes(fixed_model([[256, 144, 90, 30, 1, .9]], names="{0: 'plate'}"))
    (tmp_path/'cr.onnx').write_bytes(text_model('ABC1D23'))
    config = ReaderConfig(scope='truck', formats=dict(old='LLLNNNN', mercosul='LLLNLNN'))
    write_bundle(tmp_path/'bundle', tmp_path/'cd.onnx', tmp_path/'cr.onnx', config)
    cv2.imwrite(str(tmp_path/'truck.jpg'), np.zeros((720, 1280, 3), np.uint8))
    command = [venv/'bin/alpr-nb', 'read', '--json', '--bundle', 'bundle', 'truck.jpg', 'none.jpg']
    read = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    good, bad = map(json.loads, read.stdout.splitlines())
    assert good['readings'][0]['code'] == 'ABC1D23' and (good['width'], good['height']) == (1280, 720)
    assert bad['image'] == 'none.jpg' and 'none.jpg' in bad['error']
    assert read.returncode == 1


def test_import_is_lazy(project_copy):
    code = "import sys, alpr_nb; print('cv2' in sys.modules, 'onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, '-c', code], cwd=project_copy, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ['False', 'False']
