"The make targets that the workflows on data and on changes call, run in fresh clones of a small pipeline."
import os
import shutil
import subprocess

import pytest
import yaml

from conftest import ROOT

pytestmark = pytest.mark.graph
PIPELINE = """
stages:
  count:
    cmd: wc -l < photos > count.txt && echo count >> ../ran
    deps: [photos]
    outs: [count.txt]
  words:
    cmd: wc -w < texts > words.txt && echo words >> ../ran
    deps: [texts]
    outs: [words.txt]
"""


def run(folder, *command, **env):
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=os.environ | env).stdout


def commit(root, message):
    run(root, 'git', 'add', '-A')
    run(root, 'git', 'commit', '-qm', message)


def steps(name):
    "Commands of a workflow."
    jobs = yaml.safe_load((ROOT/f'.github/workflows/{name}.yml').read_text())['jobs'].values()
    return [step['run'] for job in jobs for step in job['steps'] if 'run' in step]


def test_new_data_run_the_stages_that_they_reach(tmp_path):
    root, clone = tmp_path/'here/project', tmp_path/'runner/clone'
    for folder in (root, clone.parent): folder.mkdir(parents=True)
    for words in ('git init -q -b main', 'git config user.name t', 'git config user.email t@example.org', 'dvc init -q',
                  f'dvc remote add -q -d store {tmp_path}/store'): run(root, *words.split())
    (root/'dvc.yaml').write_text(PIPELINE)
    for name in ('photos', 'texts'): (root/name).write_text('one\n')
    shutil.copy(ROOT/'Makefile', root)
    run(root, 'dvc', 'add', '-q', 'photos', 'texts')
    run(root, 'dvc', 'repro', '-q')
    commit(root, 'first')
    (root/'photos').unlink()
    (root/'photos').write_text('one\ntwo\n')
    run(root, 'dvc', 'add', '-q', 'photos')
    run(root, 'dvc', 'push', '-q', 'photos.dvc', 'texts.dvc') # nobody pushed the results
    commit(root, 'more photographs')

    run(tmp_path, 'git', 'clone', '-q', str(root), str(clone))
    for step in steps('data'): run(clone, 'bash', '-e', '-c', step, VENV='done')
    assert (clone/'count.txt').read_text().strip() == '2'
    assert (clone.parent/'ran').read_text().split() == ['count']
