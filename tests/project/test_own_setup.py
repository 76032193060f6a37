"A set-up of one's own: wrong parameters are refused at once, and what `dvc exp run` would drop is told."
import os
import shutil
import subprocess

import pytest
import yaml

from alpr_nb.parameters import BenchmarkSettings, PreparedSamples, validate_parameters
from alpr_nb.training.settings import ExportConfig
from alpr_nb.workflow.params import composed
from conftest import ROOT
from photo_sets import labelme, photo
from stage_cells import parameters


@pytest.fixture
def project(tmp_path):
    "The configuration of the project and what it names, without the package."
    folder = tmp_path/'alpr-nb'
    shutil.copytree(ROOT/'conf', folder/'conf')
    for file in ('params.yaml', 'dvc.yaml'): shutil.copy(ROOT/file, folder/file)
    (folder/'weights').symlink_to(ROOT/'weights')
    photo(folder/'photographs/a.jpg')
    return folder


def alpr_nb(project, *words):
    "Run a command in the copy; returns its exit status, and what it printed."
    done = subprocess.run(['alpr-nb', *words], cwd=project, env=os.environ | dict(PYTHONPATH=str(ROOT)), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def test_wrong_types_and_ranges_are_refused_with_key_and_allowed_values(project):
    before = (project/'params.yaml').read_bytes()
    status, said = alpr_nb(project, 'params', 'benchmark.gate=ninety', '+reader.cd.threshold=2',
                           'train.tasks.cr.epochs=many')
    assert status == 1 and 'Traceback' not in said
    assert "benchmark.gate: expected a number from 0 to 1, found 'ninety'" in said
    assert 'reader.cd.threshold: expected a number from 0 to 1, found 2' in said
    assert "train.tasks.cr.epochs: expected a whole number of at least 1, found 'many'" in said
    assert (project/'params.yaml').read_bytes() == before


def test_a_misspelt_key_of_a_profile_is_refused(project):
    "Hydra adds an unknown key of a profile to the parameters without a word."
    (project/'conf/profile/mine.yaml').write_text('# @package _global_\ntrain: {tasks: {cr: {epoch: 3}}}\n')
    status, said = alpr_nb(project, 'params', 'profile=mine')
    assert status == 1 and 'train.tasks.cr.epoch is an unknown key; the section takes scope, task' in said


def test_a_wrong_gate_that_came_in_through_dvc_exp_run_is_named(project):
    params = yaml.safe_load((project/'params.yaml').read_text())
    params['benchmark']['gate'] = 'ninety'
    (project/'params.yaml').write_text(yaml.safe_dump(params))
    status, said = alpr_nb(project, 'verify')
    assert status == 1 and said.startswith('alpr-nb: benchmark.gate: expected a number from 0 to 1')


def test_what_dvc_exp_run_would_compose_away_is_told(project):
    status, said = alpr_nb(project, 'params', 'data=batches', 'benchmark.gate=0', 'train.tasks.cr.epochs=4')
    assert status == 0 and 'It differs from the defaults:' in said
    told = said.partition('`dvc exp run` composes it again')[2]
    lines = {k: (a, b) for k, a, _, b, *_ in (line.split() for line in told.splitlines() if ' -> ' in line)}
    assert lines['benchmark.gate'] == ('0', '0.9') and lines['train.tasks.cr.epochs'] == ('4', '6')
    assert lines['data.samples-from.cd'] == ('batches', 'synthetic')
    assert 'train.tasks.cr.epochs' in alpr_nb(project, 'params', '--check', '--all')[1]
    status, said = alpr_nb(project, 'params')
    assert status == 0 and 'dvc exp run' not in said


def test_a_profile_for_own_photographs_serves_dvc_repro_and_dvc_exp_run(project, tmp_path):
    photos = tmp_path/'my photos'
    for i in range(3):
        photo(photos/f'{i}.jpg')
        labelme(photos/f'{i}.json', ('ABC1D23', (10, 10, 90, 40)))
    status, said = alpr_nb(project, 'init', 'mine', '--from', str(photos), '--test', '0.25')
    assert status == 0, said
    assert '3 photographs, 3 with LabelMe files, 3 with the text of a code.' in said
    assert f'alpr-nb import labelme "{photos}" datasets/truck/cd/photos' in said
    assert '--test 0.25 --repeat 8' in said and '--crops --accept-aligned' in said
    params = yaml.safe_load((project/'params.yaml').read_text())
    assert params['data']['samples-from'] == dict(cd='both', cr='both')
    assert params['benchmark']['sets']['held'] == dict(
        images='datasets/truck/cd/photos', held=.25,
        baselines={'truck-synthetic': 'trained without photographs', 'truck': 'may have seen these photographs'})
    for task in ('cd', 'cr'): assert (project/'weights'/params['train']['tasks'][task]['weights']).is_file()
    assert '`dvc exp run` would compose the same' in alpr_nb(project, 'params', '--check')[1]
    status, said = alpr_nb(project, 'init', 'mine', '--from', str(photos))
    assert status == 1 and 'exists already' in said


@pytest.mark.parametrize('words, says', [
    (('mine', '--from', 'nowhere'), 'nowhere: no such folder'),
    (('mine', '--from', 'conf'), 'has no photographs'),
    (('../mine', '--from', 'photographs'), 'expected a name of letters'),
    (('mine', '--from', 'photographs', '--scope', 'cars'), 'conf/scope has no cars; it has container, truck, wagon'),
    (('mine', '--from', 'photographs', '--start', 'none'), '--start: weights/none has no cd.pt; folders with both: '),
    (('mine', '--from', 'photographs', '--test', '1'), '--test: expected a share')])
def test_a_wrong_request_leaves_no_profile(project, words, says):
    status, said = alpr_nb(project, 'init', *words)
    assert status == 1 and says in said and 'Traceback' not in said
    assert {p.name for p in (project/'conf/profile').iterdir()} == {p.name for p in (ROOT/'conf/profile').iterdir()}
    for file in ('conf/config.yaml', 'params.yaml'): assert (project/file).read_bytes() == (ROOT/file).read_bytes()


@pytest.mark.parametrize('notebook, kind, other', [
    ('04_benchmark.ipynb', BenchmarkSettings, {'set_name', 'images'}), ('00_data.ipynb', PreparedSamples, {'n_jobs'}),
    ('03_export.ipynb', ExportConfig, set())])
def test_models_and_parameter_cells_have_the_same_names(notebook, kind, other):
    assert set(parameters(notebook)) == set(kind.model_fields) | other


@pytest.mark.parametrize('scope', ['truck', 'container', 'wagon'])
@pytest.mark.parametrize('profile', ['smoke', 'quick', 'full', 'release'])
def test_every_profile_of_this_project_is_valid(scope, profile):
    validate_parameters(yaml.safe_load(composed([f'scope={scope}', f'profile={profile}'])))
