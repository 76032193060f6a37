"A watched folder: killed at random moments, no photograph is lost and none is repeated."
import csv
import json
import random
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from alpr_nb.inference.bundle import write_bundle
from alpr_nb.inference.config import ReaderConfig
from conftest import ROOT
from onnx_models import fixed_model, text_model


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    "A bundle that finds two plates with one code in every photograph."
    folder = tmp_path_factory.mktemp('bundle')
    rows = [[256, 144, 90, 30, 1, .9], [100, 60, 90, 30, 1, .8]]
    (folder/'cd.onnx').write_bytes(fixed_model(rows, names="{0: 'plate'}"))
    (folder/'cr.onnx').write_bytes(text_model('ABC1D23'))
    config = ReaderConfig(scope='truck', formats=dict(old='LLLNNNN', mercosul='LLLNLNN'))
    write_bundle(folder/'bundle', folder/'cd.onnx', folder/'cr.onnx', config)
    return folder/'bundle'


def start(folder, out, bundle, *options):
    command = [sys.executable, '-c', 'from alpr_nb.cli import main; main()', 'watch', folder, '--out', out,
               '--bundle', bundle, '--interval', '.02', *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.parametrize('suffix', ['.csv', '.jsonl'])
def test_killed_at_random_moments(tmp_path, bundle, suffix):
    folder, out, moments = tmp_path/'in', tmp_path/f'out{suffix}', random.Random(7)
    folder.mkdir()
    names = [f'{i:03}.jpg' for i in range(60)]
    image = cv2.imencode('.jpg', np.zeros((360, 640, 3), np.uint8))[1].tobytes()
    for name in names: (folder/name).write_bytes(image)
    (folder/'broken.jpg').write_bytes(b'no image')
    for _ in range(4):
        process = start(folder, out, bundle)
        end = time.monotonic() + 20
        before = out.stat().st_size if out.exists() else 0
        while time.monotonic() < end and (not out.exists() or out.stat().st_size <= before): time.sleep(.005)
        time.sleep(moments.uniform(0, .05))
        process.kill()
        process.communicate()
    done = start(folder, out, bundle, '--once')
    assert done.wait(60) == 0, done.stderr.read()
    done.stderr.close()
    if suffix == '.csv':
        rows = list(csv.DictReader(out.open()))
        found = [r['image'] for r in rows]
        assert sorted(found) == sorted(names*2 + ['broken.jpg'])
        assert {r['code'] for r in rows if r['image'] != 'broken.jpg'} == {'ABC1D23'}
    else: assert sorted(json.loads(line)['image'] for line in out.open()) == sorted([*names, 'broken.jpg'])


@pytest.mark.parametrize('folder, out, sentence', [
    ('none', 'out.csv', 'no such folder'), ('.', 'out.txt', '.csv or .jsonl')])
def test_what_it_refuses(tmp_path, bundle, folder, out, sentence):
    process = start(tmp_path/folder, tmp_path/out, bundle, '--once')
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1 and sentence in said and 'Traceback' not in said
