"The checkpoints from which a person's training starts are those of the shipped readers."
import hashlib
import json

import pytest

from alpr_nb.own_setup import profile_text, starting_checkpoint, look_at
from conftest import ROOT
from photo_sets import photo

SCOPES = [p.parent.name for p in sorted((ROOT/'alpr_nb/bundles').glob('*/manifest.json'))
          if (ROOT/f'conf/scope/{p.parent.name}.yaml').is_file()]


@pytest.mark.parametrize('scope', SCOPES)
@pytest.mark.parametrize('task', ['cd', 'cr'])
def test_a_checkpoint_named_after_a_scope_is_that_of_its_bundle(scope, task):
    file = ROOT/f'weights/{scope}/{task}.pt'
    if not file.is_file(): pytest.skip('this checkpoint is not in the repository')
    manifest = json.loads((ROOT/f'alpr_nb/bundles/{scope}/manifest.json').read_text())
    assert hashlib.sha256(file.read_bytes()).hexdigest() == manifest['weights'][task]


def test_the_profile_starts_from_the_best_checkpoint(tmp_path):
    photo(tmp_path/'photos/a.jpg')
    text = profile_text('mine', look_at(tmp_path/'photos'), 'truck', ROOT/'weights')
    for task in ('cd', 'cr'):
        name = starting_checkpoint(ROOT/'weights', 'truck', task)
        assert f'weights: {name}\n' in text and (ROOT/'weights'/name).is_file()
    (tmp_path/'weights/truck').mkdir(parents=True)
    (tmp_path/'weights/truck/cr.pt').touch()
    assert starting_checkpoint(tmp_path/'weights', 'truck', 'cr') == 'truck/cr.pt'
