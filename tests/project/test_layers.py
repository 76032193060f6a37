"The packages stand in an order, and each imports only from itself and from those above it."
import ast
from pathlib import Path

import pytest

from conftest import ROOT

LAYERS = ['core', 'codes', 'workflow', 'inference', 'data', 'drawing', 'training', 'evaluation', 'reports',
          'operations', 'serving', '']
DRAWING = ['glyphs', 'camera', 'plates', 'streets', 'steel', '']


def imports(file: Path, package: Path) -> set[tuple[str, ...]]:
    "What a module imports of its own package, also in functions: names as tuples, without the package's name."
    found, here = set(), file.relative_to(package.parent).with_suffix('').parts
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import): names = [a.name.split('.') for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*here[:len(here) - node.level]] if node.level else []
            base += node.module.split('.') if node.module else []
            names = [[*base, a.name] for a in node.names]
        else: continue
        found |= {tuple(n[1:]) for n in names if n[0] == package.name}
    return found


def upward(package: Path, layers: list[str]) -> list[str]:
    "Imports that go up: 'module imports module'. A module directly in the package stands in the layer ''."
    folder = lambda parts: parts[0] if len(parts) > 1 and (package/parts[0]).is_dir() else ''
    bad = []
    for file in sorted(package.rglob('*.py')):
        if file.name in ('__init__.py', '_modidx.py'): continue
        own = file.relative_to(package).with_suffix('').parts
        for name in imports(file, package):
            if not name or not ((package/Path(*name)).is_dir()
                                or any((package/Path(*name[:k])).with_suffix('.py').is_file()
                                       for k in (len(name), len(name) - 1) if k)):
                continue # a name of the package itself, such as __version__
            if layers.index(folder(name)) > layers.index(folder(own)):
                bad.append(f"{'.'.join(own)} imports {'.'.join(name)}")
    return bad


def test_each_package_imports_only_from_those_above_it():
    assert upward(ROOT/'alpr_nb', LAYERS) == []


def test_drawing_is_ordered_too():
    assert upward_of_drawing() == []


def upward_of_drawing():
    bad, root = [], ROOT/'alpr_nb'
    for file in sorted((root/'drawing').rglob('*.py')):
        own = file.relative_to(root/'drawing').parts
        for name in imports(file, root):
            if name[:1] != ('drawing',): continue
            at = lambda parts: DRAWING.index(parts[0] if parts[0] in DRAWING else '')
            if file.name != '__init__.py' and at(name[1:]) > at(own):
                bad.append(f"{'/'.join(own)} imports {'.'.join(name)}")
    return bad


def test_every_package_has_a_place():
    packages = {p.name for p in (ROOT/'alpr_nb').iterdir() if (p/'__init__.py').is_file()}
    assert packages <= set(LAYERS) and len(packages) >= 9


@pytest.mark.parametrize('line, goes_up',
                         [('from ..codes.formats import Format', True), ('import alpr_nb.codes.formats', True),
                          ('def f():\n    from ..codes import formats', True), ('from .config import UserError', False),
                          ('from .. import cli', True)])
def test_an_arrow_that_goes_up_is_found(tmp_path, line, goes_up):
    package = tmp_path/'alpr_nb'
    for name, text in {'core/config.py': 'UserError = 1', 'core/a.py': line,
                       'codes/formats.py': 'from ..core.config import UserError', 'cli.py': ''}.items():
        (package/name).parent.mkdir(parents=True, exist_ok=True)
        (package/name).write_text(text)
    assert bool(upward(package, LAYERS)) == goes_up


def test_only_training_imports_torch_and_yolov5():
    for file in (ROOT/'alpr_nb').rglob('*.py'):
        if 'training' in file.parts: continue
        names = {a.name.split('.')[0] for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Import)
                 for a in n.names}
        names |= {n.module.split('.')[0] for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.ImportFrom)
                  and n.module and not n.level}
        assert not names & {'torch', 'torchvision', 'yolov5'}, file


def test_modules_and_folders_stay_small():
    "About 300 lines a module and 15 files a folder: beyond it, split."
    lines = {str(f.relative_to(ROOT)): len(f.read_text().splitlines()) for f in (ROOT/'alpr_nb').rglob('*.py')
             if f.name != '_modidx.py'}
    assert {f: n for f, n in lines.items() if n > 315} == {}
    folders = {str(d.relative_to(ROOT)): len([f for f in d.glob('*.py') if not f.name.startswith('_')])
               for d in [ROOT/'alpr_nb', *(ROOT/'alpr_nb').rglob('*/')]}
    assert len(lines) > 80 and {d: n for d, n in folders.items() if n > 16} == {}
