"Work on a Dask cluster gives the same files as work on this machine."
import shutil
from pathlib import Path
import dask
import pytest
from distributed import LocalCluster

from alpr_nb.core.config import UserError
from alpr_nb.core.parallel import workers
from alpr_nb.data.prepare import prepare
from alpr_nb.drawing.synthesize import synthesize


@pytest.fixture(scope='module')
def cluster():
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as c: yield c


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file()}


def test_two_workers_draw_and_prepare_the_same_bytes(tmp_path, cluster, monkeypatch):
    shutil.copytree(Path(__file__).parents[2]/'conf', tmp_path/'conf')
    (tmp_path/'params.yaml').touch() # a project
    monkeypatch.chdir(tmp_path) # relative paths are those of the one who asks, not of the workers
    def run(name):
        synthesize('cd', f'{name}/source', 70, validation=.1, size=(320, 180), plate_width=(.3, .6), n_jobs=-1)
        images, _ = prepare(f'{name}/source', f'{name}/yolo', f'{name}/raw', 'cd', progress=False)
        return images
    here = run('here')
    with dask.config.set({'scheduler-address': cluster.scheduler_address}):
        with workers() as address: assert address == cluster.scheduler_address
        there = run('there')
        computed = sum(end == 'memory' for _, _, end, *_ in cluster.scheduler.transition_log)
    assert here.equals(there) and computed > 3 # the cluster did it
    assert contents(tmp_path/'here') == contents(tmp_path/'there')


def test_a_cluster_that_is_not_there_is_named():
    with dask.config.set({'scheduler-address': 'tcp://127.0.0.1:9'}):
        with pytest.raises(UserError, match='tcp://127.0.0.1:9: no Dask cluster'):
            with workers(timeout=1): pass
