"Running notebooks: what is refused before the kernel starts, and what is left when a run fails."
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from alpr_nb.core.config import UserError
from alpr_nb.workflow.notebook_cells import notebook_parameters, read_notebook
from alpr_nb.workflow.runner import run_notebook

ROOT = Path(__file__).parents[2]
STAGES = sorted((ROOT/'nbs').glob('0*.ipynb'))
PYTHON = dict(kernelspec=dict(name='python3', language='python', display_name='python3'))
PARAMETERS = 'epochs: int = 3 # passes\nlr0: float = 0.01 # first rate'

@pytest.fixture
def project(tmp_path, monkeypatch):
    "An empty project in a folder whose name papermill would take for a format string."
    root = tmp_path/'a {project}'
    (root/'nbs').mkdir(parents=True)
    (root/'params.yaml').write_text('scope: {name: truck}')
    monkeypatch.chdir(root)
    return root

def save(project, *stages, metadata=PYTHON, tags=('parameters',), parameters=PARAMETERS):
    "A notebook with a cell of parameters and stage cells, each under a heading."
    cells = [new_markdown_cell('# Title\n\n> Line'), new_code_cell(parameters, metadata=dict(tags=list(tags)))]
    for n, stage in enumerate(stages):
        cells += [new_markdown_cell(f'## Part {n}'), new_code_cell(f'#| eval: false\n{stage}')]
    nbformat.write(new_notebook(cells=cells, metadata=metadata), project/'nbs/x.ipynb')
    return project/'nbs/x.ipynb'

def text(nb: dict) -> str:
    "What the cells printed."
    return ''.join(''.join(o.get('text', '')) for c in nb['cells'] for o in c.get('outputs', ()))

def test_runs_without_any_network(project):
    "Not even the loopback device is up in a new network namespace."
    if subprocess.run(['unshare', '-rn', 'true'], capture_output=True).returncode:
        pytest.skip('no network namespaces here')
    notebook = save(project, 'print(epochs)')
    code = (f"from alpr_nb.workflow.runner import run_notebook; run_notebook({str(notebook)!r}, dict(epochs=7), "
            "'out.ipynb', html=False)")
    subprocess.run(['unshare', '-rn', sys.executable, '-c', code], check=True, timeout=120,
                   env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert text(read_notebook('out.ipynb')) == '7\n'

@pytest.mark.parametrize('change, given, said', [
    (dict(tags=()), {}, "tagged 'parameters', found none"),
    ({}, dict(epocs=1), "unknown parameter 'epocs'; did you mean 'epochs'? It knows epochs, lr0"),
    ({}, dict(lr0='1e-3'), "'lr0' expects float, found str"),
    ({}, dict(epochs=True), "'epochs' expects int, found bool"),
    (dict(parameters='epochs: int = cores()'), {}, 'must be a literal'),
    (dict(parameters='epochs: int ='), {}, 'not valid Python'),
    (dict(metadata=dict(kernelspec=dict(name='ir', language='R', display_name='R'))), {}, "language is 'r', expected"),
    (dict(metadata=dict(language_info=dict(name='R'))), {}, "language is 'r'"),
])
def test_refused_before_the_kernel_starts(project, change, given, said):
    notebook = save(project, 'raise SystemError', **change)
    with pytest.raises(UserError, match=re.escape(said)) as e: run_notebook(notebook, given, project/'outputs/x.ipynb')
    assert 'x.ipynb' in str(e.value) and not (project/'outputs').exists()

# as Google Colab, VS Code and a script save a notebook: without kernelspec.language, and without ids of the cells
EDITORS = dict(
    colab=dict(kernelspec=dict(name='python3', display_name='Python 3'), language_info=dict(name='python'),
               colab=dict(provenance=[])),
    vscode=dict(language_info=dict(name='python', version='3.11.2')), script={})

def plain_cell(source, **metadata):
    "A code cell without an id."
    return dict(cell_type='code', metadata=metadata, source=source, execution_count=None, outputs=[])

@pytest.mark.parametrize('editor', EDITORS)
def test_a_notebook_of_another_editor_runs(project, editor):
    cells = [plain_cell('n = 1', tags=['parameters']),
             plain_cell(['print(n +\n', ' 1)'])]
    if editor == 'script': cells[1] = dict(cell_type='code', source='print(n + 1)')
    nb = dict(cells=cells, metadata=EDITORS[editor], nbformat=4, nbformat_minor=0)
    (project/'x.ipynb').write_text(json.dumps(nb), encoding='utf-8-sig')
    run_notebook('x.ipynb', dict(n=5), 'out.ipynb')
    assert text(read_notebook('out.ipynb')) == '6\n' and '6' in Path('out.html').read_text()

def test_the_failing_cell_of_a_notebook_without_ids_is_counted_as_its_editor_counts(project):
    cells = [plain_cell('n = 1', tags=['parameters']),
             dict(cell_type='markdown', metadata={}, source='## Part'),
             plain_cell('1/(n - 5)')]
    (project/'x.ipynb').write_text(json.dumps(dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=2)))
    with pytest.raises(UserError, match=r'cell 3 \(Part\) failed: ZeroDivisionError'):
        run_notebook('x.ipynb', dict(n=5), 'out.ipynb')
    page = Path('out.failed.html').read_text()
    assert 'ZeroDivisionError' in page and 'Part' in page

