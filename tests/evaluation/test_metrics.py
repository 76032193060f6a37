"Metrics against values computed by hand, rapidfuzz, scipy's bootstrap and yolov5's average precision."
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.core.boxes import iou_matrix
from alpr_nb.evaluation.metrics import (align, average_precision, bootstrap_interval, bootstrap_weights, cer,
                                        character_accuracy, detection_scores, edit_distance, expected_calibration_error,
                                        median_p95, reliability_bins, tilt, true_positives)


def slow_levenshtein(a, b):
    if not a or not b: return len(a) + len(b)
    return min(slow_levenshtein(a[1:], b[1:]) + (a[0] != b[0]), slow_levenshtein(a[1:], b) + 1,
               slow_levenshtein(a, b[1:]) + 1)

@pytest.mark.parametrize('a, b, n', [('kitten', 'sitting', 3), ('saturday', 'sunday', 3), ('intention', 'execution', 5),
                                     ('ABC1D23', 'ABC1D23', 0), ('', 'ABC', 3), ('ABC', '', 3), ('', '', 0)])
def test_published_distances(a, b, n): assert edit_distance(a, b) == edit_distance(b, a) == n

@settings(max_examples=60, deadline=None)
@given(st.text('A8B1', max_size=5), st.text('A8B1', max_size=5))
def test_alignment_is_shortest_and_loses_nothing(a, b):
    pairs = align(a, b)
    assert ''.join(x for x, _ in pairs) == a and ''.join(y for _, y in pairs) == b and ('', '') not in pairs
    assert sum(x != y for x, y in pairs) == slow_levenshtein(a, b)

@settings(max_examples=200, deadline=None)
@given(st.text('A8B1', max_size=9), st.text('A8B1', max_size=9))
def test_alignment_is_as_short_as_the_edit_distance(a, b):
    assert sum(x != y for x, y in align(a, b)) == edit_distance(a, b)

@pytest.mark.parametrize('truth, read, pairs', [('41P', '461', ['44', '16', 'P1']), ('QC', 'Q8C', ['QQ', '-8', 'CC']),
                                                ('AB1', 'A8', ['AA', 'B-', '18'])])
def test_ties_prefer_substitutions_and_the_end(truth, read, pairs):
    assert [(a or '-') + (b or '-') for a, b in align(truth, read)] == pairs

def test_character_rates_by_hand():
    truths, reads = ['ABC1234', 'DEF5678'], ['ABC1234X', 'DF567']
    assert cer(truths, reads) == pytest.approx(3/14)               # X is extra, E and 8 are missing
    assert character_accuracy(truths, reads) == pytest.approx(12/14)
    assert cer(['AB'], ['']) == 1 and cer(['A'], ['XYZ']) == 3 and cer([], []) == 0

def test_interval_agrees_with_scipy():
    from scipy.stats import bootstrap
    right = np.random.default_rng(3).random(200) < .9
    low, high = bootstrap_interval(right, bootstrap_weights(range(200), 4000))
    other = bootstrap((right.astype(float),), np.mean, n_resamples=4000, method='percentile', rng=1).confidence_interval
    assert low == pytest.approx(other.low, abs=.006) and high == pytest.approx(other.high, abs=.006)

def test_interval_of_a_ratio_covers_it_as_often_as_it_says():
    rng, hit = np.random.default_rng(0), 0
    for i in range(200):
        right = rng.random(80) < .7
        low, high = bootstrap_interval(right, bootstrap_weights(range(80), 400, seed=i))
        hit += low <= .7 <= high
    assert .88 <= hit/200 <= .99

def test_repeated_vehicles_are_drawn_together():
    draws = bootstrap_weights(['a', 'a', 'b', 'c'], 50)
    assert (draws[:, 0] == draws[:, 1]).all() and (draws[:, 1:].sum(1) == 3).all()
    assert bootstrap_interval([1, 1, 1, 1], draws) == (1, 1)

def test_overlap_and_greedy_matching():
    assert (iou_matrix([(0, 0, 4, 4)], [(2, 2, 6, 6), (8, 8, 9, 9), (0, 0, 4, 4)]).tolist()
            == [[pytest.approx(4/28), 0, 1]])
    assert iou_matrix([], [(0, 0, 1, 1)]).shape == (0, 1)
    assert iou_matrix([(1, 1, 1, 1)], [(1, 1, 1, 1)])[0, 0] == 0      # no area, no overlap, no division by zero
    two = [(0, 0, 10, 10), (0, 0, 10, 10.5)]
    assert true_positives([(0, 0, 10, 10)], two, [.5, .6]).tolist() == [False, True]
    assert true_positives([(0, 0, 10, 10)], [], []).tolist() == []

def test_average_precision_by_hand():
    assert average_precision([.9, .8, .7], [True, False, True], 2) == pytest.approx((51 + 50*2/3)/101)
    assert average_precision([.9], [True], 1) == 1
    assert average_precision([], [], 3) == 0
    assert average_precision([.5], [False], 0) == 0

def test_average_precision_agrees_with_yolov5():
    compute_ap = pytest.importorskip('yolov5.utils.metrics').compute_ap
    rng = np.random.default_rng(1)
    conf = rng.random(300)
    right = rng.random(300) < conf
    # all are found: beyond the last recall yolov5 goes on
    n = right.sum()
    order = np.argsort(-conf)
    hits = np.cumsum(right[order])
    theirs = compute_ap(hits/n, hits/np.arange(1, 301))[0]
    assert average_precision(conf, right, n) == pytest.approx(theirs, abs=.01)

def test_detection_scores_of_nothing():
    scores = detection_scores([], .25)
    assert scores['n'] == 0 and all(np.isnan(scores[k]) for k in ('recall', 'precision', 'map50'))
    assert detection_scores([([(0, 0, 1, 1)], [], [])], .25)['recall'] == 0

def test_reliability_and_ece_by_hand():
    rows = reliability_bins([0, .05, .999, 1], [False, True, True, True], bins=2)
    assert [(r['low'], r['high'], r['n'], r['right']) for r in rows] == [(0, .05, 2, .5), (.999, 1, 2, 1)]
    assert expected_calibration_error(rows) == pytest.approx((2*.475 + 2*.0005)/4)
    assert np.isnan(expected_calibration_error([]))

def test_a_calibrated_reader_has_no_error():
    conf = np.random.default_rng(0).random(50_000)
    assert expected_calibration_error(reliability_bins(conf, np.random.default_rng(1).random(50_000) < conf)) < .01

def test_tilt_and_times():
    turn = lambda deg: [(40*np.cos(np.radians(deg))*i, 40*np.sin(np.radians(deg))*i) for i in range(7)]
    for deg in (-25, -3, 0, 12): assert tilt([(x, y, x + 30, y + 50) for x, y in turn(deg)]) == pytest.approx(deg)
    assert np.isnan(tilt([(0, 0, 1, 1)]*2)) and np.isnan(tilt([]))
    assert median_p95([1, 2, 3]) == dict(median=2, p95=pytest.approx(2.9)) and np.isnan(median_p95([])['p95'])
