"Files and folders are replaced whole: a reader, and a run after a kill, finds the old content or the new one."
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from alpr_nb.core import atomic
from alpr_nb.core.atomic import exchange, replacing, write_atomic
from alpr_nb.core.config import UserError


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
    "A reader that looks all the time while a folder is replaced 300 times always finds one"
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
    monkeypatch.setattr(atomic, 'exchange', lambda a, b: False)
    out = tmp_path/'out'
    replace(out, 'old')
    replace(out, 'new')
    assert texts(out) == {'new'} and [p.name for p in tmp_path.iterdir()] == ['out']
    out.rename(tmp_path/'.out.old') # killed after the first of the two steps
    with pytest.raises(UserError, match='stopped'):
        with replacing(out, marker=['a']): raise UserError('stopped')
    assert texts(out) == {'new'} and [p.name for p in tmp_path.iterdir()] == ['out']


def test_a_file_is_never_half_written(tmp_path):
    "A reader that looks all the time while a file is replaced 300 times always finds one whole content"
    file, seen, stop = tmp_path/'metrics.json', set(), threading.Event()
    contents = [bytes([n])*200_000 for n in range(2)]
    write_atomic(file, contents[0])
    def look():
        while not stop.is_set(): seen.add(file.read_bytes())
    watcher = threading.Thread(target=look)
    watcher.start()
    for n in range(300): write_atomic(file, contents[n % 2])
    stop.set()
    watcher.join()
    assert seen and seen <= set(contents)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    file = write_atomic(tmp_path/'a.txt', 'old\r\n')
    def full(*a): raise OSError(28, 'No space left on device')
    monkeypatch.setattr(atomic.os, 'replace', full)
    with pytest.raises(OSError, match='No space'): write_atomic(file, 'new')
    assert file.read_bytes() == b'old\r\n' and [p.name for p in tmp_path.iterdir()] == ['a.txt']


def test_a_file_can_be_read_by_the_same_people_as_any_other(tmp_path):
    (tmp_path/'plain').write_text('')
    file = write_atomic(tmp_path/'new folder/a.txt', 'text')
    assert file.stat().st_mode == (tmp_path/'plain').stat().st_mode


def test_a_link_is_replaced_and_not_followed(tmp_path):
    "DVC may link results to its cache, whose files must not change"
    (tmp_path/'cached').write_text('cached')
    os.symlink(tmp_path/'cached', tmp_path/'metrics.json')
    write_atomic(tmp_path/'metrics.json', 'new')
    assert (tmp_path/'cached').read_text() == 'cached' and not (tmp_path/'metrics.json').is_symlink()


HOLD = '''
import sys
from alpr_nb.core.atomic import replacing
with replacing(sys.argv[1], marker=['a']) as (new,):
    (new/'a').write_text('first')
    print('writing', flush=True)
    sys.stdin.readline()
'''


@pytest.fixture
def other_run(tmp_path):
    "Another process that writes to `out` until it gets a line"
    p = subprocess.Popen([sys.executable, '-c', HOLD, str(tmp_path/'out')], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
    assert p.stdout.readline() == b'writing\n'
    yield p
    p.kill()
    p.communicate()


def test_of_two_runs_at_once_the_second_is_refused(tmp_path, other_run):
    with pytest.raises(UserError, match='another run is writing there'): replace(tmp_path/'out', 'second')
    replace(tmp_path/'other', 'second')
    other_run.communicate(b'\n')
    assert other_run.returncode == 0 and texts(tmp_path/'out') == {'first'}
    replace(tmp_path/'out', 'second')
    assert texts(tmp_path/'out') == {'second'}
    assert sorted(p.name for p in tmp_path.iterdir()) == ['other', 'out']


def test_the_lock_of_a_killed_run_is_gone(tmp_path, other_run):
    other_run.kill()
    other_run.wait()
    replace(tmp_path/'out', 'second')
    assert texts(tmp_path/'out') == {'second'} and [p.name for p in tmp_path.iterdir()] == ['out']


def test_two_writers_of_one_file_never_mix(tmp_path):
    "Each has its own temporary file, so that neither removes the other's"
    errors = []
    def write(letter):
        try:
            for _ in range(200): write_atomic(tmp_path/'list.json', letter*1000)
        except OSError as e: errors.append(e)
    writers = [threading.Thread(target=write, args=(c,)) for c in 'ab']
    for w in writers: w.start()
    for w in writers: w.join()
    assert not errors and (tmp_path/'list.json').read_text() in ('a'*1000, 'b'*1000)
    assert [p.name for p in tmp_path.iterdir()] == ['list.json']
