"What check puts into quarantine is left out by everything that follows, and nothing else is."
import pytest
from test_check import FORMATS, photo

from alpr_nb.core.config import UserError
from alpr_nb.data.batches import combine, list_samples
from alpr_nb.data.checks.check import check
from alpr_nb.data.checks.findings import FINDING_KINDS, write_table
from alpr_nb.data.pack import pack
from alpr_nb.data.prepare import prepare
from corrupted import clean_source, corrupt_source


def ready(folder):
    return prepare(folder, folder.parent/'yolo', folder.parent/'raw', 'cr', n_jobs=1, progress=False)


def accept(folder):
    done = check(folder, 'cr', formats=FORMATS, n_jobs=1, progress=False)
    write_table(done.quarantine, folder/'quarantine.csv')
    return done


def test_prepare_goes_through_with_all_that_is_bad_in_quarantine(tmp_path):
    source = tmp_path/'one'
    clean_source(source)
    expected = corrupt_source(source)
    with pytest.raises(UserError): ready(source)
    done = accept(source)
    images, _ = ready(source)
    severe = {i for _, i, kind in expected if FINDING_KINDS[kind].severity == 'severe'}
    assert set(images.image) == set(done.facts.image) - set(done.quarantine.image)
    assert not severe & set(images.image) and images.image.str.startswith('synth').sum() == 60

    clean_source(tmp_path/'two', 12)
    for p in (tmp_path/'two').glob('synth*'): p.rename(p.with_name(p.name.replace('synth', 'other')))
    with pytest.raises(UserError, match='also in'):
        combine([source, tmp_path/'two'], tmp_path/'both') and ready(tmp_path/'both')
    combine([source], tmp_path/'alone')
    assert len(ready(tmp_path/'alone')[0]) == len(images)


@pytest.mark.parametrize('part', [1, 2])
def test_a_whole_part_can_be_left_out(tmp_path, part):
    clean_source(tmp_path/'s', 40)
    file = tmp_path/'s'/f'synth_image_part_{part}.zip'
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UserError, match='damaged'): list_samples(tmp_path/'s')
    accept(tmp_path/'s')
    images, _ = ready(tmp_path/'s')
    assert len(images) == 20 and images.split.nunique() == 2


def test_pack_leaves_out_what_is_in_quarantine(tmp_path):
    for n, code in enumerate(('ABC1234', 'ABC1235', 'ABC1236')): photo(tmp_path/'s', f'{n}.png', code)
    (tmp_path/'s'/'quarantine.csv').write_text('batch,image\ns,1.png\n')
    done = pack(tmp_path/'s', tmp_path/'out', 'ann', validation=0)
    assert done.train == 2 and [s.image for s in list_samples(tmp_path/'out')] == ['0.png', '2.png']
