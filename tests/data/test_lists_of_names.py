"A list that names images must say which of its entries it could not use."
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.data.checks.check import check
from alpr_nb.data.labelme import Annotation, Shape, write_labelme
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
