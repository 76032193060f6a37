"The docs are whole: every symbol described, every page reachable, every command one that there is (see `pages`)."
import ast
import os
import re
import shlex
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from alpr_nb.workflow.docs_outputs import RECORDED, RUNS
from alpr_nb.workflow.docs_reference import line_comments, parameters
from alpr_nb.workflow.docs_site import PACKAGES, fill_sidebar
from browser import CHROMIUM, Browser
from conftest import ROOT
from pages import blocks, prose

MODULES = sorted(p for p in (ROOT/'alpr_nb').rglob('*.py') if not p.name.startswith('_'))
PAGES = [ROOT/'nbs/index.ipynb', ROOT/'nbs/pt.ipynb', *sorted(p for folder in ('tutorials', 'howto', 'explanation')
                                                             for p in (ROOT/'nbs'/folder).glob('*.ipynb'))]
page_name = lambda p: str(p.relative_to(ROOT/'nbs').with_suffix(''))


# What is exported

def exported(module):
    "Public functions and classes of a module, and public methods of these: (name, node, comments by line)."
    source = module.read_text()
    tree, notes = ast.parse(source), line_comments(source)
    public = next(ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign)
                  and n.targets[0].id == '__all__')
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name not in public: continue
        yield node.name, node, notes
        for method in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(method, ast.FunctionDef) and not method.name.startswith('_'):
                yield f'{node.name}.{method.name}', method, notes


@pytest.mark.parametrize('module', MODULES, ids=lambda m: str(m.relative_to(ROOT)))
def test_every_symbol_and_parameter_is_described(module):
    symbols = list(exported(module))
    bare = [name for name, node, _ in symbols if not ast.get_docstring(node)]
    bare += [f'{name}: {declared}' for name, node, notes in symbols for declared, note in parameters(node, notes)
             if not note]
    assert not bare, f'{len(bare)} of {len(symbols)} symbols: {bare}'


def test_descriptions_are_those_that_fastcore_reads():
    from fastcore.docments import docments

    from alpr_nb.drawing.plates import plates
    from alpr_nb.drawing.streets import scenes
    from alpr_nb.inference import detector, reader
    compared = 0
    for module in (detector, plates, reader, scenes):
        for name, node, notes in exported(Path(module.__file__)):
            if '.' in name or isinstance(node, ast.ClassDef): continue
            theirs = {k: v.docment for k, v in docments(getattr(module, name), full=True).items() if k != 'return'}
            ours = {re.split('[:= ]', declared)[0].strip('*'): note or None
                    for declared, note in parameters(node, notes)}
            assert ours == theirs, name
            compared += len(ours)
    assert compared > 30


# The site

class Page(HTMLParser):
    "Links, assets, anchors, headings and text of a page."
    def __init__(self, html):
        super().__init__()
        self.links, self.assets, self.ids, self.headings, self.text, self.main, self.at, self.titled = (
            [], [], set(), [], [], False, '', False)
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if 'id' in a: self.ids.add(a['id'])
        if tag == 'a' and a.get('href'): self.links.append(a['href'])
        if tag == 'link' and a.get('rel') not in ('canonical', 'next', 'prev'): self.assets.append(a.get('href', ''))
        self.assets += [a[k] for k in ('src', 'poster', 'data') if a.get(k) and tag != 'a']
        if tag == 'main': self.main = True
        if re.fullmatch('h[1-6]', tag): self.headings.append(''); self.titled = True
        self.at = tag

    def handle_endtag(self, tag):
        if tag == 'main': self.main = False
        if re.fullmatch('h[1-6]', tag): self.titled = False
        self.at = ''

    def handle_data(self, data):
        if self.main and self.at not in ('script', 'style'): self.text.append(data)
        if self.titled: self.headings[-1] += data


