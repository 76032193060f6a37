"Reports: today's prose over what ran, and pages that load nothing."
import base64
import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from alpr_nb.core.config import UserError
from alpr_nb.workflow.notebook_html import merge_prose, render_report
from html_assets import Loads

PIXEL = base64.b64encode(bytes.fromhex('89504e470d0a1a0a0000000d4948445200000001000000010806000000'
                                       '1f15c4890000000d49444154789c6360f8cfc0000003010100'
                                       'c9fe92ef0000000049454e44ae426082')).decode()
PYTHON = dict(kernelspec=dict(name='python3', language='python', display_name='python3'))
WIDGET = dict(a=dict(state=dict(children=['IPY_MODEL_b'])),
              b=dict(state=dict(_model_name='HTMLModel', value='100% 9/9')))
HOSTILE = [
    new_output('display_data', {
        'text/html': '<script src="https://cdn.plot.ly/plotly.js"></script><link rel=stylesheet href="//x.org/a.css">'
                     '<iframe src="http://x.org"></iframe>'
                     '<div style="background:url(https://x.org/b.png)">kept</div>'}),
    new_output('display_data', {'application/javascript': 'fetch("https://x.org")', 'text/plain': 'js'}),
    new_output('display_data', {'application/vnd.jupyter.widget-view+json': {'model_id': 'a'}, 'text/plain': '0% 0/9'}),
    new_output('display_data', {'image/png': PIXEL, 'text/plain': 'fig'}),
    new_output('display_data', {'text/markdown': '![remote](https://x.org/c.png)'}),
    new_output('stream', name='stderr', text='/site-packages/x.py: UserWarning: grumble\n')]

@pytest.fixture
def pair(tmp_path):
    "A notebook that ran, and its source."
    (tmp_path/'params.yaml').write_text('{}')
    cells = [new_markdown_cell('# Training\n\n> Learns to read\n\nWhy. [Thesis](https://example.org)', id='title'),
             new_code_cell('#| default_exp train_cr', id='exp'), new_markdown_cell('## Helpers', id='helpers'),
             new_code_cell('#| export\ndef schedule(): return 1', id='lib'), new_code_cell('schedule()', id='demo'),
             new_markdown_cell('## The run', id='run'),
             new_code_cell('scope: str = "" # what is read\nepochs: int = 3 # passes', id='pars',
                           metadata=dict(tags=['parameters'])),
             new_markdown_cell('## Curves\n\n![local](dot.png)\n\n<img src="https://x.org/d.png">', id='curves'),
             new_code_cell('#| eval: false\nplot() # <b>', id='plot')]
    source = new_notebook(cells=cells, metadata=PYTHON)
    (tmp_path/'dot.png').write_bytes(base64.b64decode(PIXEL))
    nbformat.write(source, tmp_path/'02_train_cr.ipynb')
    ran = nbformat.from_dict(json.loads(json.dumps(source)))
    ran.cells[-1].outputs = HOSTILE
    ran.cells.insert(7, new_code_cell('scope = "truck"\nepochs = 12', id='injected',
                                      metadata=dict(tags=['injected-parameters'])))
    ran.metadata.widgets = {'application/vnd.jupyter.widget-state+json': dict(state=WIDGET)}
    ran.metadata.papermill = dict(parameters=dict(scope='truck', epochs=12), start_time='2026-11-23T04:50:00+00:00',
                                  duration=725.)
    nbformat.write(ran, tmp_path/'train-cr.ipynb')
    return tmp_path/'train-cr.ipynb', tmp_path/'02_train_cr.ipynb'

def edit(path, change):
    "Change a notebook in place."
    nb = nbformat.read(path, as_version=4)
    change(nb)
    nbformat.write(nb, path)

def test_a_page_loads_nothing(pair, tmp_path):
    text = render_report(*pair, tmp_path/'reports/truck/train-cr.html').read_text()
    page = Loads(text)
    assert page.loads and all(u.startswith('data:') for u in page.loads), [u[:60] for u in page.loads]
    assert "default-src 'none'" in page.policy
    assert len([u for u in page.loads if u.startswith('data:image/png')]) == 2 and 'kept' in text
    assert {u for u in page.links if u.startswith('http')} == {'https://example.org'}
    assert '../index.html' in page.links and 'fetch(' not in text

