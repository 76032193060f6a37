"What a newcomer relies on: one version, one account, markers, and a long profile that tries more examples."
import re
import subprocess
import sys
from configparser import ConfigParser

import pytest
import yaml

from conftest import LONG_FACTOR, ROOT


@pytest.fixture(scope='module')
def settings():
    "settings.ini, as setup.py reads it."
    parser = ConfigParser(delimiters=['='])
    parser.read(ROOT/'settings.ini', encoding='utf-8')
    return parser['DEFAULT']


def test_the_version_is_the_same_everywhere(settings):
    import alpr_nb
    changes = re.findall(r'^## \[(\d+\.\d+\.\d+)\]', (ROOT/'CHANGELOG.md').read_text(), re.M)
    citation = yaml.safe_load((ROOT/'CITATION.cff').read_text())
    assert settings['version'] == alpr_nb.__version__ == changes[0] == citation['version']


def test_one_line_names_the_account(settings, tmp_path):
    "Every address of the repository and of its site follows `user` in settings.ini."
    user = settings['user']
    assert settings['git_url'] == f"https://github.com/{user}/{settings['repo']}"
    assert settings['doc_host'] == f'https://{user}.github.io'
    assert (ROOT/'settings.ini').read_text().count(user) == 1
    generated = ['alpr_nb/_modidx.py', 'nbs/nbdev.yml']
    found = subprocess.run(['git', 'grep', '-l', '-F', user], cwd=ROOT, text=True, capture_output=True).stdout.split()
    assert set(found) == {'settings.ini', *generated}
    for name in generated: (tmp_path/name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path/'settings.ini').write_text((ROOT/'settings.ini').read_text().replace(user, 'somebody'))
    code = 'from nbdev.quarto import refresh_quarto_yml; refresh_quarto_yml()'
    subprocess.run([sys.executable, '-c', code], cwd=tmp_path, check=True)
    assert 'https://github.com/somebody/alpr-nb' in (tmp_path/'nbs/nbdev.yml').read_text()


def test_ruff_finds_nothing():
    command = [sys.executable, '-m', 'ruff', 'check', '--quiet', '--no-cache']
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_requirements_of_the_hooks_are_pinned(settings):
    config = yaml.safe_load((ROOT/'.pre-commit-config.yaml').read_text())
    assert [repo['repo'] for repo in config['repos']] == ['local']
    pinned = {r.split('==')[0] for r in settings['dev_requirements'].split() if '==' in r}
    assert {'ruff', 'pre-commit'} <= pinned


def test_an_unknown_marker_is_an_error(tmp_path):
    (tmp_path/'test_it.py').write_text('import pytest\n\n@pytest.mark.brwoser\ndef test_it(): pass\n')
    options = '-c', ROOT/'pyproject.toml', '--rootdir', tmp_path
    command = [sys.executable, '-m', 'pytest', *options, tmp_path/'test_it.py']
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode and 'brwoser' in done.stdout


@pytest.mark.parametrize('profile, factor', [('default', 1), ('long', LONG_FACTOR)])
def test_the_long_profile_tries_more_examples(tmp_path, profile, factor):
    (tmp_path/'conftest.py').write_text((ROOT/'tests/conftest.py').read_text())
    (tmp_path/'test_it.py').write_text('''from hypothesis import given, settings, strategies as st
tried = []

@settings(max_examples=7, database=None)
@given(st.floats())
def test_it(number): tried.append(number)

def test_number(): print('tried', len(tried))
''')
    options = '-p', 'no:cacheprovider', '-s', f'--hypothesis-profile={profile}'
    command = [sys.executable, '-m', 'pytest', *options, tmp_path/'test_it.py']
    said = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True).stdout
    assert int(re.search(r'tried (\d+)', said)[1]) == 7*factor, said
