"Fingerprints: what retrains a model and what does not."
import ast
import json
import sys
import time
from pathlib import Path

import pytest

from alpr_nb.core.config import UserError
from alpr_nb.workflow.fingerprint import (digest, fingerprint, imported_names, modules, parse, write_fingerprint,
                                          write_fingerprints)

ROOT = Path(__file__).parents[2]
MODULES = sorted(p for p in (ROOT/'alpr_nb').rglob('*.py'))
STAGES = sorted((ROOT/'nbs').glob('0*.ipynb'))

FILES = {
    '__init__.py': '"""Package."""\n__version__ = "0.1.0"\ndef __getattr__(name):\n    from .reader import Reader\n'
                   '    return Reader\n',
    'train.py': '"""Train."""\nfrom .codes import decode\ndef fit(epochs: int=3): # passes\n    "Fit."\n'
                '    from alpr_nb import losses\n    return epochs\n',
    'codes.py': 'decode = str.upper\n', 'losses.py': 'raise SystemError("imported")\n', 'reader.py': 'Reader = 1\n',
    'train_cr.py': 'def schedule(): return 1\n', 'other.py': 'x = 1\n'}
CELLS = [
    dict(cell_type='markdown', source='# Title'),
    dict(cell_type='code', source='#| default_exp train_cr'),
    dict(cell_type='code', source='#| export\ndef schedule():\n    "Linear."\n    return 1'),
    dict(cell_type='code', source='schedule() # example'),
    dict(cell_type='code', source='epochs: int = 3 # passes', metadata=dict(tags=['parameters'])),
    dict(cell_type='code',
         source="#| eval: false\nfrom alpr_nb.train import fit\nfrom alpr_nb.train_cr import schedule\nfit(epochs)")]

@pytest.fixture
def project(tmp_path):
    (tmp_path/'alpr_nb').mkdir()
    (tmp_path/'nbs').mkdir()
    (tmp_path/'params.yaml').write_text('{}')
    for name, code in FILES.items(): (tmp_path/'alpr_nb'/name).write_text(code)
    return tmp_path

def save(project, cells=CELLS, ids='abcdefgh', outputs=()):
    "The notebook, with other ids or outputs when asked for."
    full = [dict(dict(metadata={}, outputs=list(outputs), execution_count=None), **c, id=i) for c, i in zip(cells, ids)]
    (project/'nbs/02_train_cr.ipynb').write_text(json.dumps(dict(nbformat=4, nbformat_minor=5, metadata={},
                                                                 cells=full)))
    return fingerprint(project/'nbs/02_train_cr.ipynb', project)

def swap(n, old, new):
    return [dict(c, source=c['source'].replace(old, new)) if i == n else c for i, c in enumerate(CELLS)]

def test_reach(project):
    "Through functions too, without importing; its own module and the lazy reader stay out."
    before = set(sys.modules)
    assert list(save(project)['modules']) == ['alpr_nb', 'alpr_nb.codes', 'alpr_nb.losses', 'alpr_nb.train']
    assert 'alpr_nb.losses' not in set(sys.modules) - before

@pytest.mark.parametrize('cells, more', [
    (swap(0, 'Title', 'Another title'), {}), (CELLS[1:], {}), (CELLS[:3] + CELLS[4:], {}),
    (swap(3, 'schedule()', 'assert schedule() > 0'), {}),
    (swap(2, 'Linear.', 'Falls linearly.'), {}), (swap(4, '# passes', '# over the data'), {}),
    (swap(4, 'epochs: int = 3', 'epochs:int=3'), {}),
    (swap(5, '#| eval: false', '# Fit.\n#|eval:false'), {}), (swap(5, 'fit(epochs)', 'fit(\n    epochs,\n)'), {}),
    (CELLS, dict(ids='stuvwxyz')), (CELLS, dict(outputs=[dict(output_type='stream', name='stdout', text='1')])),
])
def test_prose_does_not_count(project, cells, more):
    assert save(project, cells, **more) == save(project)

@pytest.mark.parametrize('n, old, new, part', [
    (2, 'return 1', 'return 2', 'export'), (4, '= 3', '= 4', 'parameters'),
    (5, 'fit(epochs)', 'fit(2*epochs)', 'stages'),
    (5, '#| eval: false\n', '', 'stages')])
def test_code_counts(project, n, old, new, part):
    first, second = save(project), save(project, swap(n, old, new))
    assert first[part] != second[part]
    assert all(first[k] == second[k] for k in {'export', 'parameters', 'stages'} - {part})

@pytest.mark.parametrize('name, old, new, counts', [
    ('train.py', '# passes', '# epochs', False), ('train.py', '"Fit."', '"Fit a model."', False),
    ('train.py', '"""Train."""', '', False),
    ('train.py', '=3', '=4', True), ('codes.py', 'upper', 'lower', True), ('losses.py', 'imported', 'no', True),
    ('other.py', '1', '2', False), ('reader.py', '1', '2', False), ('__init__.py', '0.1.0', '0.2.0', False),
    ('train_cr.py', '1', '2', False)])
