"""The repository is in order: exports, clean notebooks, composed parameters, README."""
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from typer.testing import CliRunner

from conftest import copy_project

STAGES = ['00_data', '01_train_cd', '02_train_cr', '03_export', '04_benchmark']
SCOPES = sorted(p.stem for p in (Path(__file__).parents[2]/'conf/scope').glob('*.yaml'))


def changed(copy):
    return subprocess.run(['git', 'status', '--porcelain'], cwd=copy, check=True, capture_output=True, text=True).stdout


def test_export_and_clean_leave_no_diff_and_the_tag_survives(project_copy):
    for command in ('nbdev_export', 'nbdev_clean'):
        subprocess.run([command], cwd=project_copy, check=True, capture_output=True)
        assert changed(project_copy) == '', command
    for name in STAGES:
        notebook = nbformat.read(project_copy/f'nbs/{name}.ipynb', as_version=4)
        tagged = [c for c in notebook.cells if 'parameters' in c.metadata.get('tags', [])]
        assert len(tagged) == 1, name
        assert notebook.metadata.kernelspec.language == 'python'


def test_cleaning_would_remove_the_tag_without_the_setting(project_copy, tmp_path):
    "The test above can fail: nbdev deletes the tag when settings.ini does not allow it."
    for name in ('settings.ini', 'nbs/00_data.ipynb'):
        (tmp_path/name).parent.mkdir(exist_ok=True)
        text = (project_copy/name).read_text().replace('allowed_cell_metadata_keys = tags',
                                                       'allowed_cell_metadata_keys =')
        (tmp_path/name).write_text(text)
    subprocess.run(['nbdev_clean', '--fname', 'nbs/00_data.ipynb'], cwd=tmp_path, check=True, capture_output=True)
    assert '"parameters"' not in (tmp_path/'nbs/00_data.ipynb').read_text()


def test_params_are_what_conf_composes(project_copy):
    subprocess.run(['alpr-nb', 'params'], cwd=project_copy, check=True)
    assert changed(project_copy) == ''


@pytest.mark.parametrize('profile', ['smoke', 'quick', 'full', 'release'])
@pytest.mark.parametrize('choice', [*(f'data={s}' for s in ('synthetic', 'batches', 'both', 'mixed')),
                                    *(f'scope={s}' for s in SCOPES)])
def test_every_profile_source_and_scope_composes_to_known_parameters(project_copy, tmp_path, profile, choice):
    "Each section holds exactly the parameters of its notebook."
    from alpr_nb.core.config import load_section
    from alpr_nb.workflow.notebook_cells import check_parameters, notebook_parameters, read_notebook
    from alpr_nb.workflow.params import compose
    params = compose([f'profile={profile}', choice], tmp_path/'params.yaml', project_copy/'conf')
    reader = {**load_section('benchmark.settings', params), **load_section('benchmark.sets.validation', params),
              'set_name': ''}
    sections = {'01_train_cd': ['train.tasks.cd'], '02_train_cr': ['train.tasks.cr'],
                '03_export': ['train.export.cd', 'train.export.cr']}
    given = [(name, load_section(section, params)) for name, these in sections.items() for section in these]
    given += [('00_data', load_section(f'data.prepare.{task}', params) | load_section('machine', params))
              for task in ('cd', 'cr')]
    for name, values in [*given, ('04_benchmark', reader)]:
        parameters = notebook_parameters(read_notebook(project_copy/f'nbs/{name}.ipynb'), name)
        check_parameters(parameters, values, name, complete=True)


def test_no_stage_depends_on_the_number_of_processes(project_copy, tmp_path):
    from alpr_nb.core.config import load_params
    from alpr_nb.workflow.params import compose
    few, many = (load_params(compose([f'machine.n-jobs={n}'], tmp_path/f'{n}.yaml', project_copy/'conf'))
                 for n in (1, 9))
    assert {k for k in few if few[k] != many[k]} == {'machine'}
    stages = yaml.safe_load((project_copy/'dvc.yaml').read_text())['stages'].values()
    assert not [p for s in stages for p in s.get('do', s).get('params', ()) if p.startswith('machine')]


