"Pages that are notebooks run from top to bottom in their own folder, as in JupyterLab, and leave git's files alone."
import json
import subprocess

import nbformat
import pytest
from nbclient import NotebookClient

from conftest import ROOT
from pages import blocks, reading_order

SHORT = 'howto/folder_to_csv', 'howto/gpu', 'tutorials/another_project' # the others are run by `make test-long`


def with_cells():
    "Names of the pages with code."
    return [name for name, page in reading_order(ROOT).items() if page.suffix == '.ipynb'
            and any(c['cell_type'] == 'code' for c in json.loads(page.read_text())['cells'])]


def changed(): return subprocess.run(['git', 'status', '--porcelain'], cwd=ROOT, capture_output=True, text=True).stdout


@pytest.mark.parametrize('name', [name if name in SHORT else pytest.param(name, marks=pytest.mark.long)
                                  for name in with_cells()])
def test_a_page_runs_from_its_own_folder(name, monkeypatch):
    page, before = reading_order(ROOT)[name], changed()
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    place = dict(metadata=dict(path=page.parent))
    NotebookClient(nbformat.read(page, as_version=4), resources=place, timeout=300).execute()
    assert changed() == before


def test_the_short_pages_exist(): assert set(SHORT) <= set(with_cells())


@pytest.mark.parametrize('name', ['tutorials/your_data', 'tutorials/experiments'])
def test_a_commit_after_a_run_takes_every_folder_in_which_dvc_writes(name):
    "`dvc repro` writes a .gitignore beside each output: a commit without these folders leaves a dirty tree."
    for block in blocks(reading_order(ROOT)[name], 'sh'):
        lines = block.splitlines()
        if 'dvc repro' not in lines or not any(line.startswith('git commit') for line in lines): continue
        after = [line for line in lines[lines.index('dvc repro'):] if line.startswith('git add')]
        added = {word for line in after for word in line.split()[2:]}
        assert {'datasets', 'dvc.lock', 'outputs', 'reports'} <= added, block
