"The stages import and pack with settings that a shell would change, and with photographs that must be left out."
import json
import subprocess

import pytest
import yaml

from alpr_nb.data.labelme import Annotation, Shape, write_labelme
from annotated_sources import make, picture
from conftest import copy_project
from test_own_data import ran, run

pytestmark = pytest.mark.graph

ORIGIN = 'Joao\'s "best" $HOME `photographs`; rm -r .'
SOURCES = {
    'import': {'mine': {'kind': 'yolo', 'from': '../minhas fotos & $1', 'out': 'datasets/truck/cd/imported/my own',
                        'origin': ORIGIN, 'options': {'prefix': 'm-', 'rename': {'0': "the car's plate"}}}},
    'annotate': {},
    'pack': {'cd': {'from': 'datasets/truck/cd/imported/my own', 'out': 'datasets/truck/cd/my batches',
                    'options': {'annotator': 'ann', 'validation': 0}}}}


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    "A project whose source has three photographs, one without a label; its import has run"
    folder = tmp_path_factory.mktemp('stages')
    project = copy_project(folder/'my alpr-nb')
    make(folder/'minhas fotos & $1',
         {f'{n}.png': picture('.png') for n in 'abc'} | {f'{n}.txt': '0 .5 .5 .4 .2' for n in 'ab'})
    (project/'conf/data/sources/mine.yaml').write_text(yaml.safe_dump(SOURCES))
    run(project, 'alpr-nb', 'params', 'data/sources=mine')
    run(project, 'dvc', 'repro', 'pack@cd')
    return project


def test_paths_and_texts_arrive_whole(project):
    out = project/SOURCES['import']['mine']['out']
    source, = json.loads((out/'import.json').read_text())['sources']
    assert (source['origin'], source['images']) == (ORIGIN, 2)
    assert json.loads((out/'m-a.json').read_text())['shapes'][0]['label'] == "the car's plate"
    assert (project/'datasets/truck/cd/my batches/pack.json').is_file()


def test_what_is_left_out_is_listed_and_the_stage_passes(project):
    text = (project/SOURCES['import']['mine']['out']/'findings.csv').read_text()
    assert text.startswith('file,finding,detail\nc.png,no annotation,')
    assert 'up to date' in run(project, 'dvc', 'status', 'import@mine')


def test_too_large_a_share_fails_the_stage(project):
    one = subprocess.run(['alpr-nb', 'import', 'yolo', '../minhas fotos & $1', 'x', '--left-out', '.05'], cwd=project,
                         capture_output=True, text=True)
    assert one.returncode == 0 and '1 of 3 images were left out, as the share of 0.05 allows' in one.stderr
    make(project.parent/'four', {f'{n}.png': picture('.png') for n in 'abcd'} | {f'{n}.txt': '' for n in 'ab'})
    for share, status, words in (('.4', 1, 'more than the share of 0.4'), ('.5', 0, 'as the share of 0.5')):
        done = subprocess.run(['alpr-nb', 'import', 'yolo', '../four', 'y', '--left-out', share], cwd=project,
                              capture_output=True, text=True)
        assert done.returncode == status and f'2 of 4 images were left out, {words}' in done.stderr
    assert subprocess.run(['alpr-nb', 'import', 'yolo', '../minhas fotos & $1', 'x'], cwd=project).returncode == 1


def test_a_correction_survives_the_next_run_of_the_stage(project):
    out = project/SOURCES['import']['mine']['out']
    mine = Annotation('m-a.png', 100, 60, (Shape("the car's plate", (1., 2., 30., 40.), 'XYZ9Z99'),))
    (out/'m-a.json').chmod(0o644)
    write_labelme(out/'m-a.json', mine)
    make(project.parent/'minhas fotos & $1', {'d.png': picture('.png'), 'd.txt': ''})
    assert 'import@mine' in ran(run(project, 'dvc', 'repro', 'import@mine'))
    assert 'XYZ9Z99' in (out/'m-a.json').read_text() and (out/'m-d.png').is_file()


@pytest.mark.parametrize('step, key, change, words', [
    ('import', 'other', {}, "no section 'data.sources.import.other'"), ('copy', 'mine', {}, 'is no step'),
    ('import', 'mine', {'options': {'prefx': 'm-'}}, "No such option '--prefx'"),
    ('import', 'mine', {'kind': None}, 'expected one of')])
def test_a_wrong_section_is_named(project, step, key, change, words):
    params = yaml.safe_load((project/'params.yaml').read_text())
    before = (project/'params.yaml').read_text()
    params['data']['sources']['import']['mine'] |= change
    try:
        (project/'params.yaml').write_text(yaml.safe_dump(params))
        done = subprocess.run(['alpr-nb', 'source', step, key], cwd=project, capture_output=True, text=True)
    finally: (project/'params.yaml').write_text(before)
    assert done.returncode == 1 and words in done.stderr and 'Traceback' not in done.stderr
