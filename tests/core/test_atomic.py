"A folder is replaced whole: whoever looks, and whoever is killed, finds the old one or the new one."
import signal
import subprocess
import sys
import threading
import time

import pytest

from alpr_nb.core import atomic as folders
from alpr_nb.core.config import UserError
from alpr_nb.core.atomic import exchange, replacing


def fill(folder, text):
    for name in 'abc': (folder/name).write_text(text)


def replace(out, text):
    with replacing(out, marker=['a']) as (new,): fill(new, text)


def texts(folder):
    return {p.read_text() for p in folder.iterdir()}


@pytest.fixture
def swaps(tmp_path):
    for name in 'xy': (tmp_path/name).mkdir()
    if not exchange(tmp_path/'x', tmp_path/'y'): pytest.skip('this file system cannot exchange two names in one step')


def test_at_no_moment_is_there_neither(tmp_path, swaps):
    "Somebody who looks all the time while a folder is replaced 300 times always finds one, and never half of one"
    out, seen, stop = tmp_path/'out', [], threading.Event()
    replace(out, 'old')
    def look():
        while not stop.is_set(): seen.append(out.is_dir()) # one system call
    watcher = threading.Thread(target=look)
    watcher.start()
    for n in range(300): replace(out, str(n))
    stop.set()
    watcher.join()
    assert len(seen) > 100 and all(seen)


LOOP = '''
import sys
from pathlib import Path
from alpr_nb.core.atomic import replacing
n = 0
while True:
    with replacing(Path(sys.argv[1]), marker=['a']) as (new,):
        for name in 'abc': (new/name).write_text(str(n))
    n += 1
    if n == 1: print('here', flush=True)
'''


@pytest.mark.parametrize('milliseconds', [0, 1, 3, 7, 13, 29])
def test_killed_at_any_moment(tmp_path, swaps, milliseconds):
    out = tmp_path/'out'
    p = subprocess.Popen([sys.executable, '-c', LOOP, str(out)], stdout=subprocess.PIPE)
    assert p.stdout.readline() == b'here\n'
    time.sleep(milliseconds/1000)
    p.send_signal(signal.SIGKILL)
    p.wait()
    p.stdout.close()
    assert sorted(f.name for f in out.iterdir()) == ['a', 'b', 'c'] and len(texts(out)) == 1
    replace(out, 'next')
    assert texts(out) == {'next'} and not list(tmp_path.glob('.out*'))


def test_where_nothing_can_be_exchanged_the_next_run_puts_it_back(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, 'exchange', lambda a, b: False)
    out = tmp_path/'out'
    replace(out, 'old')
    replace(out, 'new')
    assert texts(out) == {'new'} and [p.name for p in tmp_path.iterdir()] == ['out']
    out.rename(tmp_path/'.out.old') # killed after the first of the two steps
    with pytest.raises(UserError, match='stopped'):
        with replacing(out, marker=['a']): raise UserError('stopped')
    assert texts(out) == {'new'} and [p.name for p in tmp_path.iterdir()] == ['out']
