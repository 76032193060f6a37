"The committed test vectors of readers in other languages are those of the present reader in Python."
import json

import pytest

from alpr_nb.serving.runtimes.test_vectors import write_test_vectors
from conftest import ROOT

FILE = ROOT/'apps/web/test/vectors.json'
AGAIN = f'run `alpr-nb test-vectors {FILE.relative_to(ROOT)}` and then `npm test` in apps/web'


def test_committed_vectors_are_those_of_python(tmp_path):
    committed = json.loads(FILE.read_text(encoding='utf-8'))
    present = json.loads(write_test_vectors(tmp_path/'vectors.json').read_text(encoding='utf-8'))
    for key in ('manifests', 'settings', 'priors', 'letterboxes'): assert committed[key] == present[key], AGAIN
    assert len(committed['readings']) == len(present['readings']), AGAIN
    for old, new in zip(committed['readings'], present['readings']):
        for v in (old, new): # floating point may differ in the last digits
            v['numbers'] = [v['decoded'].pop('confidence'), *v['decoded'].pop('confidences')]
        assert old.pop('numbers') == pytest.approx(new.pop('numbers'), abs=1e-6), AGAIN
        assert old == new, AGAIN