def test_what_a_reader_sees(pair, tmp_path):
    text = render_report(*pair, tmp_path/'reports/truck/train-cr.html').read_text()
    assert '<h1>Training</h1>' in text and '<p class="lead">Learns to read</p>' in text
    assert 'truck · train-cr · ran 2026-11-23 04:50 UTC in 12 min · 02_train_cr.ipynb' in text
    assert '<b title="default 3">12</b> <small>passes</small>' in text and 'injected' not in text
    assert '100% 9/9' in text and '0% 0/9' not in text.replace('100% 9/9', '')
    assert re.search(r'<details class="log"><summary>Log: 1 line</summary>.*grumble', text, re.S)
    assert text.index('How it works') < text.index('schedule') < text.index('id="The-run"')
    assert Loads(re.search('<nav.*?</nav>', text, re.S)[0]).links == ['#The-run', '#Curves']
    assert not re.search(r'<details[^>]* open', text), 'code is folded'
    assert 'prefers-color-scheme:dark' in text and '@media print' in text and 'width=device-width' in text
    assert 'alt="Figure: Curves"' in text and '#| eval' not in text and 'default_exp' not in text
    assert (render_report(*pair, tmp_path/'again.html', index=tmp_path/'reports/index.html').read_text().count('<')
            == text.count('<'))

def test_prose_of_today_code_of_the_run(pair, tmp_path):
    executed, source = pair
    def change(nb):
        nb.cells[7].source = '## Curves\n\nA corrected sentence.'
        nb.cells[8].source = '#| eval: false\nplot_otherwise()'
        nb.cells[2:5] = []
        nb.cells.append(new_markdown_cell('What it means.'))
        nb.cells.append(new_code_cell('never_run()'))
    edit(source, change)
    text = render_report(executed, source, tmp_path/'x.html').read_text()
    assert 'A corrected sentence.' in text and 'What it means.' in text and 'Helpers' not in text
    assert 'plot_otherwise' not in text and 'never_run' not in text and 'plot' in text and 'schedule' in text

def test_merge_keeps_what_ran_where_it_ran(pair):
    executed, source = (nbformat.read(p, as_version=4) for p in pair)
    assert [c.id for c in merge_prose(executed, source).cells] == [c.id for c in executed.cells]
    source.cells = source.cells[::-1]
    merged = merge_prose(executed, source)
    assert sorted(c.id for c in merged.cells) == sorted(c.id for c in executed.cells)
    assert [c.id for c in merged.cells if c.id in ('pars', 'injected')] == ['pars', 'injected']
    source.cells = []
    assert ([c.id for c in merge_prose(executed, source).cells]
            == [c.id for c in executed.cells if c.cell_type == 'code'])

def test_failed_run(pair, tmp_path):
    def fail(nb):
        nb.cells[-1].outputs = [new_output('error', ename='ValueError', evalue='a <b> c.',
                                           traceback=['\x1b[0;31mValueError\x1b[0m: a <b> c.'])]
    edit(pair[0], fail)
    text = render_report(*pair, tmp_path/'x.html').read_text()
    assert ('<p class="note"><b>This run failed</b> in <a href="#failed">the cell under “Curves”</a>: ValueError: a '
            '&lt;b&gt; c. The cells below') in text
    assert 'id="failed"><details class="code" open' in text.replace('open=""', 'open') and 'ansi-red-fg' in text

def test_bare_notebooks(tmp_path):
    "No heading, no parameters, no papermill, nothing run."
    for nb in (new_notebook(metadata=PYTHON), new_notebook(cells=[new_code_cell('1')]),
               new_notebook(cells=[new_markdown_cell('Text.'), new_code_cell('')])):
        nbformat.write(nb, tmp_path/'x.ipynb')
        assert '<h1>x</h1>' in render_report(tmp_path/'x.ipynb', tmp_path/'x.ipynb', tmp_path/'x.html',
                                             index=tmp_path/'i.html').read_text()
    (tmp_path/'y.ipynb').write_text('{"truncated')
    with pytest.raises(UserError, match='y.ipynb'):
        render_report(tmp_path/'y.ipynb', tmp_path/'x.ipynb', tmp_path/'y.html')
    assert not (tmp_path/'y.html').exists()
