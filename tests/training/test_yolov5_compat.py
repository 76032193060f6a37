"yolov5 under control: checkpoints that run code are refused, and an import leaves nothing behind."
import os
import signal
import subprocess
import sys

import pytest
import torch

from alpr_nb.core.config import UserError
from alpr_nb.training.yolov5_compat import load_checkpoint
from conftest import ROOT
from trainings import offline, project, undrawn, write_checkpoint # noqa: F401 (fixtures)


class Evil:
    def __reduce__(self): return os.mkdir, ('executed',)


@pytest.mark.parametrize('kind', ['other', 'state', 'code', 'truncated', 'text'])
def test_a_checkpoint_of_another_kind_is_refused(project, kind):
    file = project/'weights/x.pt'
    write_checkpoint(file)
    if kind == 'other': torch.save({'model': torch.nn.Linear(3, 3)}, file)
    if kind == 'state': torch.save(torch.nn.Linear(3, 3).state_dict(), file)
    if kind == 'code': torch.save({'model': Evil()}, file)
    if kind == 'truncated': file.write_bytes(file.read_bytes()[:5000])
    if kind == 'text': file.write_text('not a checkpoint')
    with pytest.raises(UserError, match='x.pt: expected a yolov5 detection checkpoint'): load_checkpoint(file)
    assert not (project/'executed').exists()


def test_a_process_that_is_killed_leaves_no_folder(tmp_path):
    code = 'import os, signal, alpr_nb.training.yolov5_compat; os.kill(os.getpid(), signal.SIGKILL)'
    env = ({k: v for k, v in os.environ.items() if not k.startswith('YOLO')}
           | {'TMPDIR': str(tmp_path), 'PYTHONPATH': str(ROOT)})
    assert subprocess.run([sys.executable, '-c', code], env=env).returncode == -signal.SIGKILL
    assert not list(tmp_path.glob('alpr-nb-*'))
