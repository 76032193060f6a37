"The initial checkpoint: where it is searched, and what is written down of it."
import hashlib

import pytest
from alpr_nb.core.config import UserError
from alpr_nb.training.checkpoints import find_weights, write_start
from trainings import offline, project, undrawn # noqa: F401 (fixtures)


def test_a_missing_checkpoint_says_where_to_put_it(project):
    with pytest.raises(UserError, match='yolov5m.pt.*nothing is downloaded.*put the file'): find_weights('yolov5m.pt')


def test_a_name_is_searched_in_weights_and_its_hash_is_written(project):
    (project/'weights').mkdir()
    (project/'weights/x.pt').write_bytes(b'weights')
    assert find_weights('x.pt') == find_weights('weights/x.pt') == project/'weights/x.pt'
    assert write_start('x.pt', project/'start.json') == dict(weights='x.pt',
                                                             sha256=hashlib.sha256(b'weights').hexdigest())
