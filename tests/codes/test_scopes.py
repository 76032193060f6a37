"A scope is configuration: no code knows one by name, and the guide's new one touches nothing but `conf/`"
import ast
import json
import io
import subprocess
import tokenize
from pathlib import Path

import numpy as np
import pytest
import yaml

from alpr_nb.codes.check_digits import check_holds
from alpr_nb.codes.formats import as_format, random_code
from alpr_nb.codes.scope import load_scope
from alpr_nb.core.config import load_section
from alpr_nb.drawing.settings import SynthesisSettings
from alpr_nb.drawing.synthesize import draw_sample
from alpr_nb.workflow.fingerprint import notebook_code
from alpr_nb.workflow.notebook_cells import read_notebook
from conftest import copy_project
from pages import blocks

ROOT = Path(__file__).parents[2]
SCOPES = sorted(p.stem for p in (ROOT/'conf/scope').glob('*.yaml'))


def drawn(params, task):
    "The first sample that the parameters draw."
    section = load_section(f'data.drawing.{task}', params)
    keys = {k: v for k, v in section.items() if k not in ('scope', 'out', 'count', 'n_jobs', 'batch_size')}
    return draw_sample(9, SynthesisSettings(**keys))


@pytest.fixture(scope='module')
def guided(tmp_path_factory):
    "A copy of the project with the guide's scope."
    copy = copy_project(tmp_path_factory.mktemp('scope')/'alpr-nb')
    writing = [b for b in blocks(copy/'nbs/tutorials/new_scope.ipynb', 'sh') if 'conf/' in b]
    subprocess.run(['bash', '-e'], cwd=copy, input='\n'.join(writing), text=True, check=True)
    return copy


def test_the_guide_touches_only_configuration(guided):
    changed = subprocess.run(['git', 'status', '--porcelain', '-uall'], cwd=guided, check=True, capture_output=True,
                             text=True).stdout
    files = [line[3:] for line in changed.splitlines()]
    assert files and all(f.startswith('conf/') for f in files), files


@pytest.mark.parametrize('profile', ['smoke', 'quick'])
def test_the_guide_s_scope_draws_and_has_a_whole_graph(guided, profile):
    subprocess.run(['alpr-nb', 'params', 'scope=uld', f'profile={profile}'], cwd=guided, check=True)
    scope = load_scope(guided/'params.yaml')
    assert scope.name == 'uld'
    assert (set(''.join(s['label'] for s in yaml.safe_load(drawn(guided/'params.yaml', 'cr').label)['shapes']))
            <= set(scope.alphabet))
    assert drawn(guided/'params.yaml', 'cd').jpeg
    stages = subprocess.run(['dvc', 'stage', 'list', '--name-only'], cwd=guided, check=True, capture_output=True,
                            text=True).stdout.split()
    assert {'synthesize@cd', 'train@cr', 'benchmark@validation', 'bundle'} <= set(stages)
    outs = subprocess.run(['dvc', 'dag', '--outs', '--dot'], cwd=guided, check=True, capture_output=True,
                          text=True).stdout
    assert 'datasets/uld/cd/synthetic' in outs and 'truck' not in outs


@pytest.mark.parametrize('scope', SCOPES)
def test_every_scope_describes_itself(tmp_path, project_copy, scope):
    from alpr_nb.workflow.params import compose
    params = compose([f'scope={scope}'], tmp_path/'params.yaml', project_copy/'conf')
    found = load_scope(params)
    assert found.name == scope
    published = load_section('benchmark.settings', params)['published']
    assert (published == {}) == (scope != 'truck'), 'the thesis read trucks'
    for fmt in map(as_format, found.formats.values()):
        code = random_code(np.random.default_rng(0), fmt)
        assert set(code) <= set(found.alphabet) and check_holds(code, fmt.check)


def words(file):
    "Names and strings of a module, without comments and docstrings."
    last = None
    for t in tokenize.generate_tokens(io.StringIO(file.read_text()).readline):
        if t.type == tokenize.NAME or (
            t.type == tokenize.STRING and last not in (tokenize.NEWLINE, tokenize.INDENT, None)):
            yield t.string
        if t.type not in (tokenize.COMMENT, tokenize.NL): last = t.type


# Read when no scope is named, and in the examples of the commands.
DEFAULT = {'truck': {'cli.py', 'cli_data.py', 'cli_pipeline.py', 'reader.py', 'read_command.py', 'parameters',
                     'cli_operations.py', 'cli_serving.py', 'serve_command.py', 'video.py', 'watch.py'},
           'wagon': {'cli_pipeline.py'}}


@pytest.mark.parametrize('scope', SCOPES)
def test_no_code_knows_a_scope_by_name(scope):
    knowing = {p.name for p in (ROOT/'alpr_nb').rglob('*.py') if p.name != '_modidx.py'
               and any(scope in w for w in words(p))}
    for notebook in (ROOT/'nbs').glob('0*.ipynb'):
        knowing |= {part for part, tree in notebook_code(read_notebook(notebook), notebook.name).items()
                    if scope in ast.unparse(tree)}
    assert knowing == DEFAULT.get(scope, set())
    stages = yaml.safe_load((ROOT/'dvc.yaml').read_text())['stages'] # `artifacts` names the released readers
    assert scope not in json.dumps(stages)


RELEASED = sorted(p.parent.name for p in (ROOT/'alpr_nb/bundles').glob('*/manifest.json'))


@pytest.mark.parametrize('name', RELEASED)
def test_a_released_reader_reads_what_its_scope_draws(tmp_path, project_copy, name):
    "Gentle crops of the kind that validates: a reader of another alphabet or order of classes reads none of them."
    from alpr_nb.inference.reader import Reader
    from alpr_nb.workflow.params import compose
    reader = Reader(name)
    params = compose([f'scope={reader.config.scope}'], tmp_path/'params.yaml', project_copy/'conf')
    assert reader.config.alphabet == load_scope(params).alphabet
    assert set(reader.config.formats) == set(load_scope(params).formats)
    drawing = SynthesisSettings(**{k: v for k, v in load_section('data.drawing.cr', params).items()
                          if k not in ('scope', 'out', 'count', 'n_jobs', 'batch_size')}
                          | dict(seed=77, strength=.4, readable=.25, validation=1.,
                                 # codes, without what only teaches characters
                                 formats=dict.fromkeys(reader.config.formats, 1)))
    samples = [draw_sample(i, drawing) for i in range(20)]
    read = [[r.code for r in reader.read(s.jpeg, crop=True)] for s in samples]
    assert sum([s.code] == r for s, r in zip(samples, read)) >= 15, [
        (s.code, r) for s, r in zip(samples, read) if [s.code] != r]
