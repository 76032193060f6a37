"The project's root and the sections of its parameters."
import pytest

from alpr_nb.core.config import UserError, load_params, load_section, project_path


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path/'params.yaml').write_text('train: {tasks: {cr: {batch-size: 32}}}\nseed: 0\n')
    (tmp_path/'nbs/core').mkdir(parents=True)
    monkeypatch.chdir(tmp_path/'nbs/core')
    return tmp_path


def test_paths_are_relative_to_the_root(project):
    assert project_path('datasets') == project/'datasets' and project_path('/data').as_posix() == '/data'
    assert load_section('train.tasks.cr') == dict(batch_size=32)


@pytest.mark.parametrize('name, said', [('train.tasks.cd', "no section 'train.tasks.cd'; train.tasks has cr"),
                                        ('nothing', 'its top level has train, seed'),
                                        ('seed', 'a single value'), ('seed.x', 'seed has nothing')])
def test_a_missing_section_is_named_with_those_that_exist(project, name, said):
    with pytest.raises(UserError, match='params.yaml') as e: load_section(name)
    assert said in str(e.value)


@pytest.mark.parametrize('content, said', [('a: [', 'not valid YAML'), ('- a', 'expected sections, found list'),
                                           ('', 'expected sections, found NoneType')])
def test_a_file_that_is_no_mapping_is_refused(project, content, said):
    (project/'params.yaml').write_text(content)
    with pytest.raises(UserError, match=said): load_params()


def test_outside_a_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match='run the command inside a clone'): project_path()
