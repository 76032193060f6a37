"Tests that take minutes: parity of every released checkpoint with its ONNX export, and a reader under load."
import resource
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from conftest import ROOT

pytestmark = pytest.mark.long
CHECKPOINTS = sorted((ROOT/'weights').glob('*/c?.pt'))
SHAPES = [(64, 64), (96, 256), (288, 512), (512, 512), (640, 384)] # height, width in px
BATCHES = 1, 2, 5
TOLERANCE = 1e-3 # as in the configuration of the export; relative for values above 1


@pytest.mark.parametrize('checkpoint', CHECKPOINTS, ids=lambda p: f'{p.parent.name}-{p.stem}')
def test_every_checkpoint_equals_its_export(tmp_path, checkpoint):
    torch, ort = pytest.importorskip('torch'), pytest.importorskip('onnxruntime')
    from alpr_nb.training.onnx_export import trace_to_onnx, traceable_model
    model, file, rng = traceable_model(checkpoint), tmp_path/'model.onnx', np.random.default_rng(0)
    trace_to_onnx(model, file, 15)
    session = ort.InferenceSession(str(file), providers=['CPUExecutionProvider'])
    for height, width in SHAPES:
        for batch in BATCHES:
            images = rng.random((batch, 3, height, width), np.float32)
            with torch.no_grad(): expected = model(torch.from_numpy(images))[0].numpy()
            given, = session.run(['output0'], {'images': images})
            assert given.shape == expected.shape
            difference = np.abs(given - expected)/np.maximum(1, np.abs(expected))
            assert difference.max() < TOLERANCE, (height, width, batch)


def test_threads_share_a_reader_and_memory_does_not_grow():
    from alpr_nb import Reader
    reader, photo = Reader(threads=1), ROOT/'nbs/images/photo.jpg'
    expected = reader.read(photo)
    assert expected[0].code == 'BRA2E19'
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(reader.read, [photo]*100)) # buffers of all threads are allocated
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for readings in pool.map(reader.read, [photo]*1000): assert readings == expected
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)/1024
    assert grown < 100, f'{grown:.0f} MiB more after 1000 photographs'
