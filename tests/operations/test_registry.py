"Versions, stages, rollback and fetch with a folder as remote; tags that were moved, remotes that are gone."
import json
import os
import shutil
import subprocess
import tarfile
import threading

import pytest
import yaml

from alpr_nb.core.config import UserError
from alpr_nb.inference.bundle import BundleError, load_bundle, write_bundle
from alpr_nb.inference.config import ReaderConfig
from alpr_nb.inference.reader import Reader
from alpr_nb.operations import promotion
from alpr_nb.operations.bundles import fetch, register, release_bundle
from alpr_nb.operations.registry import find_assigned, read_tags, registry_lock, stack_of
from conftest import ROOT
from onnx_models import ALPHABET, fixed_model, text_model

pytestmark = pytest.mark.graph
CONFIG = ReaderConfig(scope='truck', label='plate', alphabet=ALPHABET, formats={'old': {'pattern': 'LLLNNNN'}},
                      substitutions={})


def git(root, *words, **env):
    return subprocess.run(['git', *words], cwd=root, check=True, capture_output=True, text=True,
                          env=os.environ | env).stdout.strip()


def bundle(folder, text, accuracy=.95):
    "A bundle whose reader always reads `text`."
    folder.mkdir(parents=True)
    (folder/'cd.onnx').write_bytes(fixed_model([[100, 60, 120, 40, .9, 1]]))
    (folder/'cr.onnx').write_bytes(text_model(text))
    return write_bundle(folder/'bundle', folder/'cd.onnx', folder/'cr.onnx', CONFIG,
                        metrics=dict(validation={'n': 100, 'acc@0.2': accuracy}))


@pytest.fixture(scope='module')
def template(tmp_path_factory):
    "A project with three versions: two good ones and one under the gate."
    here = tmp_path_factory.mktemp('registry')
    root = here/'project'
    root.mkdir()
    (here/'store').mkdir()
    for words in ('init -q -b main', 'config user.name t', 'config user.email t@example.org'): git(root, *words.split())
    for words in (['init', '-q'], ['remote', 'add', '-q', '-d', 'store', '../store']):
        subprocess.run(['dvc', *words], cwd=root, check=True)
    (root/'dvc.yaml').write_text('artifacts: {}\n')
    for n, accuracy in enumerate((.95, .96, .5), 1):
        bundle(here/str(n), f'ABC123{n}', accuracy)
        release_bundle(root, 'truck', here/str(n)/'bundle')
        git(root, 'add', '-A')
        git(root, 'commit', '-qm', f'bundle {n}')
        subprocess.run(['dvc', 'push', '-q'], cwd=root, check=True)
        register(root, 'truck', f'v{n}.0.0')
    return here


@pytest.fixture
def project(template, tmp_path):
    "A copy of the project, and a function that promotes with the results of the comparison given."
    shutil.copytree(template, tmp_path/'here', symlinks=True)
    return tmp_path/'here/project'


def promote(root, version, monkeypatch=None, worse=(), **keys):
    if monkeypatch: monkeypatch.setattr(promotion, '_compare', lambda *_: (['validation: measured'], list(worse)))
    return promotion.promote(root, 'truck', 'prod', version, sets=dict(validation='set'), echo=str, **keys)


def code_of(folder):
    "The code that a bundle's reader reads."
    import numpy as np
    return Reader(bundle=folder).read(np.full((120, 260, 3), 90, np.uint8))[0].code


def test_promotion_rollback_and_fetch(project, monkeypatch, tmp_path):
    assert promote(project, 'v1.0.0') == 'truck#prod#1'
    assert promote(project, 'v2.0.0', monkeypatch) == 'truck#prod#2'
    with pytest.raises(UserError, match='v3.0.0 is not promoted to prod: acc@0.2 on validation is 0.500'):
        promote(project, 'v3.0.0', monkeypatch)
    with pytest.raises(UserError, match='is in the stage prod already'): promote(project, 'v2.0.0', monkeypatch)
    assert fetch(project, 'truck', tmp_path/'reader', 'prod').version == 'v2.0.0'
    assert code_of(tmp_path/'reader') == 'ABC1232'
    assert promotion.rollback(project, 'truck', 'prod', 'misses red plates').version == 'v1.0.0'
    assert fetch(project, 'truck', tmp_path/'reader', 'prod').version == 'v1.0.0'
    assert code_of(tmp_path/'reader') == 'ABC1231'
    with pytest.raises(UserError, match='no version before'): promotion.rollback(project, 'truck', 'prod')
    assert 'Reason: misses red plates' in git(project, 'tag', '-l', 'truck#prod#3', '--format=%(contents)')

    # the tools of the ecosystem agree
    subprocess.run(['dvc', 'artifacts', 'get', '.', 'truck', '--stage', 'prod', '-o', tmp_path/'by-dvc'], cwd=project,
                   check=True, capture_output=True)
    assert code_of(tmp_path/'by-dvc') == 'ABC1231'
    shown = subprocess.run(['gto', 'show', 'truck#prod'], cwd=project, check=True, capture_output=True, text=True)
    assert 'v1.0.0' in shown.stdout
    assert 'ABCDEF' in (project/'registry/truck.html').read_text()