@pytest.fixture(scope='module')
def site(project_copy, tmp_path_factory):
    "The site of a copy of the project."
    if not shutil.which('quarto') and not shutil.which('smalldocs'):
        pytest.skip('neither quarto nor smalldocs is installed')
    out = tmp_path_factory.mktemp('docs')/'site'
    done = subprocess.run(['alpr-nb', 'docs', '--out', str(out)], cwd=project_copy, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, 'PYTHONPATH': str(project_copy)})
    assert done.returncode == 0, done.stdout[-3000:]
    changed = subprocess.run(['git', 'status', '--porcelain'], cwd=project_copy, check=True, capture_output=True,
                             text=True).stdout
    assert changed == '', 'building the docs changed the project'
    return out


@pytest.fixture(scope='module')
def pages(site):
    "Parsed pages by their path in the site."
    return {p.relative_to(site).as_posix(): Page(p.read_text()) for p in sorted(site.rglob('*.html'))}


def test_every_notebook_has_a_page_and_a_place_in_the_sidebar(pages):
    notebooks = {p.relative_to(ROOT/'nbs') for p in (ROOT/'nbs').rglob('*.ipynb')
                 if '.ipynb_checkpoints' not in p.parts}
    names = {p.as_posix() for p in notebooks}
    listed = re.findall(r'[\w/]+\.ipynb', fill_sidebar((ROOT/'nbs/sidebar.yml').read_text(), notebooks))
    assert len(listed) == len(set(listed)), 'a page has two places'
    assert names - set(listed) == set(), 'add these to nbs/sidebar.yml'
    assert set(listed) - names == set(), 'remove these from nbs/sidebar.yml'
    assert {n.replace('.ipynb', '.html') for n in names} <= set(pages)
    sidebar = [urlsplit(link).path for link in pages['index.html'].links]
    assert {n.replace('.ipynb', '.html') for n in names} <= set(sidebar), 'the sidebar of the site has them all'


def test_the_first_page_of_the_reference_lists_the_packages_in_their_order():
    table = re.findall(r'^\| `(\w+)` \|', prose(ROOT/'nbs/packages.ipynb'), re.M)
    there = {p.parent.name for p in (ROOT/'alpr_nb').glob('*/__init__.py')}
    assert table == [p for p in PACKAGES if p in there] + ['alpr_nb']


def test_no_page_is_empty(pages):
    short = '404.html', 'try/index.html'
    for name, page in pages.items():
        words = ' '.join(page.text).split()
        assert page.headings and len(words) > (20 if name in short else 60), f'{name}: {len(words)} words'


def test_every_export_is_on_its_page(pages):
    missing = []
    for module in MODULES:
        notebook = re.search(r'File to edit: [./]*/nbs/(.+)\.ipynb', module.read_text())
        names = next(ast.literal_eval(n.value) for n in ast.parse(module.read_text()).body if isinstance(n, ast.Assign)
                     and n.targets[0].id == '__all__')
        shown = set(re.findall(r'\w+', ' '.join(pages[f'{notebook[1]}.html'].headings)))
        missing += [f'{module.stem}.{n}' for n in names if n not in shown]
    assert not missing, missing


SHOWN = '<div class="cell-output' # around an output in a page

def test_a_workbook_page_has_the_outputs_of_the_recorded_run(site):
    for page, run in RUNS.items():
        text, file = (site/f'{page}.html').read_text(), ROOT/RECORDED/f'{run}.ipynb'
        assert f'{run}' in text, 'the page names the run'
        assert (SHOWN in text) == file.is_file(), 'outputs only of a run that is recorded'
        if file.is_file(): assert '<img src="data:image' in text and '<table' in text, f'{page}: no plot or no table'
        else: assert 'make repro' in text


def test_a_drawing_page_has_pictures(site):
    settings = {'schema', 'settings', 'plate_layouts'} # data alone, nothing to draw
    bare = [p.relative_to(site).as_posix() for p in (site/'drawing').rglob('*.html')
            if p.stem not in settings and '<img src="data:image' not in p.read_text()]
    assert not bare, f'no picture: {bare}'


def test_pictures_are_small(site):
    large = {f'{p.relative_to(site)}': len(image) for p in site.rglob('*.html')
             for image in re.findall(r'src="data:image/\w+;base64,([^"]*)"', p.read_text())
             if len(image) > 600_000}
    assert not large, 'an output of more than about 450 kB'