def test_half_of_a_character_is_no_python():
    cell = dict(cell_type='code', metadata=dict(tags=['parameters']), source='\ud800')
    with pytest.raises(UserError, match='x: .*not valid Python'): notebook_parameters(dict(cells=[cell]), 'x')

def test_ids_are_given_to_cells_that_lack_one_and_to_no_other(project):
    cells = [dict(cell_type='raw', source='', id=[]), dict(cell_type='raw', source='', id='cell-1'),
             dict(cell_type='raw')]
    (project/'x.ipynb').write_text(json.dumps(dict(cells=cells, nbformat=4)))
    assert [c['id'] for c in read_notebook('x.ipynb')['cells']] == ['cell-1-', 'cell-1', 'cell-3']

@pytest.mark.parametrize('content', ['{"nbformat": 4, "cells": [1]}', '{"nbformat": 4, "cells": [{"cell_type": "x"}]}',
                                     '{"nbformat": 4, "cells": [{"cell_type": "code", "source": 7}]}',
                                     '{"nbformat": 4, "cells": [], "metadata": []}',
                                     '['*100000, '', '{', '[]', '{"cells": {}}',
                                     '{"nbformat": 3, "cells": []}', '{"nbformat": 4}',
                                     b'\xff\xfe\x00'])
def test_not_a_notebook(project, content):
    (project/'nbs/x.ipynb').write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match='x.ipynb: '): run_notebook(project/'nbs/x.ipynb', {}, project/'outputs/x.ipynb')
    with pytest.raises(UserError, match='no such notebook'):
        run_notebook(project/'nbs/y.ipynb', {}, project/'outputs/x.ipynb')

def test_two_cells_of_parameters(project):
    nb = read_notebook(save(project))
    nb['cells'] *= 2
    with pytest.raises(UserError, match='expected one code cell .* found 2'): notebook_parameters(nb, 'x.ipynb')

def test_all_parameters_asked_for(project):
    with pytest.raises(UserError, match='no value for parameter lr0'):
        run_notebook(save(project), dict(epochs=1), project/'outputs/x.ipynb', complete=True)