def test_a_forced_promotion_is_recorded(project, monkeypatch):
    promote(project, 'v1.0.0')
    with pytest.raises(UserError, match='worse: 3 of 9'): promote(project, 'v2.0.0', monkeypatch, ['worse: 3 of 9'])
    assert len(stack_of(read_tags(project), 'truck', 'prod')) == 1
    name = promote(project, 'v3.0.0', monkeypatch, ['it is worse: 3 of 9'], force='the only one\nfor red plates')
    said = git(project, 'tag', '-l', name, '--format=%(contents)')
    assert 'Forced: the only one for red plates' in said and 'worse: 3 of 9' in said and 'under the gate' in said


def test_a_moved_tag_is_named(project, tmp_path):
    promote(project, 'v1.0.0')
    git(project, 'tag', '-f', '-a', 'truck@v1.0.0', '-m', 'moved', 'truck@v2.0.0^{commit}')
    git(project, 'tag', '-d', 'truck@v2.0.0')
    with pytest.raises(UserError, match='was moved'): fetch(project, 'truck', tmp_path/'reader', 'prod')
    git(project, 'tag', '-f', 'truck@v1.0.0', 'HEAD')
    with pytest.raises(UserError, match='truck@v1.0.0: the tag has no record'): read_tags(project)
    assert not (tmp_path/'reader').exists()


def test_a_bundle_that_was_changed_is_refused(project, tmp_path):
    with pytest.raises(UserError, match='v9'): fetch(project, 'truck', tmp_path/'reader', version='v9.0.0')
    subprocess.run(['dvc', 'checkout', '-q'], cwd=project, check=True)
    file = project/'registry/truck/manifest.json'
    content = file.read_text()
    file.unlink()
    file.write_text(content.replace('"AGPL-3.0"', '"none"'))
    with pytest.raises(UserError, match='not committed'): # and DVC sees it
        (project/'dvc.yaml').write_text('artifacts: {truck: {path: registry/truck}}\n')
        register(project, 'truck', 'v4.0.0')
    (project/'registry/truck/cr.onnx').unlink()
    with pytest.raises(BundleError): release_bundle(project, 'truck', project/'registry/truck')


def test_a_remote_that_is_gone_leaves_the_old_bundle(project, tmp_path):
    promote(project, 'v1.0.0')
    fetch(project, 'truck', tmp_path/'reader', 'prod')
    clone = tmp_path/'here/clone'
    git(tmp_path, 'clone', '-q', str(project), str(clone))
    assert fetch(clone, 'truck', tmp_path/'reader', version='v2.0.0').version == 'v2.0.0' # from the remote
    shutil.rmtree(clone/'.dvc/cache', ignore_errors=True)
    shutil.rmtree(project.parent/'store')
    with pytest.raises(UserError, match='cannot be fetched'): fetch(clone, 'truck', tmp_path/'reader', 'prod')
    assert code_of(tmp_path/'reader') == 'ABC1232'
    with pytest.raises(UserError, match='cannot be fetched'): promote(clone, 'v2.0.0')
    assert len(stack_of(read_tags(clone), 'truck', 'prod')) == 1


def stored(project, commit, name):
    "The file in DVC's remote that has the content of a file of the bundle at a commit."
    content = lambda md5: project.parent/'store/files/md5'/md5[:2]/md5[2:]
    folder, = yaml.safe_load(git(project, 'show', f'{commit}:registry/truck.dvc'))['outs']
    return content(next(f['md5'] for f in json.loads(content(folder['md5']).read_text()) if f['relpath'] == name))


@pytest.fixture
def clone(project, tmp_path):
    "A clone that has nothing in its cache, and ../reader with version 1."
    fetch(project, 'truck', tmp_path/'reader', version='v1.0.0')
    git(tmp_path, 'clone', '-q', str(project), str(tmp_path/'here/clone'))
    return tmp_path/'here/clone'


def test_a_remote_that_breaks_off_leaves_the_old_bundle(project, clone, tmp_path):
    stored(project, 'truck@v2.0.0', 'cr.onnx').unlink()
    with pytest.raises(UserError, match='cannot be fetched'): fetch(clone, 'truck', tmp_path/'reader', version='v2.0.0')
    assert code_of(tmp_path/'reader') == 'ABC1231'
    assert [f.name for f in tmp_path.iterdir() if 'reader' in f.name] == ['reader']
    with pytest.raises(UserError, match='cannot be fetched'): promote(clone, 'v2.0.0')
    assert not stack_of(read_tags(clone), 'truck', 'prod')


@pytest.mark.parametrize('name, error', [('manifest.json', 'changed after its registration|cannot be fetched'),
                                         ('cr.onnx', 'cr.onnx|cannot be fetched')])
