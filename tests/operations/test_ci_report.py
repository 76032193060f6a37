"The report on a change shows what differs, and says when photographs cannot be paired."
import json

import pytest
import yaml

from alpr_nb.core.config import UserError
from alpr_nb.operations.ci_report import write_ci_report
from html_assets import Loads


def line(i, code, image=None):
    kind = 'right' if code == f'ABC123{i}' else 'other characters'
    return dict(image=image or f'{i}.jpg', truth=f'ABC123{i}', code=code, confidence=.9, kind=kind, distance=1,
                box=None, truth_box=None, reads=dict(decoded={'0.2': code}, raw={'0.2': code}), chars=[])


def checkout(folder, lines, epochs):
    "A project after a run."
    at = folder/'outputs/truck/benchmark/validation'
    for f in (at/'errors', folder/'outputs/truck/cd', folder/'outputs/truck/cr'): f.mkdir(parents=True)
    params = dict(scope=dict(name='truck'), benchmark=dict(sets=dict(validation={})), train=dict(epochs=epochs))
    (folder/'params.yaml').write_text(yaml.safe_dump(params))
    (at/'predictions.jsonl').write_text(''.join(json.dumps(p) + '\n' for p in lines))
    exact = sum(p['code'] == p['truth'] for p in lines)/len(lines)
    (at/'metrics.json').write_text(json.dumps({'n': len(lines), 'exact': exact, 'acc@0.2': exact, 'acc@0.9': 0.}))
    for task in ('cd', 'cr'): (folder/f'outputs/truck/{task}/metrics.json').write_text('{"mAP50": 0.5}')
    return folder


def test_a_reviewer_sees_what_a_change_does(tmp_path):
    base = checkout(tmp_path/'base', [line(i, f'ABC123{i}') for i in range(9)], 1)
    head = checkout(tmp_path/'head', [line(i, f'ABC123{i}' if i < 2 else 'WRONG12') for i in range(9)], 2)
    text = write_ci_report(head, base, tmp_path/'out').read_text()
    assert '| train.epochs | 1 | 2 |' in text and '**worse: 2 of 9 right against 9' in text
    assert '| validation | 9 | 9 | 2 | -0.778' in text and 'Worse beyond chance on validation.' in text
    assert 'New failures: 7' in text and '| `ABC1238` | `WRONG12` | 0.90 |' in text and '![Accuracy' in text
    page = Loads((tmp_path/'out/report.html').read_text())
    assert all(u.startswith('data:') for u in page.loads) and page.loads


def test_other_photographs_are_not_paired(tmp_path):
    base = checkout(tmp_path/'base', [line(i, '', f'old{i}.jpg') for i in range(3)], 1)
    head = checkout(tmp_path/'head', [line(i, '') for i in range(3)], 1)
    text = write_ci_report(head, base, tmp_path/'out').read_text()
    assert 'cannot be paired' in text and 'No parameter differs' in text


def test_a_checkout_without_a_run(tmp_path):
    base = checkout(tmp_path/'base', [line(0, '')], 1)
    (base/'outputs/truck/cd/metrics.json').unlink()
    with pytest.raises(UserError, match='run `dvc repro` in this checkout'):
        write_ci_report(base, base, tmp_path/'out')
