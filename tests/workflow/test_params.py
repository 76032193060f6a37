"Composing the parameters: an error leaves the file as it was."
import pytest

from alpr_nb.core.config import UserError, load_section
from alpr_nb.workflow.params import compose


@pytest.fixture
def conf(tmp_path):
    "Two groups of one option each, and a default."
    for name, text in {'config': 'defaults: [{train: quick}, _self_]\nseed: 0\n', 'train/quick': 'epochs: 3\n',
                       'train/smoke': 'epochs: 1\n'}.items():
        (tmp_path/'conf'/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/'conf'/f'{name}.yaml').write_text(text)
    return tmp_path/'conf'


@pytest.mark.parametrize('overrides, epochs', [([], 3), (['train=smoke'], 1), (['train=smoke', 'train.epochs=9'], 9)])
def test_groups_and_overrides(conf, overrides, epochs):
    out = compose(overrides, conf.parent/'params.yaml', conf)
    assert load_section('train', out)['epochs'] == epochs


@pytest.mark.parametrize('override, said', [('train=nothing', 'nothing'), ('train.epoch=1', 'epoch'), ('=', '=')])
def test_an_unknown_override_changes_nothing(conf, override, said):
    out = compose([], conf.parent/'params.yaml', conf)
    before = out.read_bytes()
    with pytest.raises(UserError, match=said): compose([override], out, conf)
    assert out.read_bytes() == before and sorted(p.name for p in out.parent.iterdir()) == ['conf', 'params.yaml']
