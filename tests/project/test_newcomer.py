"`.ci/newcomer` runs the commands of pages literally and in order, and names the first command that fails."
import json
import shutil
import subprocess

import nbformat
import pytest

from conftest import ROOT
from pages import blocks, reading_order


def fence(language, text): return f'```{language}\n{text}\n```'


def newcomer(root, *options):
    "Exit status and output of the script in a project."
    command = [root/'.ci/newcomer', *options]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def write_page(file, name, fenced):
    "A page with a title and fenced blocks: Markdown or a notebook."
    text = '\n\n'.join([f'# {name}', *fenced])
    if file.suffix == '.ipynb': text = json.dumps(dict(cells=[dict(cell_type='markdown', source=[text])]))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def project(tmp_path):
    "A function that makes a git repository with the script and pages: name -> blocks. All but README are tutorials."
    def make(**pages):
        root = tmp_path/'here/project'
        for name in ('.ci/newcomer', 'tests/pages.py'):
            (root/name).parent.mkdir(parents=True)
            shutil.copy(ROOT/name, root/name)
        tutorials = [name for name in pages if name != 'README']
        for name, fenced in pages.items():
            write_page(root/f'nbs/tutorials/{name}.ipynb' if name in tutorials else root/'README.md', name, fenced)
        (root/'nbs').mkdir(exist_ok=True)
        (root/'nbs/sidebar.yml').write_text(''.join(f'- tutorials/{name}.ipynb\n' for name in tutorials))
        (root/'.gitignore').write_text('.venv/\n')
        author = '-c', 'user.name=t', '-c', 'user.email=t@example.org'
        for command in (['init', '-q'], ['add', '-A'], [*author, 'commit', '-qm', 'pages']):
            subprocess.run(['git', *command], cwd=root, check=True)
        return root
    return make


def test_a_page_is_one_session_and_starts_in_a_clean_clone(project, tmp_path):
    first = [fence('sh', 'mkdir -p .venv/bin\necho "export READER=there" > .venv/bin/activate\ncd nbs'),
             fence('console', '$ make lab'),
             fence('python', 'from pathlib import Path\nprint(Path.cwd().name, file=open("../../told", "a"))'),
             fence('sh', 'cd ..\necho $(git config user.name) >> ../told\necho more >> nbs/sidebar.yml\n'
                         'touch left\ngit tag left')]
    second = [fence('sh', 'test ! -e left\ntest -z "$(git tag)"\ngit diff --exit-code\n'
                          'echo "$READER" >> ../told\nread -r line || echo nobody >> ../told')]
    status, said = newcomer(project(first=first, second=second), '--folder', tmp_path/'out')
    assert status == 0, said
    assert (tmp_path/'out/told').read_text().split() == ['nbs', 'Newcomer', 'there', 'nobody']
    assert [line.split(':')[0] for line in said.splitlines()] == ['tutorials/first', 'tutorials/second']


@pytest.mark.install
def test_a_readme_installs_into_an_environment_of_its_own(project, tmp_path):
    root = project(README=[fence('sh', 'pip --version > ../told')])
    status, said = newcomer(root, '--folder', tmp_path/'out')
    assert status == 0 and str(tmp_path/'out/empty-venv') in (tmp_path/'out/told').read_text(), said


@pytest.mark.parametrize('command, named', [
    ('false', 'false'),
    ('exit 3', 'exit 3'),
    ('echo so | grep not', 'grep not'),
    ('for f in a b; do test $f = a; done', 'test $f = a'),
    ('cat > /none/file <<EOF\nline\nEOF', 'cat > /none/file <<EOF'),
    ('echo $nothing', 'echo $nothing'),
])
def test_the_first_failing_command_is_named_and_ends_the_run(project, tmp_path, command, named):
    second = [fence('sh', 'echo well'), fence('sh', f'{command}\ntouch ../on')]
    root = project(first=[fence('sh', 'true')], second=second, third=[fence('sh', 'touch ../on')])
    status, said = newcomer(root, '--folder', tmp_path/'out')
    last = said.splitlines()[-1]
    assert status == 1 and last.startswith(f'tutorials/second: failed in block 2: {named} (status '), said
    assert not (tmp_path/'out/on').exists()


def test_pages_without_commands_or_without_their_data_are_no_error(project):
    data = [fence('sh', 'false ../shared/data/cars\nls ../shared/data/here')]
    root = project(shown=[fence('console', '$ false')], data=data)
    (root.parent/'shared/data/here').mkdir(parents=True)
    status, said = newcomer(root)
    assert status == 0
    assert said.splitlines() == ['tutorials/shown: no commands',
                                 'tutorials/data: skipped, because these do not exist: ../shared/data/cars']


def notebook(file, *cells):
    "A notebook with code cells."
    kernel = dict(kernelspec=dict(name='python3', display_name='python3', language='python'))
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells], metadata=kernel), file)


@pytest.mark.parametrize('last, status', [('print(file.name)', 0), ('file.unlink(); open("absent")', 1)])
def test_cells_of_a_notebook_run_in_its_own_folder(project, tmp_path, last, status):
    root = project(first=[fence('sh', 'cd ..')])
    cell = "#| eval: false\nfrom pathlib import Path\nfile = Path('../../there'); file.write_text(Path.cwd().name)"
    notebook(root/'nbs/tutorials/first.ipynb', cell, last)
    subprocess.run(['git', '-c', 'user.name=t', '-c', 'user.email=t@example.org', 'commit', '-qam', 'cells'], cwd=root,
                   check=True)
    ended, said = newcomer(root, '--folder', tmp_path/'out')
    assert ended == status, said
    assert (tmp_path/'out/alpr-nb/there').exists() == (status == 0)
    if status: assert 'FileNotFoundError' in said and 'failed in block cells: jupyter nbconvert' in said
    else: assert (tmp_path/'out/alpr-nb/there').read_text() == 'tutorials'


def test_pages_can_be_chosen(project):
    root = project(first=[fence('sh', 'false')], second=[fence('sh', 'true')])
    assert newcomer(root, 'second')[0] == 0 and newcomer(root, 'tutorials/first')[0] == 1
    status, said = newcomer(root, 'thrid')
    assert status == 2 and 'there is no page thrid; choose from tutorials/first, tutorials/second' in said


def test_every_page_of_this_project_is_listed():
    status, said = newcomer(ROOT, '--dry-run')
    assert status == 0
    listed = [line[3:] for line in said.splitlines() if line.startswith('== ')]
    assert listed[:2] == ['README.md', 'README.pt.md'] and listed == list(reading_order(ROOT))
    files = [p for folder in ('tutorials', 'howto') for p in (ROOT/'nbs'/folder).glob('*.ipynb')]
    assert set(listed[2:]) == {f'{p.parent.name}/{p.stem}' for p in files}
    for page in reading_order(ROOT).values():
        for block in blocks(page, 'sh'): assert block.strip() in said, page
