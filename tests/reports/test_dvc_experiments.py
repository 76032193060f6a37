"Commits and experiments of a real DVC repository, on the thesis's own example: yolov5n against yolov5s."
import shutil
from dataclasses import replace

import pytest

from alpr_nb.core.config import UserError
from alpr_nb.reports.dvc_experiments import read_curves, read_rows, with_full_metrics
from alpr_nb.reports.experiment_page import render_experiments, split_columns
from fabricated import dvc, experiments, git, repository

pytestmark = pytest.mark.graph


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    return experiments(tmp_path_factory.mktemp('experiments')/'project')


def test_every_commit_and_experiment_is_there(project):
    rows = read_rows(project)
    assert [r.kind for r in rows] == ['workspace', 'commit', 'experiment', 'experiment', 'commit']
    assert {r.name for r in rows[2:4]} == {'small', 'longer'}
    by = {r.name: r for r in rows}
    base, head = rows[1], git(project, 'rev-parse', 'HEAD')
    assert (base.revision, base.subject, base.state) == (head, 'yolov5n, the baseline', '')
    assert rows[4].state == 'no run of its own'
    assert base.params['train.tasks.cd.cfg'] == 'yolov5n.yaml'
    assert by['small'].params['train.tasks.cd.cfg'] == 'yolov5s.yaml'
    assert base.metrics['cd: mAP50'] == .9 and by['small'].metrics['cd: mAP50'] == .95
    assert base.models['models/truck/cd.onnx'][0] == 2000 and by['small'].models['models/truck/cd.onnx'][0] == 7000
    assert len(by['small'].models['models/truck/cd.onnx'][1]) == 32 and read_rows(project, 1)[-1].kind == 'experiment'


def test_full_metrics_are_read_from_every_revision(project):
    "Metrics that DVC does not list are read from git, and those of the workspace from the disk."
    rows = with_full_metrics(project, [replace(r, metrics={'any': 1}) for r in read_rows(project) if r.metrics])
    assert {r.kind: r.metrics['cd: mAP50'] for r in rows if r.name != 'longer'} == dict(
        workspace=.9, commit=.9, experiment=.95)


def test_what_differs_is_a_column(project):
    differing, same = split_columns([r for r in read_rows(project) if r.metrics and r.kind != 'workspace'])
    assert {(g, k) for g, k, *_ in differing} >= {('setting', 'train.tasks.cd.cfg'),
                                                  ('setting', 'train.tasks.cd.epochs'),
                                                  ('model', 'models/truck/cd.onnx')}
    assert {'train.tasks.cd.lr0', 'scope.name'} <= set(same['setting'])


def test_curves_are_those_of_dvc(project):
    revisions = [r.revision for r in read_rows(project) if r.metrics]
    curve, = read_curves(project, revisions)
    assert curve.title == 'mAP50 by epoch' and curve.x == 'epoch' and set(curve.lines) == set(revisions)
    assert sorted(len(points) for points in curve.lines.values()) == [4, 4, 6, 6]
    small = next(r.revision for r in read_rows(project) if r.name == 'small')
    assert curve.lines[small][-1] == (3., round(.95*(1 - .5**4), 4))


def test_the_page(project):
    text = render_experiments(project).read_text()
    assert '2 commits and 2 experiments. 4 states with results, the workspace included.' in text
    assert 'yolov5s.yaml' in text and '7.0 kB' in text and 'mAP50 by epoch' in text and 'yolov5n, the baseline' in text


def test_figures_of_two_scopes_share_no_column(project, tmp_path):
    root = tmp_path/'copy'
    shutil.copytree(project, root)
    for name in ('train.py', 'dvc.yaml', 'params.yaml'):
        (root/name).write_text((root/name).read_text().replace('truck', 'wagon'))
    dvc(root, 'repro', '-q')
    git(root, 'add', '-A')
    git(root, 'commit', '-qm', 'Wagons')
    by = {r.subject or r.name: r.metrics for r in read_rows(root)}
    assert set(by['Wagons']) == {'wagon/cd: mAP50', 'wagon/cd: epochs'}
    assert set(by['small']) == set(by['yolov5n, the baseline']) == {'truck/cd: mAP50', 'truck/cd: epochs'}


def test_without_history_it_says_so(tmp_path):
    with pytest.raises(UserError, match='found none'): read_rows(tmp_path)
    root = repository(tmp_path/'broken')
    (root/'dvc.yaml').write_text('stages: 3\n')
    git(root, 'add', '-A')
    git(root, 'commit', '-qm', 'broken')
    rows = read_rows(root)
    assert [r.metrics for r in rows] == [{}, {}] and 'dvc.yaml' in rows[-1].state
