"""`pip install .` without extras gives a reader that needs neither torch nor Jupyter."""
import os
import subprocess
import sys

HEAVY = 'torch', 'torchvision', 'yolov5', 'pandas', 'seaborn', 'matplotlib', 'jupyterlab', 'IPython', 'nbdev', 'dvc', 'papermill'


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
    missing = subprocess.run([venv/'bin/alpr-nb', 'read', '--json', tmp_path/'none.jpg'], cwd=tmp_path, env=environment,
                             capture_output=True, text=True)
    assert missing.returncode == 1 and 'none.jpg' in missing.stdout + missing.stderr


def test_import_is_lazy(project_copy):
    code = "import sys, alpr_nb; print('cv2' in sys.modules, 'onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, '-c', code], cwd=project_copy, check=True, capture_output=True,
                          text=True).stdout.split() == ['False', 'False']
