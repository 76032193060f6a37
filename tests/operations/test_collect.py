"Photographs are copied once and whole: after an interruption, while they are written, and from a Samba server."
import getpass
import shutil
import socket
import subprocess
import time

import numpy as np
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.core.image_files import encode_image
from alpr_nb.operations import collect as module
from alpr_nb.operations.collect import collect, read_ledger


def photo(file, grey):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encode_image(np.full((16, 16, 3), grey, np.uint8), '.png'))


@pytest.fixture
def gate(tmp_path):
    for i in range(7): photo(tmp_path/f'gate/camera{i % 2}/{i // 2}.png', 30*i)
    return tmp_path/'gate'


def contents(out): return sorted(f.read_bytes() for f in out.glob('batch_*/*'))


def test_an_interrupted_run_goes_on(gate, tmp_path, monkeypatch):
    write, calls = module.write_atomic, []
    def failing(path, content):
        if path.suffix == '.png': calls.append(path)
        if len(calls) == 4: raise KeyboardInterrupt
        return write(path, content)
    monkeypatch.setattr(module, 'write_atomic', failing)
    with pytest.raises(KeyboardInterrupt): collect(gate, tmp_path/'out', batch_size=3)
    monkeypatch.setattr(module, 'write_atomic', write)
    with (tmp_path/'out/collected.jsonl').open('a') as ledger: ledger.write('{"source": "cut o')
    assert collect(gate, tmp_path/'out', batch_size=3).copied == 4
    assert contents(tmp_path/'out') == sorted(f.read_bytes() for f in gate.rglob('*.png'))
    assert [len(list(f.iterdir())) for f in sorted((tmp_path/'out').glob('batch_*'))] == [3, 3, 1]
    assert len(read_ledger(tmp_path/'out')) == 7


def test_nothing_is_copied_twice_and_a_new_content_is_new(gate, tmp_path):
    collect(gate, tmp_path/'out')
    shutil.copy(gate/'camera0/0.png', gate/'again.png')
    photo(gate/'camera0/1.png', 200)
    done = collect(gate, tmp_path/'out')
    assert (done.copied, done.known) == (1, 7) and len(contents(tmp_path/'out')) == 8


def test_a_photograph_that_is_being_written_waits(gate, tmp_path, monkeypatch):
    whole = (gate/'camera0/0.png').read_bytes()
    (gate/'camera0/0.png').write_bytes(whole[:50])
    done = collect(gate, tmp_path/'out')
    assert done.copied == 6 and len(done.left) == 1 and 'camera0/0.png' in done.left[0]
    (gate/'camera0/0.png').write_bytes(whole)
    assert collect(gate, tmp_path/'out').copied == 1


def test_a_source_that_is_gone(tmp_path):
    with pytest.raises(UserError, match='no such folder'): collect(tmp_path/'gone', tmp_path/'out')
    with pytest.raises(UserError, match='never://'): collect('never://host/share', tmp_path/'out')
    assert not (tmp_path/'out').exists()


@pytest.mark.skipif(not shutil.which('smbd'), reason='no Samba server is installed')
@pytest.mark.long
def test_a_samba_share(gate, tmp_path):
    pytest.importorskip('smbprotocol')
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    for folder in ('lock', 'state', 'cache', 'pid', 'private'): (tmp_path/folder).mkdir()
    (tmp_path/'smb.conf').write_text(f'''[global]
  interfaces = 127.0.0.1
  bind interfaces only = yes
  smb ports = {port}
  lock directory = {tmp_path}/lock
  state directory = {tmp_path}/state
  cache directory = {tmp_path}/cache
  pid directory = {tmp_path}/pid
  private dir = {tmp_path}/private
  server role = standalone server
  disable netbios = yes
[gate]
  path = {gate}
  force user = {getpass.getuser()}
''')
    subprocess.run(['smbpasswd', '-c', tmp_path/'smb.conf', '-a', '-s', getpass.getuser()], input='secret\nsecret\n',
                   text=True, check=True)
    server = subprocess.Popen(['smbd', '-F', '--no-process-group', '-s', tmp_path/'smb.conf'])
    try:
        time.sleep(3)
        address = f'smb://{getpass.getuser()}:secret@127.0.0.1:{port}/gate'
        assert collect(address, tmp_path/'out').copied == 7 and collect(address, tmp_path/'out').known == 7
        assert contents(tmp_path/'out') == sorted(f.read_bytes() for f in gate.rglob('*.png'))
    finally: server.terminate()
