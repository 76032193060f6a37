"Copies of the project for tests that change files or run DVC, and hypothesis' profiles."
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
os.environ['PATH'] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

# CI tries the same examples each time, so that a change is not refused for an older fault that chance finds.
settings.register_profile('ci', derandomize=True)
# `make test-long`: LONG_FACTOR times the examples that a test asks for, or that hypothesis tries by default.
settings.register_profile('long', settings.get_profile('default'))
LONG_FACTOR = 20
if os.environ.get('CI'): settings.load_profile('ci')


def pytest_collection_modifyitems(items):
    "In the profile `long`, multiply the examples of each hypothesis test; a number in a decorator overrides a profile."
    if settings.get_current_profile_name() != 'long': return
    done = set()
    for item in items:
        test = getattr(item, 'obj', None)
        own = getattr(test, '_hypothesis_internal_use_settings', None)
        if own is None or id(test) in done: continue # parametrized tests share their function
        done.add(id(test))
        test._hypothesis_internal_use_settings = settings(own, max_examples=LONG_FACTOR*own.max_examples)


@pytest.fixture(scope='session')
def root():
    "The project's root."
    return ROOT


def copy_project(copy):
    "Copy the working tree into `copy`, as a git repository with one commit."
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
    "A copy of the project. Tests leave it unchanged."
    return copy_project(tmp_path_factory.mktemp('copy')/'alpr-nb')