def test_commands_take_the_number_of_processes(tmp_path, monkeypatch):
    from alpr_nb.cli import app
    monkeypatch.chdir(tmp_path)
    (tmp_path/'params.yaml').write_text('cr: {task: cr, out: drawn}\nmachine: {n-jobs: 3}\n')
    given = {}
    monkeypatch.setattr('alpr_nb.drawing.synthesize.synthesize', lambda **keys: given.update(synth=keys['n_jobs']))
    monkeypatch.setattr('alpr_nb.data.checks.check.check',
                        lambda sources, **keys: given.update(check=keys['n_jobs']) or sys.exit(0))
    for command in (['synth'], ['check', '.']):
        CliRunner().invoke(app, [*command, '--params', 'cr', '--params', 'machine'])
    assert given == dict(synth=3, check=3)


def test_the_release_is_one_graph(tmp_path):
    "Real sources are imported, packed and joined by the stages that the profile switches on."
    copy = copy_project(tmp_path/'alpr-nb')
    listed = lambda: subprocess.run(['dvc', 'stage', 'list', '--name-only'], cwd=copy, check=True, capture_output=True,
                                    text=True).stdout.split()
    real = {'import@openalpr-eu', 'import@plates-ro', 'annotate@truck-crops', 'pack@cd', 'pack@cr', 'combine@cd',
            'combine@cr', 'benchmark@openalpr-br', 'benchmark@truck-crops'}
    assert not real & set(listed()) and len(listed()) <= 18
    subprocess.run(['alpr-nb', 'params', 'profile=release'], cwd=copy, check=True)
    assert real | {'synthesize@cd', 'bundle'} <= set(listed())


@pytest.mark.parametrize('group', ['scope', 'data', 'train', 'reader', 'benchmark', 'profile'])
def test_a_file_of_conf_says_something(root, group):
    "No file has a defaults list alone, but for one that names a group of sources."
    files = list((root/'conf'/group).rglob('*.yaml'))
    assert files
    for file in files:
        said = yaml.safe_load(file.read_text())
        assert set(said) != {'defaults'} or file.parent.name == 'sources' or file.stem == 'release', file


def test_git_keeps_what_dvc_add_writes_and_not_the_data(project_copy):
    ignored = lambda path: not subprocess.run(['git', 'check-ignore', '-q', path], cwd=project_copy).returncode
    kept = ('datasets/truck/cd/batches.dvc', 'datasets/truck/cd/.gitignore', 'dvc.lock',
            'outputs/truck/cd/metrics.json', 'outputs/truck/validation.json', 'weights/scratch',
            'outputs/wagon/benchmark/any/metrics.json', 'reports/recorded/plots/train-cd/results.csv')
    for path in kept: assert not ignored(path), path
    for path in ('datasets/truck/cd/batches/ann_image_part_1.zip', 'outputs/x', 'outputs/truck/cd/exp/results.csv',
                 'outputs/code/pack.json', 'reports/truck/errors.html', 'models/truck/cd.onnx', 'weights/yolov5n.pt'):
        assert ignored(path), path


def test_readme_is_generated_from_index(project_copy):
    subprocess.run(['make', '-s', 'readme', 'VENV=done'], cwd=project_copy, check=True, capture_output=True)
    assert changed(project_copy) == ''


def test_notebooks_are_without_outputs_and_absolute_paths(root):
    for file in (root/'nbs').rglob('*.ipynb'):
        if '.ipynb_checkpoints' in file.parts: continue
        cells = json.loads(file.read_text())['cells']
        assert all(c.get('execution_count') is None and not c.get('outputs') for c in cells), file
        assert '/work/' not in file.read_text() and '/home/' not in file.read_text(), file


def test_a_clone_has_the_recorded_figures_without_a_run(project_copy):
    "dvc.lock, metrics and plot tables of the scope truck and the profile quick are in git."
    def run(*words):
        done = subprocess.run(['dvc', *words, '--json'], cwd=project_copy, check=True, capture_output=True, text=True,
                              env=os.environ | dict(DVC_NO_ANALYTICS='1'))
        return json.loads(done.stdout)

    found = json.dumps(run('metrics', 'show'))
    assert '"acc@0.2"' in found and '"p50"' in found and '"error"' not in found
    shown = {title for title, plots in run('plots', 'show')['data'].items() if plots}
    assert len(shown) >= 4
    recorded = [f for f in (project_copy/'reports/recorded').rglob('*') if f.is_file()]
    assert 0 < sum(f.stat().st_size for f in recorded) <= 1.5e6
    executed = {f.stem for f in (project_copy/'reports/recorded/executed').glob('*.ipynb')}
    assert {'prepare-data-cd', 'train-cd', 'train-cr', 'prepare-model-cr', 'benchmark-validation'} <= executed
