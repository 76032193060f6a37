"The checkpoints of a released reader: half precision, no optimizer, their hashes in the manifest."
import hashlib
import json

import pytest

torch = pytest.importorskip('torch')
from alpr_nb.core.config import UserError
from alpr_nb.inference.bundle import load_bundle
from alpr_nb.operations.checkpoints import ship_checkpoints
from alpr_nb.training.yolov5_compat import load_checkpoint, stripped_checkpoint
from trainings import write_checkpoint


def sha256(file): return hashlib.sha256(file.read_bytes()).hexdigest()


def bundle_with(folder, weights):
    "A copy of the bundle of trucks whose manifest names these checkpoints."
    from alpr_nb.inference.bundle import packaged_bundle
    folder.mkdir()
    for file in packaged_bundle('truck').iterdir():
        if file.name != 'manifest.json': (folder/file.name).symlink_to(file)
    manifest = json.loads((packaged_bundle('truck')/'manifest.json').read_text()) | {'weights': weights}
    (folder/'manifest.json').write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def outputs(tmp_path):
    "The outputs of two trainings: one stripped as this project writes it, one with its optimizer."
    files = {task: tmp_path/f'outputs/{task}/exp/weights/best.pt' for task in ('cd', 'cr')}
    write_checkpoint(files['cd'], epoch=3, optimizer=None, ema=None)
    write_checkpoint(files['cr'], epoch=3, optimizer={'state': {0: torch.zeros(100_000)}}, ema=None)
    return files


def test_checkpoints_are_stripped_and_named_in_the_manifest(tmp_path, outputs):
    bundle = bundle_with(tmp_path/'bundle', {task: sha256(file) for task, file in outputs.items()})
    hashes = ship_checkpoints(bundle, tmp_path/'outputs', tmp_path/'weights/truck')
    shipped = {task: tmp_path/f'weights/truck/{task}.pt' for task in outputs}
    assert hashes == {task: sha256(file) for task, file in shipped.items()} == load_bundle(bundle).manifest.weights
    assert shipped['cd'].read_bytes() == outputs['cd'].read_bytes() # nothing to strip
    assert shipped['cr'].stat().st_size < outputs['cr'].stat().st_size
    content = torch.load(shipped['cr'], weights_only=False)
    assert content['optimizer'] is None and {p.dtype for p in content['model'].parameters()} == {torch.half}
    for a, b in zip(load_checkpoint(outputs['cr']).parameters(), load_checkpoint(shipped['cr']).parameters()):
        assert torch.equal(a, b)
    assert ship_checkpoints(bundle, tmp_path/'outputs', tmp_path/'weights/truck') == hashes # a second time


def test_a_moving_average_is_what_is_shipped(tmp_path):
    "As yolov5 does: the model in training is replaced by its moving average."
    write_checkpoint(tmp_path/'a.pt', random=True)
    average = torch.load(tmp_path/'a.pt', weights_only=False)['model']
    write_checkpoint(tmp_path/'b.pt', ema=average, optimizer={'lr': 1})
    (tmp_path/'c.pt').write_bytes(stripped_checkpoint(tmp_path/'b.pt'))
    pairs = zip(load_checkpoint(tmp_path/'a.pt').state_dict().values(),
                load_checkpoint(tmp_path/'c.pt').state_dict().values())
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_checkpoint_of_another_training_is_refused(tmp_path, outputs):
    bundle = bundle_with(tmp_path/'bundle', dict(cd=sha256(outputs['cd']), cr='0'*64))
    with pytest.raises(UserError, match='cr/exp/weights/best.pt: its sha256 is .* made from 000000000000'):
        ship_checkpoints(bundle, tmp_path/'outputs', tmp_path/'weights/truck')
    assert not (tmp_path/'weights').exists()
