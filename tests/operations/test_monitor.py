"A log survives broken lines, jumping clocks and several writers; the exit status of the monitor tells of an alarm."
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from typer.testing import CliRunner

from alpr_nb.cli import app
from alpr_nb.core.config import UserError
from alpr_nb.operations.drift import compare_log, load_reference, make_reference
from alpr_nb.operations.reading_log import append_line, read_log


def write_log(folder, n, seed, brightness=110.):
    rng = np.random.default_rng(seed)
    for i in range(n):
        values = dict(code='ABC1234', format=str(rng.choice(['old', 'mercosul'])), confidence=float(rng.beta(8, 1)),
                      width=float(rng.normal(150, 20)), tilt=float(rng.normal(0, 3)),
                      brightness=float(rng.normal(brightness, 20)), sharpness=float(rng.normal(3, .3)))
        append_line(folder, f'{i}.jpg', values, now=1.8e9 + 600*i)
    return folder


def test_broken_lines_and_a_clock_that_jumps_lose_nothing(tmp_path):
    write_log(tmp_path, 5, 0)
    file = sorted(tmp_path.glob('*.jsonl'))[0]
    file.write_bytes(file.read_bytes() + b'{"time": 1, "image"\n\xff\xfe\n[1, 2]\n{"time": "x"}\n')
    append_line(tmp_path, 'late.jpg', dict(format='old', confidence=.5), now=1.8e9 - 30)
    frame, broken, jumps = read_log(tmp_path)
    assert (len(frame), broken, jumps) == (6, 4, 1) and frame.tilt.isna().sum() == 1


def test_threads_share_a_log(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: append_line(tmp_path, f'{i}', dict(format='old', code='A'*5000), now=0), range(200)))
    frame, broken, _ = read_log(tmp_path)
    assert len(set(frame.image)) == 200 and broken == 0


def test_a_log_that_cannot_be_written(tmp_path):
    (tmp_path/'file').write_text('')
    with pytest.raises(UserError, match='cannot be written'): append_line(tmp_path/'file', 'a.jpg', dict(format='old'))


def test_alarms_and_no_alarms(tmp_path):
    known = make_reference(read_log(write_log(tmp_path/'known', 400, 0))[0], 'known')
    calm = compare_log(read_log(write_log(tmp_path/'calm', 400, 1))[0], known, alpha=1e-4)
    dark = compare_log(read_log(write_log(tmp_path/'dark', 400, 2, 70))[0], known, alpha=1e-4)
    assert not calm.alarm.any() and set(dark[dark.alarm].signal) == {'brightness'}
    assert set(dark[dark.alarm].number) == {0, 1}


def test_a_bundle_without_a_reference_gives_one_sentence(tmp_path):
    from alpr_nb.inference.bundle import packaged_bundle
    if json.loads((packaged_bundle('truck')/'manifest.json').read_text()).get('reference'): return
    with pytest.raises(UserError, match='has no reference.*alpr-nb reference'):
        load_reference(bundle=packaged_bundle('truck'))


def test_the_command_line(tmp_path, root, monkeypatch):
    monkeypatch.chdir(root)
    write_log(tmp_path/'known', 400, 0)
    run = lambda *words: CliRunner().invoke(app, [str(w) for w in words])
    assert run('reference', tmp_path/'known', '--out', tmp_path/'ref.json').exit_code == 0
    dark = write_log(tmp_path/'dark', 200, 2, 70)
    done = run('monitor', dark, '--reference', tmp_path/'ref.json', '--out', tmp_path/'out')
    assert done.exit_code == 2 and 'brightness' in done.output, done.output
    assert (tmp_path/'out/monitor.html').read_text().count('data:image/png') == 6


def test_read_writes_the_log(tmp_path, root):
    command = ['alpr-nb', 'read', '--log', str(tmp_path/'log'), 'nbs/images/photo.jpg']
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    frame = read_log(tmp_path/'log')[0]
    assert frame.code[0] and 0 < frame.brightness[0] < 255
