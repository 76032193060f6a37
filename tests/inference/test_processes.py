"A reader in several processes: pools of each kind, a fork after loading, and pickles without the models."
import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from alpr_nb.inference.bundle import write_bundle
from alpr_nb.inference.config import ReaderConfig
from alpr_nb.inference.reader import Reader
from onnx_models import fixed_model, text_model

CONFIG = ReaderConfig(scope='truck', formats=dict(mercosul='LLLNLNN'))
CD, CR = fixed_model([[256, 144, 200, 60, .95, 1.]]), text_model('ABC1D23')
SCENE = np.zeros((720, 1280, 3), np.uint8)

POOL = '''
import multiprocessing, sys
import numpy as np
from concurrent.futures import ProcessPoolExecutor
from alpr_nb import Reader

if __name__ == '__main__':
    reader = Reader(bundle='bundle', threads=2)
    images = [np.zeros((72, 128, 3), np.uint8)]*6
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(sys.argv[1])) as pool:
        print([r.code for found in pool.map(reader.read, images) for r in found])
'''
FORK = '''
import os, sys
import numpy as np
from alpr_nb import Reader

image = np.zeros((72, 128, 3), np.uint8)
reader = Reader(bundle='bundle', threads=2)
if sys.argv[1] == 'used': reader.read(image)
child = os.fork()
if not child:
    if sys.argv[2] == 'reads': print([r.code for r in reader.read(image)], flush=True)
    sys.exit(7) # through Python's exit handlers, not through os._exit
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), [r.code for r in reader.read(image)])
'''


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('reader')
    (folder/'cd.onnx').write_bytes(CD)
    (folder/'cr.onnx').write_bytes(CR)
    write_bundle(folder/'bundle', folder/'cd.onnx', folder/'cr.onnx', CONFIG)
    return folder


def run(folder, program, *arguments):
    (folder/'program.py').write_text(program)
    command = [sys.executable, 'program.py', *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == '', done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize('kind', ['fork', 'spawn', 'forkserver'])
def test_a_reader_works_in_a_process_pool(folder, kind):
    import multiprocessing
    if kind not in multiprocessing.get_all_start_methods(): pytest.skip('this system cannot start processes so')
    assert run(folder, POOL, kind) == [str(['ABC1D23']*6)]


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system cannot fork')
@pytest.mark.parametrize('parent', ['used', 'unused'])
@pytest.mark.parametrize('child', ['reads', 'idle'])
def test_a_forked_process_reads_and_ends(folder, parent, child):
    *read, end = run(folder, FORK, parent, child)
    assert end == "7 ['ABC1D23']" and read == ["['ABC1D23']"]*(child == 'reads')


def test_a_pickle_names_the_bundle_and_the_settings(folder, monkeypatch):
    monkeypatch.chdir(folder)
    reader = Reader(bundle='bundle', threads=1)
    pickled = pickle.dumps(reader)
    monkeypatch.chdir('/')
    again = pickle.loads(pickled)
    assert len(pickled) < 2000 and again is not reader and again.config == reader.config
    assert again.cr._session.threads == 1 and again.read(SCENE)[0] == reader.read(SCENE)[0]
    assert pickle.loads(pickled) is again, 'the sessions are opened once in a process'
    with pytest.raises(ValueError, match='no such bundle'):
        pickle.loads(pickle.dumps(reader).replace(b'bundle', b'bundlx'))


@pytest.mark.parametrize('as_file', [True, False])
def test_a_reader_of_two_models_is_pickled_with_them(folder, as_file, monkeypatch):
    monkeypatch.chdir(folder)
    models = ('cd.onnx', 'cr.onnx') if as_file else (CD, CR)
    reader = Reader.from_models(*models, CONFIG, threads=1)
    pickled = pickle.dumps(reader)
    monkeypatch.chdir('/')
    assert pickle.loads(pickled).read(SCENE)[0] == copy.deepcopy(reader).read(SCENE)[0] == reader.read(SCENE)[0]


def test_a_reader_keeps_no_copy_of_the_models_of_its_bundle(folder):
    "A released model has 4 MB; ONNX Runtime has its own copy."
    reader = Reader(bundle=folder/'bundle', threads=1)
    for session in (reader.cd._session, reader.cr._session):
        kept = [*vars(session).values(), *session.reload.args]
        assert not any(isinstance(value, bytes) for value in kept) and session.reload() in (CD, CR)