def test_links_lead_somewhere(site, pages):
    broken = []
    for name, page in pages.items():
        for link in page.links + page.assets:
            to = urlsplit(link)
            if to.scheme or to.netloc: continue
            path = (site/name).parent/unquote(to.path) if to.path else site/name
            if path.is_dir(): path /= 'index.html'
            if not path.is_file(): broken.append(f'{name}: {link}')
            elif to.fragment and path.suffix == '.html':
                if unquote(to.fragment) not in pages[path.resolve().relative_to(site.resolve()).as_posix()].ids:
                    broken.append(f'{name}: {link}')
    assert not broken, broken


def test_nothing_is_asked_of_another_host(site, pages):
    assert not [f'{name}: {a}' for name, page in pages.items() for a in page.assets if urlsplit(a).netloc]
    for style in site.rglob('*.css'):
        found = re.findall(r'(?:@import\s+|url\()["\']?((?:https?:)?//[^"\')]+)', style.read_text())
        assert not found, style
    assert not [name for name in pages if re.search(r'(?:import|from)\s*[("\']+https?:', (site/name).read_text())]


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason='no Chromium is installed')
def test_pages_in_a_browser_on_a_phone(site, pages):
    with Browser(390, 800) as browser:
        for name in pages:
            if name.startswith('try/'): continue # needs a server, as in tests/serving/test_web.py
            browser.open(site/name)
            assert browser.errors == [], name
            assert browser.foreign() == [], name
            assert browser.width() <= 390, name


# What pages say to type

def typed(page):
    "Each command of a page: those that run, and those that are shown."
    shown = [line[2:] for block in blocks(page, 'console') for line in block.splitlines() if line.startswith('$ ')]
    for line in [*''.join(blocks(page, 'sh')).splitlines(), *shown]:
        if words := shlex.split(line, comments=True): yield line, words


@pytest.mark.parametrize('page', PAGES, ids=page_name)
def test_commands_are_shell(page):
    done = subprocess.run(['bash', '-n'], input=''.join(blocks(page, 'sh')), text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_commands_and_their_options_exist():
    import typer

    from alpr_nb.cli import app
    known, targets, checked = (typer.main.get_command(app).commands,
                               set(re.findall(r'^(\w+):', (ROOT/'Makefile').read_text(), re.M)), 0)
    for page in PAGES:
        for line, words in typed(page):
            if words[0] == 'make':
                assert set(w for w in words[1:] if '=' not in w) <= targets, f'{page_name(page)}: {line}'
            if words[0] != 'alpr-nb': continue
            assert words[1] in known, f'{page_name(page)}: {line}'
            options = {o for p in known[words[1]].params for o in p.opts} | {'--help'}
            assert {w.split('=')[0] for w in words if w.startswith('-') and w != '-'} <= options, (
                f'{page_name(page)}: {line}')
            checked += 1
    assert checked > 10


def test_parameters_of_experiments_exist(tmp_path):
    from alpr_nb.workflow.params import compose
    given = sorted({tuple(words[i + 1] for i, w in enumerate(words) if w == '-S') for page in PAGES
                    for _, words in typed(page)} - {()})
    assert given
    for number, overrides in enumerate(given):
        one_each = [re.sub(r'=([^,\[{]*),.*', r'=\1', o) for o in overrides] # of a list of values DVC takes each
        compose(one_each, tmp_path/f'{number}.yaml', ROOT/'conf')


def test_parameters_of_notebooks_exist():
    from alpr_nb.workflow.notebook_cells import notebook_parameters, read_notebook
    for page in PAGES:
        for line, words in typed(page):
            if words[:2] != ['alpr-nb', 'run']: continue
            known = notebook_parameters(read_notebook(ROOT/words[2]), words[2])
            names = known if isinstance(known, dict) else {p.name for p in known}
            assert {words[i + 1].split('=')[0] for i, w in enumerate(words) if w == '-p'} <= set(names), (
                f'{page_name(page)}: {line}')


def test_the_readmes_python_runs(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    for page in ('index', 'pt'):
        for block in blocks(ROOT/f'nbs/{page}.ipynb', 'python'): exec(block, {})
    assert capsys.readouterr().out.count('BRA2E19') == 2
