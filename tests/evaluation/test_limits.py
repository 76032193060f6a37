"The limits that a report states: tilt, width and blur are measured on the photograph and its annotation."
import json

import cv2
import numpy as np
import pytest

from alpr_nb.core.config import UserError
from alpr_nb.data.ground_truth import read_truth
from alpr_nb.evaluation.limits import (joined_limits, limits_table, measure_conditions, plate_conditions, stated_limits,
                                       write_limits)

CODE = 'ABC1D23'


def tilted(folder, name, degrees, width=200, blur=0., kind='polygon'):
    "A photograph of a plate that is turned, with its four corners in a LabelMe file."
    plate = np.full((130, 400, 3), 235, np.uint8)
    cv2.putText(plate, CODE, (20, 90), cv2.FONT_HERSHEY_SIMPLEX, 2.4, (30, 30, 30), 14, cv2.LINE_AA)
    m = cv2.getRotationMatrix2D((200, 65), -degrees, width/400)
    m[:, 2] += (240 - 200, 200 - 65)
    image = cv2.warpAffine(plate, m, (480, 400), flags=cv2.INTER_AREA, borderValue=(90, 90, 90))
    if blur: image = cv2.GaussianBlur(image, (0, 0), blur)
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder/f'{name}.png'), image)
    corners = cv2.transform(np.float32([[(0, 0), (400, 0), (400, 130), (0, 130)]]), m)[0]
    points = corners if kind == 'polygon' else np.array([corners.min(0), corners.max(0)])
    shape = dict(label='plate', points=points.tolist(), shape_type=kind, description=CODE)
    (folder/f'{name}.json').write_text(json.dumps(dict(shapes=[shape], imagePath=f'{name}.png', imageHeight=400,
                                                       imageWidth=480)))


def conditions(folder, **plates):
    for name, given in plates.items(): tilted(folder, name, **given)
    (folder/'validation.csv').write_text('image,code\n' + ''.join(f'{name}.png,{CODE}\n' for name in plates))
    return {name.removesuffix('.png'): c for name, c in measure_conditions(read_truth(folder)).items()}


@pytest.mark.parametrize('degrees', [0, 12, -25, 45])
def test_tilt_and_width_are_those_of_the_corners(tmp_path, degrees):
    found = conditions(tmp_path, a=dict(degrees=degrees, width=160))['a']
    assert found['tilt'] == pytest.approx(degrees, abs=.2) and found['width'] == pytest.approx(160, abs=.2)


def test_a_rectangle_says_nothing_of_the_tilt(tmp_path):
    found = conditions(tmp_path, a=dict(degrees=20, kind='rectangle'))['a']
    assert found['tilt'] is None and found['width'] > 180


def test_more_blur_is_more_at_any_width(tmp_path):
    found = conditions(tmp_path, **{f'w{w}b{b}': dict(degrees=0, width=w, blur=b*w/100) for w in (120, 300)
                                    for b in (.5, 1, 2)})
    for width in (120, 300):
        blurs = [found[f'w{width}b{b}']['blur'] for b in (.5, 1, 2)]
        assert blurs == sorted(blurs) and blurs[-1] > 1.5*blurs[0]


def test_an_image_that_cannot_be_decoded_has_no_conditions(tmp_path):
    tilted(tmp_path, 'a', 0)
    (tmp_path/'validation.csv').write_text(f'image,code\na.png,{CODE}\n')
    truth, = read_truth(tmp_path)
    (tmp_path/'a.png').write_bytes(b'no image')
    assert plate_conditions(truth) == {}


def test_the_limit_ends_before_the_first_bin_that_fails():
    tilts = np.repeat([2, 7, 12, 17, 25], 20)
    right = np.concatenate([np.ones(60), np.zeros(20), np.ones(20)]).astype(bool)
    lines = [dict(image=f'{i}', truth=f'ABC{i:04}', kind='right' if r else 'missed plate')
             for i, r in enumerate(right)]
    table = limits_table(lines, {f'{i}': dict(tilt=-t) for i, t in enumerate(tilts)}, 50)
    assert stated_limits(table)[0] == ('tilt: at least 90% right up to 15 degrees (n = 60); measured from 0 to 30 '
                                       'degrees on 100 photographs.')
    assert 'right up to 30 degrees (n = 100)' in stated_limits(table, least=0)[0]
    assert stated_limits(table, few=21)[0] == 'tilt: not measured, 100 photographs with a known tilt.'


def test_the_limits_of_several_sets_are_joined_for_the_readme(tmp_path):
    "Both sets have images of the same names: level and right in one, tilted and wrong in the other."
    for name, degrees, kind in (('level', 2, 'right'), ('tilted', 33, 'wrong')):
        conditions(tmp_path/name, **{f'p{i}': dict(degrees=degrees) for i in range(10)})
        lines = [dict(image=f'p{i}.png', truth=f'ABC1D{i:02}', kind=kind) for i in range(10)]
        (tmp_path/f'results/{name}').mkdir(parents=True)
        (tmp_path/f'results/{name}/predictions.jsonl').write_text('\n'.join(map(json.dumps, lines)))
    sets = {name: tmp_path/name for name in ('level', 'tilted')}
    table = joined_limits(tmp_path/'results', sets, 'plate', 'ABCD123')
    tilt = table[table.property == 'tilt'].set_index('bin')
    assert tilt.n.tolist() == [10, 10] and tilt.accuracy.tolist() == [1, 0]
    said = write_limits(tmp_path/'out', table, 'Sets: level, tilted.')
    assert said[0].startswith('tilt: at least 90% right up to 5 degrees (n = 10)')
    assert (tmp_path/'out/limits.md').read_text() == ''.join(f'- {s}\n' for s in said) + '\nSets: level, tilted.\n'
    assert '<svg' in (tmp_path/'out/limits.svg').read_text()


def test_sets_without_boxes_have_no_limits(tmp_path):
    cv2.imwrite(str(tmp_path/'a.png'), np.zeros((40, 90, 3), np.uint8))
    (tmp_path/'labels.csv').write_text(f'image,text\na.png,{CODE}\n')
    (tmp_path/'results/crops').mkdir(parents=True)
    (tmp_path/'results/crops/predictions.jsonl').write_text(json.dumps(dict(image='a.png', truth=CODE, kind='right')))
    with pytest.raises(UserError, match='crops: no photograph has a known box'):
        joined_limits(tmp_path/'results', {'crops': tmp_path}, 'plate', 'ABCD123')
