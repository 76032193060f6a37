"Which annotation belongs to which image, and what is reported without a partner."
import pytest

from alpr_nb.data.importers import import_source
from alpr_nb.data.pairing import match_listed, pair_key
from annotated_sources import found, make, picture


def test_whatever_has_no_partner_is_named(tmp_path):
    line = '0 .5 .5 .1 .1'
    source = make(tmp_path/'s',
                  {'images/a b.jpg': picture(), 'images/cafe\u0301.jpg': picture(), 'images/alone.jpg': picture(),
                   'images/bad.jpg': picture()[:99],
                   'images/._a b.jpg': b'', '__MACOSX/x.jpg': b'', 'labels/a b.txt': line,
                   'labels/caf\u00e9.txt': line,
                   'labels/lost.txt': line, 'labels/bad.txt': line, 'README.dataset.txt': 'read me',
                   'classes.txt': 'plate'})
    done = import_source('yolo', source, tmp_path/'out')
    assert found(done) == [('images/alone.jpg', 'no annotation'), ('images/bad.jpg', 'unreadable image'),
                           ('labels/lost.txt', 'no image')]
    assert sorted(p.name for p in (tmp_path/'out').glob('*.jpg')) == ['a b.jpg', 'cafe\u0301.jpg']


def test_names_that_could_not_lie_in_one_batch(tmp_path):
    names = ['train/a.jpg', 'train/A.jpg', 'valid/a.png', 'valid/b.jpg', 'valid/import.jpg', f"valid/{'x'*196}.jpg",
             'valid/new\nline.jpg']
    source = make(tmp_path/'s', {n: picture(n[-4:]) for n in names} | {n[:-3] + 'txt': '' for n in names})
    done = import_source('yolo', source, tmp_path/'out')
    assert sorted(p.name for p in (tmp_path/'out').glob('*.jpg')) == ['A.jpg', 'b.jpg']
    assert dict(found(done)) == {names[0]: 'name taken', names[2]: 'name taken', names[4]: 'name taken',
                                 names[5]: 'unusable file', r'valid/new\nline.jpg': 'unusable file'}
    assert import_source('yolo', source, tmp_path/'out', prefix='x-').images == 3


def test_a_list_never_leads_out_of_its_folder(tmp_path):
    make(tmp_path, {'secret.jpg': picture(), 's/a.jpg': picture(), 's/sub/b.jpg': picture()})
    rows = ['image,text', '../secret.jpg,X1', f'{tmp_path}/secret.jpg,X1', 'C:\\photos\\a.jpg,X1', './sub/b.jpg,X2']
    (tmp_path/'s'/'l.csv').write_text('\n'.join(rows))
    done = import_source('csv', tmp_path/'s', tmp_path/'out')
    assert done.images == 2 and found(done) == [('../secret.jpg', 'no image'), (f'{tmp_path}/secret.jpg', 'no image')]


def test_an_ambiguous_name_is_not_guessed():
    got, findings = match_listed([('a.jpg', 1)], {'x/a.jpg': 0, 'y/a.jpg': 0}, 'list')
    assert not got and [f.finding for f in findings] == ['no image', 'no annotation', 'no annotation']


@pytest.mark.parametrize('image, label',
                         [('images/train/a.jpg', 'labels/train/a.txt'), ('train/images/a.jpg', 'train/labels/a.txt'),
                          ('a.jpg', 'a.txt'),
                          ('JPEGImages/a.jpg', 'Annotations/a.xml'),
                          ('images/a.b.jpg', 'annots/a.b.xml')])
def test_usual_layouts(image, label):
    assert pair_key(image) == pair_key(label)
