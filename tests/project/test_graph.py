"""The whole pipeline in the smoke profile, through DVC and papermill, in a copy of the project."""
import json
import os
import re
import shutil
import subprocess

import nbformat
import pytest
import yaml

from alpr_nb.core.config import load_params
from conftest import copy_project

pytestmark = pytest.mark.graph


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp('graph')/'alpr-nb')


def run(project, *command, check=True):
    "Run a command in the copy, with the copy's own modules; returns what it printed."
    done = subprocess.run(command, cwd=project, env={**os.environ, 'PYTHONPATH': str(project)}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert not check or done.returncode == 0, done.stdout[-5000:]
    return done


def ran(output):
    "Names of the stages that DVC ran."
    return set(re.findall(r"^Running stage '([^']+)'", output, re.M))


def edit(project, old, new, cell_type='code', name='nbs/02_train_cr.ipynb'):
    "Replace `old`, which must be there, in the cells of a type."
    notebook = nbformat.read(project/name, as_version=4)
    cells = [c for c in notebook.cells if c.cell_type == cell_type and old in c.source]
    assert cells, f'{old!r} is not in a {cell_type} cell of {name}'
    cells[0].source = cells[0].source.replace(old, new, 1)
    nbformat.write(notebook, project/name)


def test_smoke_profile_runs_from_nothing(project):
    run(project, 'alpr-nb', 'params', 'profile=smoke')
    stages = ran(run(project, 'dvc', 'repro').stdout)
    assert {'synthesize@cd', 'prepare-data@cr', 'train@cd', 'train@cr', 'prepare-model@cd', 'benchmark@validation',
            'reports', 'verify', 'bundle'} <= stages
    metrics = json.loads((project/'outputs/truck/benchmark/validation/metrics.json').read_text())
    assert metrics['n'] > 0 and 0 <= metrics['acc@0.2'] <= 1
    pages = {p.stem for p in (project/'reports/truck').glob('*.html')}
    assert pages == {f'{stage}-{task}' for stage in ('prepare-data', 'train', 'prepare-model') for task in ('cd', 'cr')
                     } | {'benchmark-validation', 'errors'}
    assert (project/'reports/index.html').is_file()
    manifest = json.loads((project/'models/truck/bundle/manifest.json').read_text())
    assert manifest['scope'] == 'truck'
    drawn = load_params(project/'params.yaml')['data']['drawing']
    assert ({task: own['count'] for task, own in manifest['synthesis'].items()}
            == {task: drawn[task]['count'] for task in ('cd', 'cr')})
    photo = next((project/'datasets/truck/cd/raw/validation').glob('*.jpg'))
    line = json.loads(run(project, 'alpr-nb', 'read', '--json', '--bundle', 'models/truck/bundle', str(photo)).stdout)
    assert line['width'] > 0 and isinstance(line['readings'], list)


def test_nothing_runs_twice(project):
    again = run(project, 'dvc', 'repro').stdout
    stages = run(project, 'dvc', 'stage', 'list', '--name-only').stdout.split()
    assert ran(again) == set()
    assert set(re.findall(r"^Stage '([^']+)' didn't change", again, re.M)) == set(stages)


def test_scopes_lie_side_by_side(project):
    "One word switches the scope, and back: nothing that was made before is made again."
    run(project, 'alpr-nb', 'params', 'scope=wagon', 'profile=smoke')
    assert {'synthesize@cr', 'prepare-data@cr'} <= ran(run(project, 'dvc', 'repro', 'prepare-data@cr').stdout)
    assert (project/'datasets/wagon/cr/yolo').is_dir() and (project/'datasets/truck/cr/yolo').is_dir()
    run(project, 'alpr-nb', 'params', 'profile=smoke')
    assert ran(run(project, 'dvc', 'repro').stdout) == set()
    run(project, 'alpr-nb', 'params', 'scope=wagon', 'profile=smoke')
    assert ran(run(project, 'dvc', 'repro', 'prepare-data@cr').stdout) == set()
    run(project, 'alpr-nb', 'params', 'profile=smoke')
    run(project, 'dvc', 'repro')


def test_metrics_and_plots_are_shown(project):
    assert 'acc@0.2' in run(project, 'dvc', 'metrics', 'show').stdout
    shown = subprocess.run(['dvc', 'plots', 'show', '--json'], cwd=project, check=True, capture_output=True,
                           text=True).stdout
    drawn = {title for title, found in json.loads(shown)['data'].items() if found}
    # a model of one epoch fills no other
    assert {'mAP50 by epoch', 'Accuracy by confidence threshold'} <= drawn


def test_a_fresh_clone_has_the_figures(project, tmp_path):
    "Metrics and plots of a committed run are in git: a clone without DVC's cache shows and compares them."
    for message in ('A run', 'Another run'):
        subprocess.run(['git', 'add', '-A'], cwd=project, check=True)
        subprocess.run(['git', 'commit', '-qm', message], cwd=project, check=True)
        metrics = project/'outputs/truck/validation.json'
        found = json.loads(metrics.read_text())
        metrics.write_text(json.dumps(found | {'acc@0.2': found['acc@0.2'] + .25}))
    clone = tmp_path/'clone'
    subprocess.run(['git', 'clone', '-q', project, clone], check=True)
    told = lambda *command: subprocess.run(['dvc', *command], cwd=clone, check=True, capture_output=True,
                                           text=True).stdout
    assert len(json.loads(told('metrics', 'show', '--json'))['']['data']) == 1
    assert 'acc@0.2' in told('metrics', 'diff', 'HEAD~1')
    assert json.loads(told('plots', 'show', '--json'))['data']['mAP50 by epoch']
    drawn = json.loads(told('plots', 'diff', 'HEAD~1', '--json'))['data']['mAP50 by epoch']
    assert drawn[0]['revisions'] == ['workspace', 'HEAD~1']
    every = told('metrics', 'show', 'outputs/truck/benchmark/validation/metrics.json')
    assert 'acc_raw@0.3' in every and 'acc_raw@0.3' not in told('metrics', 'show') # one argument away
    columns = told('exp', 'show', '-n', '2', '--csv').splitlines()[0].split(',')
    assert {'exact', 'acc@0.2', 'acc@0.9', 'cer', 'p50'} <= set(columns)
    assert max(map(len, told('metrics', 'show').splitlines())) <= 100

    recorded = [f for f in (clone/'reports/recorded').rglob('*') if f.is_file()]
    assert {f.stem for f in recorded if f.suffix == '.ipynb'} == {
        'prepare-data-cd', 'prepare-data-cr', 'train-cd', 'train-cr',
        'prepare-model-cd', 'prepare-model-cr', 'benchmark-validation'}
    assert sum(f.stat().st_size for f in recorded) <= 1_500_000
    assert not [f for f in recorded if str(project) in f.read_text()]
    run(project, 'dvc', 'repro')


def test_a_sentence_reaches_its_report_without_training(project):
    first = nbformat.read(project/'nbs/02_train_cr.ipynb', as_version=4).cells[0].source.splitlines()[0]
    edit(project, first, f'{first}\n\nA sentence about quokkas.', 'markdown')
    stages = ran(run(project, 'dvc', 'repro').stdout)
    assert 'reports' in stages
    assert stages <= {'code', 'reports', 'verify'}
    assert 'quokkas' in (project/'reports/truck/train-cr.html').read_text()


def test_a_comment_does_not_retrain(project):
    edit(project, '#| eval: false', '#| eval: false\n# quokkas train well')
    module = project/'alpr_nb/training/run.py'
    module.write_text(module.read_text() + '\n# a comment about quokkas\n')
    stages = ran(run(project, 'dvc', 'repro').stdout)
    assert 'code' in stages
    assert not {s for s in stages if s.startswith(('train', 'prepare', 'benchmark', 'synthesize'))}


def test_an_experiment_runs_what_depends_on_its_parameter(project):
    done = run(project, 'dvc', 'exp', 'run', '-n', 'longer', '-S', 'profile=smoke', '-S',
               'train.tasks.cr.epochs=2').stdout
    assert ran(done) >= {'train@cr', 'prepare-model@cr', 'benchmark@validation', 'reports', 'bundle'}
    assert not {s for s in ran(done) if s.startswith('synthesize') or s.endswith(('@cd', '-cd'))
                or s.startswith('prepare-data')}
    shown = run(project, 'dvc', 'exp', 'show', '--csv').stdout
    assert 'longer' in shown and 'train.tasks.cr.epochs' in shown and 'acc@0.2' in shown


@pytest.mark.parametrize('change', ['stage cell', 'imported module'])
def test_changed_code_retrains(project, change):
    before = (project/'nbs/02_train_cr.ipynb').read_text(), (project/'alpr_nb/training/run.py').read_text()
    if change == 'stage cell': edit(project, '#| eval: false', "#| eval: false\nprint('quokkas')")
    else: (project/'alpr_nb/training/run.py').write_text(before[1] + "\nquokkas = 1\n")
    try:
        assert 'train@cr:' not in run(project, 'dvc', 'status', 'train@cr').stdout
        run(project, 'dvc', 'repro', 'code')
        assert 'train@cr:' in run(project, 'dvc', 'status', 'train@cr').stdout
        if change == 'stage cell': assert 'train@cr' in ran(run(project, 'dvc', 'repro', 'train@cr').stdout)
    finally:
        (project/'nbs/02_train_cr.ipynb').write_text(before[0])
        (project/'alpr_nb/training/run.py').write_text(before[1])


def test_another_checkpoint_under_the_same_name_retrains(project):
    "A training depends on what it starts from: not on the name alone, and not on the rest of weights/."
    (project/'weights/mine.pt').write_text('one')
    run(project, 'alpr-nb', 'params', 'profile=smoke', 'train.tasks.cr.weights=mine.pt')
    run(project, 'dvc', 'commit', '--force', 'train@cr')
    assert 'train@cr' not in run(project, 'dvc', 'status', 'train@cr').stdout
    (project/'weights/README.md').write_text('prose')
    (project/'weights/other.pt').write_text('other')
    assert 'train@cr' not in run(project, 'dvc', 'status', 'train@cr').stdout
    (project/'weights/mine.pt').write_text('two')
    assert re.search('train@cr:.*weights/mine.pt', run(project, 'dvc', 'status', 'train@cr').stdout, re.S)


def test_from_scratch_no_checkpoint_is_a_dependency(project):
    run(project, 'alpr-nb', 'params', 'profile=smoke')
    lock = yaml.safe_load((project/'dvc.lock').read_text())
    assert ([d['path'] for d in lock['stages']['train@cd']['deps'] if d['path'].startswith('weights')]
            == ['weights/scratch'])


def test_under_the_gate_the_reports_stay_and_no_bundle_is_made(project):
    run(project, 'alpr-nb', 'params', 'profile=smoke', 'benchmark.gate=1')
    shutil.rmtree(project/'models/truck/bundle')
    failed = run(project, 'dvc', 'repro', check=False)
    assert failed.returncode != 0
    assert "failed to reproduce 'verify'" in failed.stdout
    assert re.search(r'acc@0\.2 .*under the gate of 1', failed.stdout), failed.stdout[-2000:]
    assert (project/'reports/truck/benchmark-validation.html').is_file() and (project/'reports/index.html').is_file()
    assert not (project/'outputs/truck/gate/validation.json').exists()
    assert not (project/'models/truck/bundle').exists()
