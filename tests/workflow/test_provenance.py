"Provenance: the inputs of a result as dvc.lock records them."
import hashlib
import json

import pytest
import yaml

from alpr_nb.workflow.provenance import (Input, dvc_file, imported_from, inputs, made_from, made_from_html, origins,
                                         producing_stage, read_lock)


@pytest.fixture
def project(tmp_path):
    "Batches with a .dvc file -> prepare -> train -> result.json"
    (tmp_path/'result.json').write_text('{}')
    (tmp_path/'datasets').mkdir()
    (tmp_path/'datasets/batches.dvc').write_text(yaml.safe_dump(dict(outs=[dict(path='batches', md5='aa.dir')])))
    (tmp_path/'dvc.lock').write_text(yaml.safe_dump(dict(schema='2.0', stages=dict(
        prepare=dict(deps=[dict(path='datasets/batches', md5='aa.dir')],
                     outs=[dict(path='datasets/yolo', md5='bb.dir')]),
        train=dict(deps=[dict(path='datasets/yolo/images', md5='cc.dir'),
                         dict(path='outputs/code/train.json', md5='dd')],
                   params={'params.yaml': {'train.<cr>': dict(epochs=3)}},
                   outs=[dict(path='result.json', md5=hashlib.md5(b'{}').hexdigest())])))))
    return tmp_path


def test_inputs_and_origins(project):
    lock = read_lock(project)
    md5 = hashlib.md5(json.dumps(dict(epochs=3)).encode()).hexdigest()
    read = [Input('data', 'datasets/yolo/images', 'cc.dir', 'prepare'),
            Input('code', 'outputs/code/train.json', 'dd', ''),
            Input('parameters', 'params.yaml: train.<cr>', md5, '')]
    origin = Input('data', 'datasets/batches', 'aa.dir', 'datasets/batches.dvc')
    assert inputs('train', lock, project) == read and origins('train', lock, project) == [origin]
    assert made_from([project/'result.json'], project) == [*read, origin]


def test_the_table_shows_them_with_special_characters_escaped(project):
    page = made_from_html([project/'result.json'], project)
    for text in ('aa.dir', 'cc.dir', 'datasets/batches.dvc', 'params.yaml: train.&lt;cr&gt;'):
        assert f'<td>{text}</td>' in page


def test_a_changed_result_has_no_provenance(project):
    (project/'result.json').write_text('changed')
    assert (producing_stage(project/'result.json', read_lock(project), project) == ''
            == made_from_html([project/'result.json'], project))


@pytest.mark.parametrize('content', [None, '', 'schema: "2.0"\n'])
def test_before_the_first_run(tmp_path, content):
    if content is not None: (tmp_path/'dvc.lock').write_text(content)
    assert read_lock(tmp_path) == {} and made_from([tmp_path/'x'], tmp_path) == []


def test_an_import_names_its_repository(project):
    (project/'datasets/plates.dvc').write_text(
        yaml.safe_dump(dict(deps=[dict(path='p', repo=dict(url='https://example.org/d.git', rev_lock='f00d'))])))
    (project/'datasets/web.dvc').write_text(yaml.safe_dump(dict(deps=[dict(path='https://example.org/a.zip')])))
    assert imported_from(project/'datasets/plates/a.zip') == 'p of https://example.org/d.git at f00d'
    assert imported_from(project/'datasets/web') == 'https://example.org/a.zip'
    assert imported_from(project/'datasets/other') == ''
    assert dvc_file(project/'datasets/batches/a.zip') == project/'datasets/batches.dvc'
