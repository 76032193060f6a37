"The guide's plates of another country: configuration alone, and they look like it."
import shutil
import subprocess

import cv2
import numpy as np
import pytest
import yaml

from alpr_nb.core.config import UserError, load_params
from alpr_nb.drawing.plates.plates import draw_plate
from alpr_nb.drawing.settings import SynthesisSettings
from alpr_nb.drawing.synthesize import draw_sample, random_plate
from alpr_nb.parameters import validate_parameters
from alpr_nb.workflow.params import compose
from conftest import ROOT
from pages import blocks

LAYOUTS = 'conf/plates/argentina.yaml'


@pytest.fixture
def guided(tmp_path, monkeypatch):
    "The configuration of the project with the files of the guide, as the working folder."
    shutil.copytree(ROOT/'conf', tmp_path/'conf')
    for file in ('params.yaml', 'dvc.yaml'): shutil.copy(ROOT/file, tmp_path/file)
    writing = [b for b in blocks(ROOT/'nbs/howto/plates_of_another_country.ipynb', 'sh') if "<<'EOF'" in b]
    subprocess.run(['bash', '-e'], cwd=tmp_path, input='\n'.join(writing), text=True, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(task):
    "The settings of the samples, composed from conf/."
    section = {k.replace('-', '_'): v for k, v in load_params()['data']['drawing'][task].items()}
    return SynthesisSettings(**{k: v for k, v in section.items() if k not in ('scope', 'out', 'count', 'batch_size')})


def test_the_scope_composes_and_draws_both_tasks(guided):
    for profile in ('smoke', 'quick'): compose(['scope=argentina', f'profile={profile}'], check=validate_parameters)
    for task in ('cd', 'cr'): assert cv2.imdecode(np.frombuffer(draw_sample(3, settings(task)).jpeg, np.uint8), 1).size
    plates = [random_plate(np.random.default_rng(i), settings('cr'), False, 200) for i in range(60)]
    patterns = {''.join('L' if c.isalpha() else 'N' for c in p.code) for p in plates}
    assert patterns == {'LLNNNLL', 'LLLNNN'}
    assert sum(p.category == 'commercial' for p in plates) < 8 # not the shares of Brazil


def centres(plate): return [q[:, 0].mean() for _, q in plate.chars]


def test_gaps_and_colours_are_those_of_the_file(guided):
    for seed in range(5):
        plate = draw_plate(np.random.default_rng(seed), 'AB123CD', 'mercosur', 'private', 400, layouts=LAYOUTS)
        step = np.diff(centres(plate))
        assert min(step[[1, 4]]) > 1.3*max(step[[0, 2, 3, 5]]) # AB 123 CD
        b, _, r = plate.image[3:8, 60:340].reshape(-1, 3).mean(0)
        assert b > 1.3*r # the band
        b, g, r = plate.image[6:10, 356:382].reshape(-1, 3).mean(0)
        assert b > r + 20 and g > r # the flag is light blue, not green
        old = draw_plate(np.random.default_rng(seed), 'ABC123', 'old', None, 400, layouts=LAYOUTS)
        assert np.diff(centres(old)).argmax() == 2 and np.median(old.image) < 110 # white on black


@pytest.mark.parametrize('change, says', [
    (lambda d: d['mercosur'].update(alphabet='runes'), f'{LAYOUTS}: mercosur.alphabet: expected one of mandatory, fe'),
    (lambda d: d['mercosur']['runs'][0].update(groups=[2, 3]),
     'the pattern of mercosur has 7 characters, but its plate in'),
    (lambda d: d['old'].update(hue=3), f'{LAYOUTS}: old.hue is an unknown key; the section takes size, alphabet'),
    (lambda d: d.pop('old'), f"{LAYOUTS} has no 'old'; it has mercosur")])
def test_a_wrong_layout_is_named_before_anything_is_drawn(guided, change, says):
    found = yaml.safe_load((guided/LAYOUTS).read_text())
    change(found)
    (guided/LAYOUTS).write_text(yaml.safe_dump(found))
    with pytest.raises(UserError) as e: compose(['scope=argentina'], check=validate_parameters)
    assert says in str(e.value)
