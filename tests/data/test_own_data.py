"A person's own batches in the graph: a changed annotation rebuilds what depends on it; a source has an origin."
import json
import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest
import yaml

from alpr_nb.data.labelme import Annotation, Shape, write_labelme
from alpr_nb.data.pack import pack
from conftest import copy_project

pytestmark = pytest.mark.graph

CODES = 'ABC1234', 'DEF5678', 'GHI9012', 'JKL3M45', 'MNO6789', 'PQR0123'

# In place of `alpr-nb`: writes the outputs of a stage from nothing but the content of what it depends on, in no time.
STAND_IN = '''#!{python}
import hashlib, json, os, sys
from pathlib import Path
graph = json.loads(Path({graph!r}).read_text())
deps, outs = graph[os.environ["DVC_STAGE"].rpartition(":")[2]]
outs += [d for other, _ in graph.values() for d in other if any(d.startswith(out + '/') for out in outs)]
files = [f for d in map(Path, deps) for f in (sorted(p for p in d.rglob('*') if p.is_file()) if d.is_dir() else [d])]
counted = [f for f in files if f.suffix not in ('.py', '.ipynb') or 'executed' in f.parts]
digest = hashlib.sha256(b''.join(f.read_bytes() for f in counted)).hexdigest()
for out in map(Path, outs):
    file = out if out.suffix else out/'made.txt'
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(digest)
'''


def run(folder, *command, path=None):
    "Run a command with the copy's own modules; returns what it printed."
    env = {**os.environ, 'PYTHONPATH': str(folder), 'DVC_NO_ANALYTICS': '1',
           'PATH': f"{path or ''}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def ran(output): return set(re.findall(r"^Running stage '([^']+)'", output, re.M))


def photographs(folder, task, size=(100, 60)):
    "Images of one code each, labelled for a task"
    folder.mkdir(parents=True)
    for n, code in enumerate(CODES):
        image = np.random.default_rng(n).integers(0, 256, (*size[::-1], 3), np.uint8)
        cv2.imwrite(str(folder/f'{n}.png'), image)
        shapes = ([Shape('plate', (10, 20, 90, 40), code)] if task == 'cd'
                  else [Shape(c, (12*i, 20, 12*i + 10, 40)) for i, c in enumerate(code)])
        write_labelme(folder/f'{n}.json', Annotation(f'{n}.png', *size, tuple(shapes)))
    return folder


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    "A copy of the project with batches of both tasks, in which `alpr-nb` is the stand-in"
    from dvc.repo import Repo
    folder = tmp_path_factory.mktemp('own')
    project = copy_project(folder/'alpr-nb')
    for task in ('cd', 'cr'):
        pack(photographs(folder/task, task), project/f'datasets/truck/{task}/batches', 'ann', task=task, validation=.4)
    run(project, 'alpr-nb', 'params', 'data=batches')
    run(project, 'dvc', 'add', '-q', 'datasets/truck/cd/batches', 'datasets/truck/cr/batches')
    with Repo(str(project)) as repo:
        seen = lambda items: [os.path.relpath(i.fs_path, project) for i in items]
        graph = {s.name: (seen(s.deps), seen(s.outs)) for s in repo.index.stages if s.cmd}
    (folder/'graph.json').write_text(
        json.dumps({s: ([d for d in deps if d != 'params.yaml'], outs) for s, (deps, outs) in graph.items()}))
    stand_in = folder/'bin/alpr-nb'
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN.format(python=sys.executable, graph=str(folder/'graph.json')))
    stand_in.chmod(0o755)
    return project


