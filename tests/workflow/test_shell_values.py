"Every value that dvc.yaml writes into a command is checked, so that a shell cannot change it."
import copy
import re

import pytest
import yaml

from alpr_nb.core.config import UserError
from alpr_nb.parameters import shell_values, validate_parameters
from conftest import ROOT

PARAMS = yaml.safe_load((ROOT/'params.yaml').read_text(encoding='utf-8'))
# what a command may hold -> the values of `shell_values` that it stands for
CHECKED = {'scope.name': ['scope.name'], 'data.joined': ['data.joined'], 'data.blend': ['data.blend'],
           'key': ['data.sources', 'train.runs', 'benchmark.sets', 'benchmark.external', 'data.samples-from'],
           'item': ['data.synthesize', 'data.combine', 'train.exports', 'data.samples-from'],
           'item.notebook': ['train.runs'], 'item.command': ['benchmark.external'],
           'item.images': ['benchmark.external'],
           'data.prepare.check': []} # a section, which DVC quotes


def changed(key, value):
    tree = node = copy.deepcopy(PARAMS)
    *parents, last = key.split('/')
    for part in parents: node = node[part]
    node[last] = value
    return tree


def test_each_template_of_a_command_is_known():
    stages = yaml.safe_load((ROOT/'dvc.yaml').read_text(encoding='utf-8'))['stages']
    commands = [c for s in stages.values() for c in [s.get('do', s)['cmd']]]
    texts = [text for c in commands for text in ([c] if isinstance(c, str) else c)]
    used = {name for text in texts for name in re.findall(r'\${([^}]*)}', text)}
    assert used == set(CHECKED)
    params = changed('data/sources', dict.fromkeys(['import', 'crops', 'annotate', 'pack'], {'mine': {}}))
    params['data']['combine'] = ['cd']
    params['benchmark']['external'] = {'web': {'command': 'node a.mjs', 'images': 'photos'}}
    names = {name.split(':')[0] for name, *_ in shell_values(params)}
    assert all(any(n.startswith(wanted) for n in names) for values in CHECKED.values() for wanted in values)


@pytest.mark.parametrize('bad', ['a"b', 'a$HOME', 'a`b`', 'a\\b', 'a\nb', '../b', ''])
@pytest.mark.parametrize('key', ['scope/name', 'data/joined', 'data/blend', 'data/samples-from/cd'])
def test_what_a_shell_would_change_is_refused(key, bad):
    with pytest.raises(UserError, match=key.replace('/', '.')): validate_parameters(changed(key, bad))


@pytest.mark.parametrize('key', ["a b", "a'b", 'a;b', 'a.b', '-a', 'a@b', '$a', ''])
@pytest.mark.parametrize('step', ['import', 'crops', 'annotate', 'pack'])
def test_names_of_sources_are_plain(step, key):
    with pytest.raises(UserError, match=f'data.sources.{step}: the key'):
        validate_parameters(changed(f'data/sources/{step}', {key: {}}))


def test_plain_names_and_accents_pass():
    validate_parameters(changed('data/sources/import', {'caminh\u00f5es-2': {}}))
    validate_parameters(changed('data/joined', "Jo\u00e3o's photos"))
