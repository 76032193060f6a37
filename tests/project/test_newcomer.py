"`.ci/newcomer`: pages are followed in order and literally, and the first command that fails is named."
import json
import shutil
import subprocess

import pytest
from conftest import ROOT
from pages import blocks, reading_order

fence = lambda language, text: f'```{language}\n{text}\n```'


def newcomer(root, *options):
    "Exit status and output of the script of a project."
    done = subprocess.run([root/'.ci/newcomer', *options], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


@pytest.fixture
def project(tmp_path):
    "Makes a project of pages: name -> its blocks. Tutorials and how-tos are listed as they come."
    def make(**pages):
        root = tmp_path/'here/project'
        for name in ('.ci/newcomer', 'tests/pages.py'):
            (root/name).parent.mkdir(parents=True)
            shutil.copy(ROOT/name, root/name)
        for name, fenced in pages.items():
            file = root/'README.md' if name == 'README' else root/f'nbs/tutorials/{name}.ipynb'
            file.parent.mkdir(parents=True, exist_ok=True)
            text = '\n\n'.join([f'# {name}', *fenced])
            file.write_text(text if name == 'README' else json.dumps(dict(cells=[dict(cell_type='markdown', source=[text])])))
        (root/'nbs').mkdir(exist_ok=True)
        (root/'nbs/sidebar.yml').write_text(''.join(f'- tutorials/{name}.ipynb\n' for name in pages if name != 'README'))
        (root/'.gitignore').write_text('.venv/\n')
        for command in ('init -q', 'add -A', '-c user.name=t -c user.email=t@example.org commit -qm pages'): subprocess.run(['git', *command.split()], cwd=root, check=True)
        return root
    return make


def test_a_page_is_one_session_and_begins_in_a_clean_clone(project, tmp_path):
    root = project(first=[fence('sh', 'mkdir -p .venv/bin\necho "export READER=there" > .venv/bin/activate\ncd nbs'),
                          fence('console', '$ make lab'), fence('python', 'from pathlib import Path\nprint(Path.cwd().name, file=open("../../told", "a"))'),
                          fence('sh', 'cd ..\necho $(git config user.name) >> ../told\necho more >> nbs/sidebar.yml\ntouch left')],
                   second=[fence('sh', 'test ! -e left\ngit diff --exit-code\necho "$READER" >> ../told\nread -r line || echo nobody >> ../told')])
    status, said = newcomer(root, '--folder', tmp_path/'out')
    assert status == 0, said
    assert (tmp_path/'out/told').read_text().split() == ['nbs', 'Newcomer', 'there', 'nobody']
    assert [line.split(':')[0] for line in said.splitlines()] == ['tutorials/first', 'tutorials/second']


def test_a_readme_installs_into_an_environment_of_its_own(project, tmp_path):
    root = project(README=[fence('sh', 'pip --version > ../told')])
    status, said = newcomer(root, '--folder', tmp_path/'out')
    assert status == 0 and str(tmp_path/'out/empty-venv') in (tmp_path/'out/told').read_text(), said


@pytest.mark.parametrize('command, named', [('false', 'false'), ('exit 3', 'exit 3'), ('echo so | grep not', 'grep not'), ('for f in a b; do test $f = a; done', 'test $f = a'),
                                            ('cat > /none/file <<EOF\nline\nEOF', 'cat > /none/file <<EOF'), ('echo $nothing', 'echo $nothing')])
def test_the_first_failing_command_is_named_and_ends_it(project, tmp_path, command, named):
    root = project(first=[fence('sh', 'true')], second=[fence('sh', 'echo well'), fence('sh', f'{command}\ntouch ../on')], third=[fence('sh', 'touch ../on')])
    status, said = newcomer(root, '--folder', tmp_path/'out')
    last = said.splitlines()[-1]
    assert status == 1 and last.startswith(f'tutorials/second: failed in block 2: {named} (status '), said
    assert not (tmp_path/'out/on').exists()


def test_pages_with_nothing_to_type_or_without_their_data_are_no_error(project, tmp_path):
    root = project(shown=[fence('console', '$ false')], data=[fence('sh', 'false ../shared/data/cars\nls ../shared/data/here')])
    (root.parent/'shared/data/here').mkdir(parents=True)
    status, said = newcomer(root)
    assert (status, said.splitlines()) == (0, ['tutorials/shown: nothing to type', 'tutorials/data: not run, for there is no ../shared/data/cars'])


def test_pages_can_be_chosen(project, tmp_path):
    root = project(first=[fence('sh', 'false')], second=[fence('sh', 'true')])
    assert newcomer(root, 'second')[0] == 0 and newcomer(root, 'tutorials/first')[0] == 1
    status, said = newcomer(root, 'thrid')
    assert status == 2 and 'no page thrid; there are tutorials/first, tutorials/second' in said


def test_every_page_of_ours_is_on_the_list():
    status, said = newcomer(ROOT, '--dry-run')
    assert status == 0
    listed = [line[3:] for line in said.splitlines() if line.startswith('== ')]
    assert listed[:2] == ['README.md', 'README.pt.md'] and listed == list(reading_order(ROOT))
    assert set(listed[2:]) == {f'{folder}/{p.stem}' for folder in ('tutorials', 'howto') for p in (ROOT/'nbs'/folder).glob('*.ipynb')}
    for page in reading_order(ROOT).values():
        for block in blocks(page, 'sh'): assert block.strip() in said, page