def test_modules(project, name, old, new, counts):
    first, file = save(project), project/'alpr_nb'/name
    file.write_text(file.read_text().replace(old, new))
    assert (save(project) != first) == counts

def test_the_reader_counts_for_code_that_asks_for_it(project):
    found = save(project, swap(5, 'from alpr_nb.train import fit', 'from alpr_nb import Reader'))
    assert 'alpr_nb.reader' in found['modules']

@pytest.mark.parametrize('source, said',
                         [('%matplotlib inline', "cell 6: line 2 ('%matplotlib inline') is not valid Python"),
                          ('!pip install x', "IPython's % and ! lines"), ('def f(:', 'is not valid Python')])
def test_code_that_cannot_be_parsed(project, source, said):
    with pytest.raises(UserError) as e: save(project, CELLS[:5] + [dict(CELLS[5], source=f'#| eval: false\n{source}')])
    assert said in str(e.value) and '02_train_cr.ipynb, cell 6' in str(e.value)

def test_broken_module_and_unknown_target(project):
    (project/'alpr_nb/codes.py').write_text('x = (')
    with pytest.raises(UserError, match='codes.py: '): save(project)
    with pytest.raises(UserError, match='neither a notebook nor a module'): fingerprint('alpr_nb.nowhere', project)
    with pytest.raises(UserError, match='no such notebook'): fingerprint(project/'nbs/y.ipynb', project)

def test_file_is_sorted_and_left_alone(project):
    save(project)
    out = project/'outputs/code/02_train_cr.json'
    write_fingerprint(project/'nbs/02_train_cr.ipynb', out, project)
    said, stamp = json.loads(out.read_text()), out.stat().st_mtime_ns
    assert list(said) == sorted(said) and str(project) not in out.read_text()
    write_fingerprint(project/'nbs/02_train_cr.ipynb', out, project)
    assert out.stat().st_mtime_ns == stamp and [p.name for p in out.parent.iterdir()] == [out.name]

PACKAGES = {
    '__init__.py': 'def __getattr__(name):\n    from .inference.reader import Reader\n    return Reader\n',
    'core/__init__.py': '"""Basics."""\n', 'core/config.py': 'x = 1\n', 'core/boxes.py': 'x = 1\n',
    'codes/__init__.py': 'def __getattr__(name):\n    from ..core import boxes\n    return boxes\n',
    'codes/formats.py': 'from ..core.config import x\n',
    'inference/__init__.py': '', 'inference/reader.py': 'from ..codes.formats import x\nclass Reader: pass\n',
    'drawing/__init__.py': '', 'drawing/camera/__init__.py': 'from .lens import blur\n',
    'drawing/camera/lens.py': 'blur = 1\n', 'drawing/camera/textures.py': 'noise = 1\n',
    'drawing/steel/__init__.py': '',
    'drawing/steel/walls.py': 'from ..camera import blur\n',
    'drawing/steel/scene.py': 'from ...codes import formats\ndef draw():\n    from .. import camera\n'
                              '    from . import walls\n',
    'reports/__init__.py': '', 'reports/page.py': "def page(): return open('reports/templates/page.html')\n",
    'reports/templates/page.html': "{% include 'reports/templates/card.html' %}", 'reports/templates/card.html': '<b>',
    'reports/templates/other.html': '<i>'}


@pytest.fixture
def packages(tmp_path, monkeypatch):
    "A project whose package has sub-packages at two levels."
    for name, code in PACKAGES.items():
        (tmp_path/'alpr_nb'/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/'alpr_nb'/name).write_text(code)
    (tmp_path/'params.yaml').write_text('{}')
    (tmp_path/'nbs').mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path

def reached(*names): return [m.removeprefix('alpr_nb').lstrip('.') for m in modules(names, Path())]

@pytest.mark.parametrize('line, package, names', [
    ('import alpr_nb.codes.formats', 'alpr_nb', {'alpr_nb.codes.formats'}),
    ('from . import walls', 'alpr_nb.drawing.steel', {'alpr_nb.drawing.steel', 'alpr_nb.drawing.steel.walls'}),
    ('from .walls import w', 'alpr_nb.drawing.steel', {'alpr_nb.drawing.steel.walls', 'alpr_nb.drawing.steel.walls.w'}),
    ('from ..camera import lens', 'alpr_nb.drawing.steel', {'alpr_nb.drawing.camera', 'alpr_nb.drawing.camera.lens'}),
    ('from ...codes import formats', 'alpr_nb.drawing.steel', {'alpr_nb.codes', 'alpr_nb.codes.formats'}),
    ('from ... import cli', 'alpr_nb.drawing.steel', {'alpr_nb', 'alpr_nb.cli'})])
def test_imports_are_resolved_from_the_package_of_the_module(line, package, names):
    assert imported_names(ast.parse(line), package) == names

def test_modules_of_sub_packages_are_reached_with_the_init_files_above_them(packages):
    assert reached('alpr_nb.codes.formats') == ['', 'codes', 'codes.formats', 'core', 'core.config']
    assert reached('alpr_nb.drawing.steel.scene') == [
        '', 'codes', 'codes.formats', 'core', 'core.config', 'drawing', 'drawing.camera', 'drawing.camera.lens',
        'drawing.steel', 'drawing.steel.scene', 'drawing.steel.walls']
    assert reached('alpr_nb.drawing.camera') == ['', 'drawing', 'drawing.camera', 'drawing.camera.lens']