def test_a_bundle_that_was_changed_in_the_remote_is_refused(project, clone, tmp_path, name, error):
    file = stored(project, 'truck@v2.0.0', name)
    file.chmod(0o644)
    licence = file.read_bytes().replace(b'AGPL-3.0', b'AGPL-9.0')
    file.write_bytes(licence if name == 'manifest.json' else text_model('XYZ9999'))
    with pytest.raises((UserError, BundleError), match=error):
        fetch(clone, 'truck', tmp_path/'reader', version='v2.0.0')
    with pytest.raises((UserError, BundleError), match=error): promote(clone, 'v2.0.0')
    assert code_of(tmp_path/'reader') == 'ABC1231' and not stack_of(read_tags(clone), 'truck', 'prod')


def test_a_version_that_cannot_be_pushed_is_not_registered(project):
    shutil.rmtree(project.parent/'store')
    (project.parent/'store').write_text('not a folder')
    with pytest.raises(UserError, match='cannot be pushed to DVC.s remote.*no tag was made'):
        register(project, 'truck', 'v4.0.0', push=True)
    assert 'truck@v4.0.0' not in git(project, 'tag').split()


def test_two_promotions_at_once(project):
    held, free = threading.Event(), threading.Event()
    def hold():
        with registry_lock(project):
            held.set()
            free.wait(30)
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    try:
        with pytest.raises(UserError, match='another promotion is running'): promote(project, 'v1.0.0')
    finally:
        free.set()
        thread.join()
    assert promote(project, 'v1.0.0') == 'truck#prod#1'


def test_a_promotion_that_another_clone_made_first_is_not_half_made(project, tmp_path, monkeypatch):
    origin, second = tmp_path/'origin.git', tmp_path/'here/second'
    git(tmp_path, 'clone', '-q', '--bare', str(project), str(origin))
    git(tmp_path, 'clone', '-q', str(origin), str(second))
    git(project, 'remote', 'add', 'origin', str(origin))
    for words in (['config', 'user.name', 't'], ['config', 'user.email', 't@example.org']): git(second, *words)
    assert promote(project, 'v1.0.0', push=True)
    with pytest.raises(UserError, match='removed again'): promote(second, 'v2.0.0', push=True)
    assert find_assigned(read_tags(second), 'truck', 'prod') is None


def test_a_clock_that_was_set_back(project):
    commit = git(project, 'rev-parse', 'truck@v1.0.0^{commit}')
    git(project, 'tag', '-a', 'truck#prod#1', '-m', 'later', commit, GIT_COMMITTER_DATE='2090-01-01T00:00:00')
    with pytest.raises(UserError, match="later than this computer's clock"): promote(project, 'v2.0.0')
    assert load_bundle(project/'registry/truck')


def release_steps():
    "Commands of the workflow that a tag of the registry starts."
    workflow = yaml.safe_load((ROOT/'.github/workflows/release.yml').read_text())
    return [step['run'] for step in workflow['jobs']['bundle']['steps'] if 'run' in step]


@pytest.fixture
def runner(project, tmp_path):
    "A fresh clone, and a function that runs the workflow for a tag; `gh` only writes down its arguments."
    clone, tools = tmp_path/'here/clone', tmp_path/'tools'
    git(tmp_path, 'clone', '-q', str(project), str(clone))
    shutil.copy(ROOT/'Makefile', clone)
    tools.mkdir()
    (tools/'gh').write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/gh\n')
    (tools/'gh').chmod(0o755)
    def run(tag):
        env = os.environ | dict(TAG=tag, VENV='done', PATH=f"{tools}:{os.environ['PATH']}")
        for step in release_steps():
            done = subprocess.run(['bash', '-e', '-c', step], cwd=clone, env=env, text=True, capture_output=True)
            if done.returncode: return done.stderr
        return ''
    return clone, run


def test_a_tag_releases_the_verified_bundle_and_its_card(runner, tmp_path):
    clone, run = runner
    assert run('truck@v2.0.0') == ''
    attached = {'dist/models/truck@v2.0.0.html', 'dist/models/truck@v2.0.0.tar.gz'}
    said = (tmp_path/'gh').read_text().splitlines()
    assert said[:3] == ['release', 'create', 'truck@v2.0.0'] and attached == {w for w in said if w.startswith('dist/')}
    with tarfile.open(clone/'dist/models/truck@v2.0.0.tar.gz') as archive:
        archive.extractall(tmp_path/'out', filter='data')
    assert code_of(tmp_path/'out/bundle') == 'ABC1232'
    assert 'Model card: truck' in (clone/'dist/models/truck@v2.0.0.html').read_text()


def test_a_tag_whose_bundle_cannot_be_had_releases_nothing(runner, tmp_path):
    clone, run = runner
    shutil.rmtree(tmp_path/'here/store')
    assert 'the bundle of truck cannot be fetched' in run('truck@v1.0.0')
    assert not (tmp_path/'gh').exists() and not any((clone/'dist/models').iterdir())
