"A setting of the reader is defined once, and is known everywhere."
import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import yaml

from alpr_nb.codes.scope import Scope
from alpr_nb.core.config import UserError
from alpr_nb.inference.config import (CodeSpec, DetectorConfig, ReaderConfig, ReaderSettings, load_reader_config,
                                      reader_config)
from conftest import ROOT
from onnx_models import fixed_model, text_model

SCOPE = Scope(name='truck', label='plate', alphabet='ABC123', formats=dict(old=dict(pattern='LLLNNNN')),
              substitutions={'B': '8'})
SCOPES = sorted(p.stem for p in (ROOT/'conf/scope').glob('*.yaml'))


def test_every_setting_has_a_default_and_a_range_that_is_checked():
    assert reader_config(SCOPE).settings == ReaderSettings()
    assert not set(ReaderSettings.model_fields) & set(CodeSpec.model_fields)
    wrong = dict(
        cd=dict(size=16), cr=dict(iou=2), calibration=[1], margin=[-.1, .1], margin_max_aspect=.5, retry_below=1.1,
        retry_margin=[.1], unclear_confidence=-1, retry_crop_size=0, retry_scene_size=31, min_confidence=2,
        max_missing=-1, max_surplus=1.5, rectifier=dict(context=-1), rectify_crops='perhaps')
    assert set(wrong) == set(ReaderSettings.model_fields)
    for name, value in wrong.items():
        with pytest.raises(UserError, match=f'here.{name}') as e: reader_config(SCOPE, {name: value}, 'here')
        assert '\n' not in str(e.value)
    for wrong in (7, [], 'cd'):
        with pytest.raises(UserError, match='here: '): reader_config(SCOPE, wrong, 'here')


@pytest.mark.parametrize('unknown', ['alphabet', 'scope', 'cd.limit', 'retry-margin'])
def test_what_is_no_setting_is_named(unknown):
    first, _, second = unknown.partition('.')
    with pytest.raises(UserError, match=f'reader.{unknown} is an unknown key'):
        reader_config(SCOPE, {first: {second: 1} if second else 1})


def test_settings_do_not_change():
    with pytest.raises(ValueError, match='frozen'): reader_config(SCOPE).margin = (0, 0)
    with pytest.raises(ValueError, match='frozen'): DetectorConfig().size = 64


@pytest.mark.parametrize('scope', SCOPES)
@pytest.mark.parametrize('profile', ['smoke', 'quick', 'full', 'release'])
def test_section_reader_is_valid_and_reaches_the_benchmark(tmp_path, scope, profile):
    from alpr_nb.workflow.params import compose
    changes = [f'scope={scope}', f'profile={profile}', '+reader.retry_below=0.85']
    params = compose(changes, tmp_path/'params.yaml', ROOT/'conf')
    config, known = load_reader_config(params), yaml.safe_load(params.read_text())
    assert config.scope == scope and config.retry_below == .85
    assert known['benchmark']['settings']['reader'] == known['reader'], 'the notebook gets the section as it is'
    if profile == 'smoke': assert config.cd.size == config.cr.size == 128
    default = ReaderConfig(scope=scope).model_dump(mode='json')
    for key, value in known['reader'].items():
        if key not in ('cd', 'cr'): assert value != default[key], f'conf/reader repeats the default of {key}'


ONE_PLACE = '''
import json, sys
from pathlib import Path
from alpr_nb.codes.scope import load_scope
from alpr_nb.core.config import UserError
from alpr_nb.inference.bundle import load_bundle, write_bundle
from alpr_nb.inference.config import load_reader_config
from alpr_nb.inference.reader import Reader
from alpr_nb.workflow.params import compose
from alpr_nb.workflow.runner import run_notebook

here, found = Path.cwd(), {}
compose(['profile=smoke', '+reader.sharpen=0.7'])
found['params'] = load_reader_config().sharpen
try: load_reader_config(compose(['profile=smoke', '+reader.sharpen=7'], 'wrong.yaml'))
except UserError as e: found['refused'] = str(e)
given = dict(set_name='one', images='photos', cd='cd.onnx', cr='cr.onnx', out='out', bootstrap=10, threads=1)
run = lambda sharpen: run_notebook('nbs/04_benchmark.ipynb', {**given, 'reader': dict(sharpen=sharpen)},
                                   'executed.ipynb', html=False, log=lambda *_: None)
run(.6)
try: run(7)
except UserError as e: found['notebook'] = str(e)
write_bundle('bundle', 'cd.onnx', 'cr.onnx', load_reader_config())
found['manifest'] = json.loads(Path('bundle/manifest.json').read_text())['reader']['sharpen']
found['reader'] = Reader(bundle='bundle').config.sharpen
print(json.dumps(found))
'''


def test_a_new_setting_is_written_in_one_place_and_known_everywhere(tmp_path):
    "A field is added to ReaderSettings in a copy of the package. params.yaml, the notebook and the manifest know it."
    shutil.copytree(ROOT/'alpr_nb', tmp_path/'alpr_nb', ignore=shutil.ignore_patterns('bundles', '__pycache__'))
    shutil.copytree(ROOT/'conf', tmp_path/'conf')
    (tmp_path/'nbs').mkdir(); shutil.copy(ROOT/'nbs/04_benchmark.ipynb', tmp_path/'nbs')
    module, line = tmp_path/'alpr_nb/inference/config.py', '    margin_max_aspect: float'
    text = module.read_text()
    assert text.count(line) == 1
    module.write_text(text.replace(line, '    sharpen: float = Field(.5, ge=0, le=1) # of the crop\n' + line))
    (tmp_path/'params.yaml').write_text('{}')
    (tmp_path/'cd.onnx').write_bytes(fixed_model([[256, 144, 200, 60, .95, 1.]]))
    (tmp_path/'cr.onnx').write_bytes(text_model('ABC1D23'))
    (tmp_path/'photos').mkdir()
    cv2.imwrite(str(tmp_path/'photos/a.jpg'), np.zeros((288, 512, 3), np.uint8))
    (tmp_path/'photos/validation.csv').write_text('image,code\na.jpg,ABC1D23\n')

    done = subprocess.run([sys.executable, '-c', ONE_PLACE], cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, 'PYTHONPATH': str(tmp_path)})
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found['params'] == .7 == found['manifest'] == found['reader']
    assert 'reader.sharpen' in found['refused'] and 'a number from 0 to 1' in found['refused']
    assert 'reader.sharpen' in found['notebook']