def test_run(project, monkeypatch):
    "This Python whatever Jupyter's folders say, from the root, parameters in place, floods cut, a page beside it."
    spec = project/'jupyter/kernels/python3'
    spec.mkdir(parents=True)
    (spec/'kernel.json').write_text(json.dumps(dict(argv=['/bin/false', '{connection_file}'], display_name='other',
                                                    language='python')))
    monkeypatch.setenv('JUPYTER_PATH', str(project/'jupyter'))
    monkeypatch.setenv('MPLBACKEND', 'Agg')
    flood = "import sys, time\nfor i in range(500): sys.stderr.write(f'\\r{i}'); sys.stderr.flush()\nprint('x\\n'*9000)"
    notebook = save(project,
                    "import os, sys\nprint(epochs, lr0, os.getcwd(), sys.executable, os.environ['MPLBACKEND'])", flood)
    before, said = notebook.read_bytes(), []
    out = run_notebook(notebook, dict(epochs=7), 'outputs/truck/x.ipynb', log=said.append)
    nb = read_notebook(out)
    assert text(nb).splitlines()[0] == f'7 0.01 {project} {sys.executable} module://matplotlib_inline.backend_inline'
    assert '499' in text(nb) and '498' not in text(nb) and len(text(nb).splitlines()) < 500
    assert [re.sub(r'\d+:\d+', '', s) for s in said] == ['x   Part 0', 'x   Part 1']
    assert nb['metadata']['papermill']['input_path'] == 'nbs/x.ipynb' and str(project) not in json.dumps(nb['metadata'])
    assert sorted(p.name for p in out.parent.iterdir()) == ['x.html', 'x.ipynb'] and notebook.read_bytes() == before

def test_failed_cell_leaves_something_to_read_and_no_result(project):
    out = project/'outputs/x.ipynb'
    out.parent.mkdir()
    out.write_text('the result of an earlier run')
    notebook = save(project, "print('reached')", "raise ValueError('batch 3: truncated')", "print('too far')")
    with pytest.raises(UserError) as e: run_notebook(notebook, {}, out)
    assert (str(e.value)
            == (f'{notebook}: cell 6 (Part 1) failed: ValueError: batch 3: truncated. See outputs/x.failed.html'))
    assert out.read_text() == 'the result of an earlier run'
    assert sorted(p.name for p in out.parent.iterdir()) == ['x.failed.html', 'x.failed.ipynb', 'x.ipynb']
    page = (out.parent/'x.failed.html').read_text()
    assert 'This run failed' in page and 'reached' in page and 'batch 3: truncated' in page and 'id="failed"' in page
    assert 'papermill-error' not in page

@pytest.mark.parametrize('stage, said, timeout', [
    ('import os\nos._exit(1)', 'cell 4 (Part 0) failed: DeadKernel: the kernel died', None),
    ('import sys\nsys.exit(0)', 'cell 4 (Part 0) failed: SystemExit', None),
    ('import time\ntime.sleep(60)',
     'cell 4 (Part 0) failed: Timeout: A cell timed out while it was being executed, after 1 seconds', 1),
])
def test_ends_that_leave_no_traceback(project, stage, said, timeout):
    with pytest.raises(UserError, match=re.escape(said)):
        run_notebook(save(project, stage, '1'), {}, 'outputs/x.ipynb', timeout=timeout)
    assert sorted(p.name for p in Path('outputs').iterdir()) == ['x.failed.html', 'x.failed.ipynb']
    assert 'This run failed' in Path('outputs/x.failed.html').read_text()

def test_a_page_that_cannot_be_drawn_does_not_lose_the_run(project, monkeypatch):
    import alpr_nb.workflow.notebook_html
    monkeypatch.setattr(alpr_nb.workflow.notebook_html, 'render_report', lambda *a: 1/0)
    said = []
    assert run_notebook(save(project), {}, 'outputs/x.ipynb', log=said.append).is_file()
    assert 'not rendered, ZeroDivisionError' in said[-1]

@pytest.mark.parametrize('path', STAGES, ids=lambda p: p.name)
def test_workbook_notebooks_can_be_run_by_plain_papermill_too(path):
    from papermill import inspect_notebook
    nb = read_notebook(path)
    known = notebook_parameters(nb, path.name)
    assert nb['metadata']['kernelspec']['language'] == 'python'
    found = inspect_notebook(path)
    assert list(found) == list(known), 'papermill reads other names: is there an "=" inside a comment?'
    for p in known.values():
        assert p.type, f'{p.name} has no type'
        assert p.comment and '=' not in p.comment, f'{p.name}: a comment without "="'
        assert found[p.name]['help'] == p.comment
    ids = [c['id'] for c in nb['cells']]
    assert len(set(ids)) == len(ids)
