"Outcomes of detections, for the calibration of the recogniser."
import cv2
import numpy as np

from alpr_nb.codes.formats import Format
from alpr_nb.training.calibration_fit import calibration_table, detection_outcomes
from alpr_nb.training.dataset import Split, YoloData
from onnx_models import ALPHABET, text_model


def test_outcomes_are_right_wrong_of_one_glyph_or_misplaced(tmp_path):
    w, h, file, image = 256, 96, tmp_path/'cr.onnx', tmp_path/'crop.png'
    file.write_bytes(text_model('AB0D', p=.8))
    cv2.imwrite(str(image), np.full((h, w, 3), 90, np.uint8))
    truth = np.float32([[ALPHABET.index(c), x/w, y/h, 24/w, 50/h] for c, x,
                        y in (('A', 20, 48), ('C', 50, 48), ('O', 80, 48), ('D', 200, 48))])
    split = Split([str(image)], [truth], [(w, h)])
    sure, right = detection_outcomes(file, YoloData(dict(enumerate(ALPHABET)), split, split, ''), w,
                                     dict(old=Format(pattern='LLLNNNN', same=('O0',))))
    assert sorted(zip(np.round(sure, 3).tolist(), right.tolist())) == [(.8, False), (.8, False), (.8, True),
                                                                       (.801, True)]


def test_the_table_has_one_row_a_bin():
    rows = calibration_table(np.array([.05, .95, .97, 1.]), np.array([False, True, True, False]), (1., 0.))
    assert [(r['n'], r['right']) for r in rows] == [(1, 0), (3, .6667)]
    assert rows[1]['confidence'] == .9733
