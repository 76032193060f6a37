"The gate: it passes at its value, and below it there is no gate.json."
import json

import pytest

from alpr_nb.core.config import UserError
from alpr_nb.evaluation.gate import verify


def metrics(path, **more):
    path.write_text(json.dumps({'acc@0.2': .9, 'n': 10, 'interval': {'acc@0.2': [.7, 1.]}, **more}))
    return path

def test_gate_passes_at_its_value(tmp_path):
    found = verify(metrics(tmp_path/'metrics.json'), .9, tmp_path/'gate'/'gate.json')
    assert json.loads((tmp_path/'gate'/'gate.json').read_text()) == found
    assert found['acc@0.2'] == .9 and found['gate'] == .9 and found['n'] == 10

def test_gate_says_by_how_much_and_leaves_nothing(tmp_path):
    out = tmp_path/'gate.json'
    verify(metrics(tmp_path/'metrics.json'), 0, out)
    with pytest.raises(UserError, match='0.1100 under the gate of 1.01'): verify(tmp_path/'metrics.json', 1.01, out)
    assert not out.exists()

@pytest.mark.parametrize('content', ['{}', '[]', '{', '{"acc@0.2": null}', '{"acc@0.2": NaN, "interval": {}}'])
def test_gate_refuses_a_file_without_an_accuracy(tmp_path, content):
    (tmp_path/'metrics.json').write_text(content)
    with pytest.raises(UserError, match='metrics.json'): verify(tmp_path/'metrics.json', 0, tmp_path/'gate.json')
    with pytest.raises(UserError, match='none.json'): verify(tmp_path/'none.json', 0, tmp_path/'gate.json')
    assert not (tmp_path/'gate.json').exists()
