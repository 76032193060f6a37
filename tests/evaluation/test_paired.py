"The exact paired test against scipy, and its clustering by vehicle."
import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test

from alpr_nb.core.config import UserError
from alpr_nb.evaluation.paired import compare_predictions, paired, sign_flip_p


@pytest.mark.parametrize('gained, lost', [(0, 0), (1, 0), (6, 0), (12, 3), (40, 60), (300, 250)])
def test_single_photographs_give_mcnemars_exact_test(gained, lost):
    expected = binomtest(gained, gained + lost).pvalue if gained + lost else 1
    assert sign_flip_p([1]*gained + [-1]*lost + [0]*9) == pytest.approx(expected, rel=1e-9)


def test_several_photographs_give_the_permutation_test():
    for seed in range(5):
        d = np.random.default_rng(seed).integers(-4, 5, 10)
        flips = permutation_test((d, 0*d), lambda a, b: (a - b).sum(), permutation_type='samples', n_resamples=np.inf)
        assert sign_flip_p(d) == pytest.approx(flips.pvalue, rel=1e-9)


def test_equal_readers_are_called_different_in_at_most_five_of_a_hundred_sets():
    "Errors belong to the vehicle, so a test by photograph would decide far too often."
    random, decided, by_photograph = np.random.default_rng(0), 0, 0
    for _ in range(200):
        a, b = (np.repeat(random.random(40) < .7, 5) for _ in range(2))
        decided += paired(a, b, np.repeat(np.arange(40), 5)).verdict != 'undecided'
        by_photograph += paired(a, b, range(200)).verdict != 'undecided'
    assert decided <= 15 and by_photograph > 40


def test_order_of_the_lines_does_not_matter_and_sets_must_match():
    line = lambda i, code, truth='ABC1234': dict(image=str(i), truth=truth, code=code)
    ours = [line(i, 'ABC1234' if i else 'X') for i in range(8)]
    theirs = [line(i, 'ABC1234' if i > 4 else 'Y') for i in range(8)]
    assert compare_predictions(ours, theirs[::-1]) == compare_predictions(ours, theirs)
    with pytest.raises(UserError, match='true code'): compare_predictions([line(0, '')], [line(0, '', 'XYZ1234')])
    with pytest.raises(UserError, match='expected one of each'): paired([1], [1, 0], ['a'])
