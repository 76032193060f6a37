"The initial checkpoint: where it is searched."
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.training.config import find_weights
from trainings import offline, project, undrawn # noqa: F401 (fixtures)


def test_a_missing_checkpoint_says_where_to_put_it(project): # noqa: F811
    with pytest.raises(UserError, match='yolov5m.pt.*nothing is downloaded.*put the file'): find_weights('yolov5m.pt')


def test_a_name_is_searched_in_weights(project): # noqa: F811
    (project/'weights').mkdir()
    (project/'weights/x.pt').write_bytes(b'weights')
    assert find_weights('x.pt') == find_weights('weights/x.pt') == project/'weights/x.pt'