def test_lazy_names_of_a_package_count_for_code_that_asks_for_them(packages):
    assert reached('alpr_nb.Reader') == ['', 'codes', 'codes.formats', 'core', 'core.config', 'inference',
                                         'inference.reader']
    assert reached('alpr_nb.codes') == ['', 'codes']
    assert reached('alpr_nb.codes.boxes') == ['', 'codes', 'core', 'core.boxes']

@pytest.mark.parametrize('name, counts', [('drawing/camera/lens.py', True), ('drawing/steel/__init__.py', True),
                                          ('core/config.py', True),
                                          ('drawing/camera/textures.py', False), ('inference/reader.py', False),
                                          ('core/boxes.py', False)])
def test_a_changed_module_counts_if_it_is_reached(packages, name, counts):
    before = modules(['alpr_nb.drawing.steel.scene'], packages)
    (packages/'alpr_nb'/name).write_text(PACKAGES[name] + 'more = 2\n')
    assert (modules(['alpr_nb.drawing.steel.scene'], packages) != before) == counts

def test_files_that_a_module_names_count(packages):
    before = modules(['alpr_nb.reports.page'], packages)
    assert [m for m in before if '/' in m] == ['reports/templates/card.html', 'reports/templates/page.html']
    (packages/'alpr_nb/reports/templates/card.html').write_text('<u>')
    after = modules(['alpr_nb.reports.page'], packages)
    assert [m for m in after if after[m] != before[m]] == ['reports/templates/card.html']

@pytest.mark.parametrize('folder', ['.', 'nbs', 'alpr_nb/drawing'])
def test_a_module_is_found_by_name_and_by_path(packages, monkeypatch, folder):
    monkeypatch.chdir(packages/folder)
    found = fingerprint('alpr_nb.drawing.steel.scene', packages)
    assert found['target'] == 'alpr_nb.drawing.steel.scene'
    for target in ('alpr_nb/drawing/steel/scene.py', './alpr_nb/drawing/steel/scene.py',
                   packages/'alpr_nb/drawing/steel/scene.py'):
        assert fingerprint(target) == found
    if folder == 'nbs': assert fingerprint('../alpr_nb/drawing/steel/scene.py') == found
    if folder == 'alpr_nb/drawing': assert fingerprint('steel/scene.py') == found
    assert (fingerprint('alpr_nb/drawing/camera/__init__.py') == fingerprint('alpr_nb/drawing/camera')
            == fingerprint('alpr_nb.drawing.camera'))

@pytest.mark.parametrize('target', ['alpr_nb.drawing.nowhere', 'alpr_nb/drawing/steel/nowhere.py', 'json',
                                    'tests/test_x.py', '/etc/passwd', 'scene.py'])
def test_what_is_no_module_of_the_package_is_refused(packages, target):
    (packages/'tests').mkdir()
    (packages/'tests/test_x.py').write_text('x = 1')
    with pytest.raises(UserError, match='neither a notebook nor a module of alpr_nb'): fingerprint(target, packages)

def test_one_file_for_each_target(packages):
    targets = ['alpr_nb/drawing/steel/scene.py', 'alpr_nb.codes.formats', packages/'alpr_nb/reports/page.py']
    written = write_fingerprints(targets, 'outputs/code')
    files = sorted(Path('outputs/code').iterdir())
    assert [f.name for f in files] == ['formats.json', 'page.json', 'scene.json']
    assert {f.stem: json.loads(f.read_text()) for f in files} == written and written['scene'] == fingerprint(targets[0])
    stamps = {f.name: f.stat().st_mtime_ns for f in files}
    (packages/'alpr_nb/drawing/steel/walls.py').write_text('from ..camera import blur as b\n')
    write_fingerprints(targets, 'outputs/code')
    assert [f.name for f in files if f.stat().st_mtime_ns != stamps[f.name]] == ['scene.json']
    with pytest.raises(UserError, match='scene.json'):
        write_fingerprints([targets[0], 'nbs/scene.ipynb'], 'outputs/code')

@pytest.mark.parametrize('path', MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_layout_of_our_modules_does_not_count(path):
    "Python's own unparser throws comments and layout away."
    code = path.read_text()
    assert digest(parse(code, path.name)) == digest(parse(ast.unparse(ast.parse(code)), path.name))

@pytest.mark.parametrize('path', STAGES, ids=lambda p: p.name)
def test_workbook(path):
    "Quick, and free of the command line and of the reader's callers."
    began = time.process_time()
    found = fingerprint(path, ROOT)
    assert time.process_time() - began < 2 # 0.2 s when nothing else runs
    assert 'alpr_nb.cli' not in found['modules'] and 'alpr_nb.workflow.notebook_html' not in found['modules']
    assert not path.name.startswith('01') or 'alpr_nb.inference.reader' not in found['modules']
