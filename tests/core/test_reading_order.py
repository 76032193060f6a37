"Rows and columns of codes as they stand on plates and containers."
import numpy as np
import pytest

from alpr_nb.core.reading_order import lines_of, rows_of


def boxes_at(*centres, width=60, height=100):
    c = np.array(centres, float)
    return np.hstack([c - [width/2, height/2], c + [width/2, height/2]])


@pytest.mark.parametrize('seed', range(5))
def test_the_order_of_the_detections_does_not_matter(seed):
    boxes = boxes_at(*[(80*i, 0) for i in range(3)], *[(80*i - 40, 130) for i in range(4)])
    order = np.random.default_rng(seed).permutation(7)
    assert [order[r].tolist() for r in rows_of(boxes[order])] == [[0, 1, 2], [3, 4, 5, 6]]


@pytest.mark.parametrize('degrees', [-30, -20, 0, 20, 30])
def test_a_tilted_row_is_one_row(degrees):
    t = np.deg2rad(degrees)
    assert ([r.tolist() for r in rows_of(boxes_at(*[(80*i*np.cos(t), 80*i*np.sin(t)) for i in range(7)]))]
            == [list(range(7))])


def test_one_column_is_read_downwards_and_two_rows_stay_rows():
    column = boxes_at(*[(0, 130*i) for i in range(11)])
    assert [r.tolist() for r in lines_of(column)] == [list(range(11))]
    rows = boxes_at((0, 0), (80, 0), (0, 130), (80, 130))
    assert [r.tolist() for r in lines_of(rows)] == [[0, 1], [2, 3]]


def test_one_character_and_none():
    assert [r.tolist() for r in lines_of(boxes_at((5, 5)))] == [[0]] and lines_of(np.zeros((0, 4))) == []
