import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
os.environ['PATH'] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

# CI tries the same examples each time: a change is not refused for what chance finds elsewhere.
settings.register_profile('ci', derandomize=True)
if os.environ.get('CI'): settings.load_profile('ci')


@pytest.fixture(scope='session')
def root():
    "The project's root."
    return ROOT


def copy_project(copy):
    "The working tree as a git repository of its own in `copy`: what a commit of this state would hold."
    files = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '-z'], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split('\0')
    for name in filter(None, files):
        if not (ROOT/name).is_file(): continue
        (copy/name).parent.mkdir(parents=True, exist_ok=True)
        (copy/name).write_bytes((ROOT/name).read_bytes())
    for command in (['init', '-q', '-b', 'main'], ['config', 'user.name', 'test'],
                    ['config', 'user.email', 'test@example.org'], ['add', '-A'], ['commit', '-qm', 'copy']):
        subprocess.run(['git', *command], cwd=copy, check=True)
    return copy


@pytest.fixture(scope='session')
def project_copy(tmp_path_factory):
    "A copy of the project that tests leave as it is."
    return copy_project(tmp_path_factory.mktemp('copy')/'alpr-nb')
