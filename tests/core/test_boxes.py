"IoU and NMS against values by hand and against torchvision."
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alpr_nb.core.boxes import iou, iou_matrix, nms

BOXES = arrays(float, st.tuples(st.integers(1, 8), st.just(4)), elements=st.floats(1, 100)).map(
    lambda b: np.concatenate([b[:, :2], b[:, :2] + b[:, 2:]], 1)) # corner, and width and height of at least 1 px


def test_by_hand():
    assert (iou_matrix([(0, 0, 4, 4)], [(2, 2, 6, 6), (8, 8, 9, 9), (0, 0, 4, 4)]).tolist()
            == [[pytest.approx(4/28), 0, 1]])
    assert iou(np.array([0, 0, 4, 4]), np.array([[2, 2, 6, 6]])).tolist() == [pytest.approx(4/28)]
    assert iou_matrix([], [(0, 0, 1, 1)]).shape == (0, 1)
    assert iou_matrix([(1, 1, 1, 1)], [(1, 1, 1, 1)])[0, 0] == 0 # no area, no division by zero


@settings(deadline=None)
@given(BOXES, BOXES)
def test_both_functions_and_torchvision_agree(a, b):
    torch, ops = pytest.importorskip('torch'), pytest.importorskip('torchvision.ops')
    expected = ops.box_iou(torch.tensor(a), torch.tensor(b)).numpy()
    assert np.allclose(iou_matrix(a, b), expected) and np.allclose([iou(x, b) for x in a], expected)


@settings(deadline=None)
@given(BOXES, st.integers(0, 2**32 - 1), st.floats(.1, .9))
def test_boxes_that_are_kept_do_not_overlap_and_cover_the_others(boxes, seed, threshold):
    scores = np.random.default_rng(seed).random(len(boxes))
    kept = nms(boxes, scores, threshold)
    assert (np.diff(scores[kept]) <= 0).all()
    overlaps = iou_matrix(boxes, boxes)
    assert (overlaps[np.ix_(kept, kept)][~np.eye(len(kept), dtype=bool)] <= threshold + 1e-9).all()
    for i in set(range(len(boxes))) - set(kept):
        assert any(overlaps[i, k] > threshold - 1e-9 and scores[k] >= scores[i] for k in kept)