def test_one_changed_annotation(project):
    path, names = project.parent/'bin', lambda: set(run(project, 'dvc', 'stage', 'list', '--name-only').split())
    assert ran(run(project, 'dvc', 'repro', path=path)) == names()
    assert 'up to date' in run(project, 'dvc', 'status')

    label = project.parent/'cr/0.json'
    label.write_text(label.read_text().replace('"label": "A"', '"label": "X"', 1))
    before = (project/'datasets/truck/cr/batches.dvc').read_text()
    pack(project.parent/'cr', project/'datasets/truck/cr/batches', 'ann', task='cr', validation=.4)
    status = run(project, 'dvc', 'status')
    assert re.search(r'^datasets/truck/cr/batches\.dvc:\n\tchanged outs:\n\t\tmodified: +datasets/truck/cr/batches$',
                     status, re.M), status
    assert 'truck/cd/batches' not in status

    run(project, 'dvc', 'add', '-q', 'datasets/truck/cr/batches')
    assert (project/'datasets/truck/cr/batches.dvc').read_text() != before
    again = ran(run(project, 'dvc', 'repro', path=path))
    depends = {s for s in names() if s not in ('code', 'train-corners') and not s.endswith('@cd')} # those of the crops
    assert again == depends and {'prepare-data@cr', 'train@cr', 'benchmark@validation', 'bundle'} <= again
    assert 'up to date' in run(project, 'dvc', 'status')

    zipped = project/'datasets/truck/cr/batches/ann_label_part_1.zip' # and back again
    changed = zipped.read_bytes()
    (project/'datasets/truck/cr/batches.dvc').write_text(before)
    run(project, 'dvc', 'checkout', '-q', 'datasets/truck/cr/batches.dvc')
    assert zipped.read_bytes() != changed


def test_every_input_of_a_page_has_a_hash(project):
    "What `alpr_nb.workflow.provenance` says is what DVC recorded, back to the batches"
    from alpr_nb.workflow.provenance import made_from
    lock = yaml.safe_load((project/'dvc.lock').read_text())['stages']
    found = made_from([project/'outputs/truck/executed/benchmark-validation.ipynb'], project)
    assert {(i.kind, i.path) for i in found} >= {
        ('data', 'models/truck/cr.onnx'), ('code', 'outputs/code/04_benchmark.json'),
        ('data', 'datasets/truck/cd/batches'), ('data', 'datasets/truck/cr/batches'),
        ('parameters', 'params.yaml: benchmark.settings')}
    assert all(re.fullmatch(r'[0-9a-f]{32}(\.dir)?', i.hash) for i in found)
    batches = next(i for i in found if i.path == 'datasets/truck/cr/batches')
    assert batches.hash == next(d['md5'] for d in lock['prepare-data@cr']['deps'] if d['path'] == batches.path)
    assert batches.origin == 'datasets/truck/cr/batches.dvc'


def test_a_source_of_another_repository_is_imported_with_its_revision(tmp_path):
    "`dvc import` records where photographs come from, the stage `import` reads them there, and import.json repeats it"
    theirs = photographs(tmp_path/'theirs/plates', 'cd').parent
    git = lambda *command: subprocess.run(['git', '-c', 'user.name=t', '-c', 'user.email=t@example.org', *command],
                                          cwd=theirs, check=True, capture_output=True, text=True).stdout
    git('init', '-q'), git('add', '-A'), git('commit', '-qm', 'six photographs')
    revision = git('rev-parse', 'HEAD').strip()

    project, source = copy_project(tmp_path/'alpr-nb'), 'datasets/truck/cd/sources/theirs'
    (project/source).parent.mkdir(parents=True)
    run(project, 'dvc', 'import', '-q', str(theirs), 'plates', '-o', source)
    known = yaml.safe_load((project/f'{source}.dvc').read_text())['deps'][0]
    assert known['repo'] == dict(url=str(theirs), rev_lock=revision)
    run(project, 'alpr-nb', 'params',
        f'+data.sources.import.theirs={{kind: labelme, from: {source}, out: datasets/truck/cd/imported/theirs, '
        f'origin: "", options: {{prefix: theirs-}}}}')
    assert ran(run(project, 'dvc', 'repro', 'import@theirs')) == {'code', 'import@theirs'}
    facts, = json.loads((project/'datasets/truck/cd/imported/theirs/import.json').read_text())['sources']
    assert facts['images'] == 6 and facts['origin'] == f'plates of {theirs} at {revision}'
    assert not subprocess.run(['git', 'check-ignore', '-q', f'{source}.dvc'], cwd=project).returncode == 0

    label = theirs/'plates/0.json' # they correct one, and we take it over
    label.write_text(label.read_text().replace(CODES[0], 'ZZZ9999'))
    git('commit', '-qam', 'a typo')
    assert 'update available' in run(project, 'dvc', 'status', f'{source}.dvc')
    run(project, 'dvc', 'update', '-q', f'{source}.dvc')
    assert ran(run(project, 'dvc', 'repro', 'import@theirs')) == {'import@theirs'}
    assert 'ZZZ9999' in (project/'datasets/truck/cd/imported/theirs/theirs-0.json').read_text()
