"A folder that receives several imports, and corrections by a person between them."
import json

import pytest

from alpr_nb.core.config import UserError
from alpr_nb.data import importers
from alpr_nb.data.importers import import_source
from alpr_nb.data.labelme import Annotation, Shape, read_labelme, write_labelme
from annotated_sources import BOX, H, W, found, labelme, make, picture

MINE = Shape('plate', (11., 21., 51., 34.), 'XYZ9Z99')


@pytest.fixture
def first(tmp_path):
    "A folder with one import of two photographs, the first corrected, and a quarantine list"
    make(tmp_path/'photos',
         {f'{n}.jpg': picture() for n in 'ab'} | {f'{n}.json': labelme(tmp_path/'l', n) for n in 'ab'})
    import_source('labelme', tmp_path/'photos', tmp_path/'out')
    write_labelme(tmp_path/'out'/'a.json', Annotation('a.jpg', W, H, (MINE,)))
    make(tmp_path/'out', {'quarantine.csv': 'batch,image,finding,detail\nout,b.jpg,mine,odd\n', 'notes.txt': 'mine'})
    return tmp_path


def names(folder): return sorted(p.name for p in folder.iterdir())


def test_corrections_and_lists_of_a_person_stay(first):
    done = import_source('labelme', first/'photos', first/'out')
    assert (done.images, done.kept) == (2, 1) and read_labelme(first/'out'/'a.json').shapes == (MINE,)
    assert read_labelme(first/'out'/'b.json').shapes == (Shape('plate', BOX, 'ABC1234'),)
    assert names(first/'out') == ['a.jpg', 'a.json', 'b.jpg', 'b.json', 'findings.csv', 'import.json', 'notes.txt',
                                  'quarantine.csv']
    assert import_source('labelme', first/'photos', first/'out').kept == 1


def test_a_correction_stays_when_the_source_lost_its_image(first):
    for n in ('a.jpg', 'a.json'): (first/'photos'/n).unlink()
    done = import_source('labelme', first/'photos', first/'out')
    assert (done.images, done.kept) == (2, 1) and read_labelme(first/'out'/'a.json').shapes == (MINE,)
    (first/'photos'/'b.jpg').rename(first/'photos'/'c.jpg')
    (first/'photos'/'b.json').rename(first/'photos'/'c.json')
    import_source('labelme', first/'photos', first/'out')
    assert {'a.jpg', 'c.jpg'} <= set(names(first/'out')) and 'b.jpg' not in names(first/'out')


def test_deliveries_join(first):
    make(first/'more', {'a.jpg': picture(w=W + 1), 'a.json': labelme(first/'l', 'a').replace(b'100', b'101')})
    done = import_source('labelme', first/'more', first/'out', prefix='more-')
    assert (done.images, found(done)) == (1, []) and read_labelme(first/'out'/'a.json').shapes == (MINE,)
    assert {'a.jpg', 'b.jpg', 'more-a.jpg', 'quarantine.csv'} <= set(names(first/'out'))
    sources = json.loads((first/'out'/'import.json').read_text())['sources']
    assert [(s['folder'], s['images']) for s in sources] == [('more', 1), ('photos', 2)]
    import_source('labelme', first/'photos', first/'out')
    assert 'more-a.jpg' in names(first/'out')


def test_a_name_that_another_delivery_has_is_not_replaced(first):
    make(first/'more', {'a.jpg': picture(w=W + 1), 'a.json': labelme(first/'l', 'a'), 'z.jpg': picture(),
                        'z.json': labelme(first/'l', 'z')})
    done = import_source('labelme', first/'more', first/'out')
    assert found(done) == [('a.jpg', 'name taken')] and 'prefix' in done.findings.detail[0]
    assert read_labelme(first/'out'/'a.json').shapes == (MINE,) and (first/'out'/'a.jpg').read_bytes() == picture()


def test_findings_of_all_deliveries_are_listed(first):
    make(first/'photos', {'broken.jpg': b'no', 'broken.json': labelme(first/'l', 'broken')})
    make(first/'more', {'bad.jpg': b'no', 'bad.json': labelme(first/'l', 'bad'), 'z.jpg': picture(),
                        'z.json': labelme(first/'l', 'z')})
    for source in ('photos', 'more'): done = import_source('labelme', first/source, first/'out')
    assert found(done) == [('bad.jpg', 'unreadable image')]
    assert 'broken.jpg' in (first/'out'/'findings.csv').read_text()


def test_an_import_of_unknown_files_is_not_touched(first):
    (first/'out'/'import.json').write_text('{"kind": "labelme", "images": 2}')
    with pytest.raises(UserError, match='corrections cannot be told'):
        import_source('labelme', first/'photos', first/'out')
    assert read_labelme(first/'out'/'a.json').shapes == (MINE,)


def test_a_source_whose_folder_was_renamed_says_what_to_do(first):
    (first/'photos').rename(first/'new')
    with pytest.raises(UserError, match='out holds the source photos already: if this is the same source with another'):
        import_source('labelme', first/'new', first/'out')
    assert read_labelme(first/'out'/'a.json').shapes == (MINE,)


def test_of_two_imports_at_once_the_second_is_refused(tmp_path, monkeypatch):
    make(tmp_path/'s', {f'{i}.jpg': picture() for i in range(3)} | {f'{i}.txt': '0 .5 .5 .1 .1' for i in range(3)})
    write_images = importers._import_images
    def start_another_import_meanwhile(*arguments):
        monkeypatch.undo()
        with pytest.raises(UserError, match='another run is writing there'):
            import_source('yolo', tmp_path/'s', tmp_path/'out')
        return write_images(*arguments)
    monkeypatch.setattr(importers, '_import_images', start_another_import_meanwhile)
    assert import_source('yolo', tmp_path/'s', tmp_path/'out').images == 3
    assert len(list((tmp_path/'out').glob('*.jpg'))) == 3 and names(tmp_path) == ['out', 's']
