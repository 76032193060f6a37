"Settings of the synthesiser: each wrong key is named with the value that was found."
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.drawing.settings import SynthesisSettings, load_settings


@pytest.mark.parametrize('keys, said', [
    (dict(task='ocr'), "synth.task: expected one of cd, cr, found 'ocr'"),
    (dict(validation=1.2), 'synth.validation: expected a number from 0 to 1, found 1.2'),
    (dict(validation='much'), "synth.validation: expected a number from 0 to 1, found 'much'"),
    (dict(seed=-1), 'synth.seed'), (dict(seed=1.5), 'synth.seed'), (dict(seed=True), 'synth.seed'),
    (dict(size=[960]), 'synth.size'), (dict(size=[0, 540]), 'synth.size.0'),
    (dict(strip=-1), 'synth.strip'),
    (dict(strip=600), 'strip must be at most the height of a scene, 540 px, found 600'),
    (dict(plate_width=[.5, .1]), 'synth.plate-width'), (dict(plate_width=[.001, .1]), 'synth.plate-width.0'),
    (dict(vehicles=31), 'synth.vehicles'), (dict(strength=-.1), 'synth.strength'),
    (dict(strength=float('nan')), 'synth.strength'),
    (dict(formats={'old': -1}), 'synth.formats.old'), (dict(formats={}), 'synth.formats: at least one weight'),
    (dict(formats={'old': 0}), 'synth.formats: at least one weight'),
    (dict(formats={'british': 1}), "patterns has no 'british'"),
    (dict(patterns={'british': 'LLNNLLL'}, formats={'british': 1}), "conf/plates/brazil.yaml has no 'british'"),
    (dict(categories={'pink': 1}), "the palettes of conf/plates/brazil.yaml has no 'pink'"),
    (dict(quality=0), 'synth.quality'), (dict(annotator='../x'), 'synth.annotator'),
    (dict(colour=1), 'synth.colour is an unknown key; the section takes task, seed'),
    (dict(wear={'moss': .1}), 'synth.wear.moss'), (dict(wear={'flakes': 1.2}), 'synth.wear.flakes'),
    (dict(wear=.3), 'synth.wear'),
    (dict(renderer='alpr_nb.drawing.steel.renderer', wear={'flakes': .1}), 'wear must be absent'),
    (dict(renderer='alpr_nb.nobody', looks={}), "found 'alpr_nb.nobody'"),
    (dict(painter='alpr_nb.drawing.steel.renderer'), 'synth.painter is an unknown key'),
])
def test_a_wrong_setting_is_named_in_one_line(keys, said):
    with pytest.raises(UserError) as e: load_settings(dict(task='cd') | keys)
    assert said in str(e.value) and '\n' not in str(e.value) and str(e.value).endswith('correct it in conf/.')


def test_a_missing_task_is_named():
    with pytest.raises(UserError, match='synth.task is missing'): load_settings({})


def test_defaults_follow_the_task_and_the_renderer():
    assert SynthesisSettings(task='cd').plate_width == (.03, .6)
    assert SynthesisSettings(task='cr').plate_width == (.07, .45)
    assert SynthesisSettings(task='cd').formats == {'old': .7, 'mercosul': .3}


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValueError, match='frozen'): SynthesisSettings(task='cd').seed = 1
