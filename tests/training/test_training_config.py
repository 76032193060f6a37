"Settings of a training: ranges, unknown keys, and the stage notebooks that spell them."
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.training.settings import TrainConfig
from stage_cells import keywords, parameters
from trainings import offline, smoke, undrawn # noqa: F401 (fixtures)


@pytest.mark.parametrize('changed, says', [
    (dict(epochs=0), 'epochs'), (dict(batch_size=0), 'batch-size'), (dict(imgsz=100), 'imgsz'), (dict(lr0=0), 'lr0'),
    (dict(mosaic=1.5), 'mosaic'), (dict(optimizer='adamw'), 'optimizer'),
                                           (dict(learning_rate=1), 'learning_rate is an unknown key'),
    (dict(cls=-1), 'cls'), (dict(workers=-1), 'workers'), (dict(task='ocr'), 'task'),
                                           (dict(mosaic=.5), 'square batches'),
    (dict(lr0=float('nan')), 'lr0')])
def test_a_wrong_value_is_named(changed, says):
    with pytest.raises(UserError, match=f'train.tasks.*{says}'): smoke(**changed)


def test_a_missing_value_is_named():
    with pytest.raises(UserError, match='train.tasks.cd.scope is missing; correct it in conf/'):
        TrainConfig(task='cd')


@pytest.mark.parametrize('notebook, task', [('01_train_cd.ipynb', 'cd'), ('02_train_cr.ipynb', 'cr')])
def test_parameter_cell_configuration_and_call_have_the_same_names(notebook, task):
    given = parameters(notebook)
    assert list(given) == list(TrainConfig.model_fields)
    assert keywords(notebook, 'TrainConfig') == {name: name for name in given}
    assert TrainConfig(**given).task == task
