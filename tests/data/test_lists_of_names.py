"A list that names images must say which of its entries it could not use."
import pytest

from typer.testing import CliRunner

from alpr_nb.cli_data import app
from alpr_nb.core.config import UserError
from alpr_nb.data.batches import combine
from alpr_nb.data.checks.check import check
from alpr_nb.data.checks.findings import write_table
from alpr_nb.data.importers import import_source
from alpr_nb.data.labelme import Annotation, Shape, write_labelme
from alpr_nb.data.pack import pack
from annotated_sources import BOX, H, W, make, picture


@pytest.fixture
def photos(tmp_path):
    "A folder of one photograph of ABC1D23, whose name has an accent"
    make(tmp_path/'photos', {'\u00e1.png': picture('.png')})
    write_labelme(tmp_path/'photos'/'\u00e1.json', Annotation('\u00e1.png', W, H, (Shape('plate', BOX, 'ABC1D23'),)))
    return tmp_path/'photos'


def found(photos, *names, text='XYZ9Z99'):
    make(photos.parent, {'t.csv': 'image,text\n' + ''.join(f'{n},{text}\n' for n in names)})
    done = check(photos, 'cd', texts=photos.parent/'t.csv', n_jobs=1, progress=False)
    return list(zip(done.findings.image, done.findings.finding, done.findings.severity))


@pytest.mark.parametrize('name', ['\u00e1.png', 'photos/\u00e1.png', 'C:\\photos\\\u00e1.png', 'a\u0301.png'])
def test_a_known_text_is_compared_however_the_list_names_the_image(photos, name):
    assert found(photos, name) == [('\u00e1.png', 'text disagrees', 'severe')]
    assert found(photos, name, text='abc-1d23') == []


def test_an_entry_without_an_image_is_noted(photos):
    assert found(photos, '\u00e1.png', 'gone.png', text='ABC1D23') == [('gone.png', 'unused entry', 'note')]


def test_a_list_that_names_no_image_is_an_error(photos):
    with pytest.raises(UserError, match='names none of the images, such as'): found(photos, 'gone.png')


@pytest.mark.parametrize('entry, noted',
                         [('photos,\u00e1.png', False), ('pictures,\u00e1.png', True), ('photos,gone.png', True)])
def test_a_quarantine_entry_that_leaves_nothing_out_is_noted(photos, entry, noted):
    make(photos, {'quarantine.csv': f'batch,image\n{entry}\n', 'b.png': picture('.png', w=W + 1)})
    write_labelme(photos/'b.json', Annotation('b.png', W + 1, H, ()))
    done = check(photos, 'cd', n_jobs=1, progress=False)
    assert ('unused entry' in set(done.findings.finding)) == noted


@pytest.mark.parametrize('rows', ['', 'a.png,\n'])
def test_a_list_without_texts_is_an_error(photos, rows):
    make(photos.parent, {'t.csv': f'image,text\n{rows}'})
    with pytest.raises(UserError, match='lists no text'):
        check(photos, 'cd', texts=photos.parent/'t.csv', n_jobs=1, progress=False)


@pytest.mark.parametrize('name', ['\u00e1.png', 'a\u0301.png'])
def test_quarantine_is_compared_with_composed_accents(photos, name):
    make(photos, {'b.png': picture('.png'), 'quarantine.csv': f'batch,image\nphotos,{name}\n'})
    write_labelme(photos/'b.json', Annotation('b.png', W, H, ()))
    assert pack(photos, photos.parent/'out', 'ann', validation=0).train == 1
    done = check(photos, 'cd', n_jobs=1, progress=False)
    assert (done.samples, len(done.findings)) == (1, 0)


def test_codes_of_hold_that_no_image_has_are_told(photos):
    make(photos.parent, {'h.csv': 'image,code\nx.png,XYZ9Z99\n'})
    done = CliRunner().invoke(app, ['pack', str(photos), '--out', str(photos.parent/'out'), '--annotator', 'ann',
                                    '--validation', '0', '--hold', str(photos.parent/'h.csv')])
    assert done.exit_code == 0 and '1 codes of --hold are on no image here, such as XYZ9Z99' in done.stderr


def test_what_import_and_pack_left_out_reaches_the_quarantine_of_check(photos):
    source = make(photos.parent/'s', {f'{n}.png': picture('.png') for n in 'abc'} | {'a.txt': '0 .5 .5 .4 .2',
                                                                                      'b.txt': '0 .5 .5 .2 .2'})
    import_source('yolo', source, photos.parent/'in')
    make(photos.parent/'in', {'alone.png': picture('.png')})
    pack(photos.parent/'in', photos.parent/'one', 'ann', validation=0)
    pack(photos, photos.parent/'two', 'bob', validation=0)
    combine([photos.parent/'one', photos.parent/'two'], photos.parent/'both')
    done = check(photos.parent/'both', 'cd', n_jobs=1, progress=False)
    left_out = done.quarantine[done.quarantine.batch == 'in']
    assert list(zip(left_out.image, left_out.finding)) == [('alone.png', 'no annotation'), ('c.png', 'no annotation')]
    write_table(done.quarantine, photos.parent/'both'/'quarantine.csv')
    again = check(photos.parent/'both', 'cd', n_jobs=1, progress=False)
    assert 'unused entry' not in set(again.findings.finding)
