"Alignment and the n best codes, compared with trying everything."
from itertools import combinations, product

import numpy as np
import pytest

from alpr_nb.codes.code_search import align, best_valid_code, complete_code, n_best, valid_codes
from alpr_nb.codes.formats import DIGITS, Format


@pytest.mark.parametrize('seed', range(20))
def test_alignment_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    n, m = 6, int(rng.integers(1, 7))
    scores, confidences = rng.random((n, m)), rng.uniform(.05, .95, n)
    def total(kept):
        left_out = sum(np.log(1 - confidences[i]) for i in range(n) if i not in kept)
        return sum(np.log(scores[i, j]) for j, i in enumerate(kept)) + left_out
    best = max(combinations(range(n), m), key=total)
    found, kept = align(scores, confidences)
    assert kept == best and found == pytest.approx(total(best))


@pytest.mark.parametrize('seed', range(10))
def test_the_n_best_codes_are_those_of_a_full_list(seed):
    scores = np.random.default_rng(seed).random((4, 5))
    every = {''.join(c): np.prod([scores[i, 'ABCDE'.index(x)] for i, x in enumerate(c)])
             for c in product('ABCDE', repeat=4)}
    found = list(n_best(scores, 'ABCDE', limit=50))
    assert [c for c, _ in found] == sorted(every, key=every.get, reverse=True)[:50]
    assert [s for _, s in found] == pytest.approx([every[c] for c, _ in found])


def test_a_character_that_is_not_allowed_is_never_in_a_code():
    assert [c for c, _ in n_best(np.array([[.5, 0], [.2, .8]]), 'AB')] == ['AB', 'AA']


def test_codes_that_fail_the_check_are_counted():
    scores = np.eye(10)[[7, 9, 9, 2, 7, 3, 9, 8, 7, 1, 3]]*.9 # Luhn's textbook number
    scores[10, [3, 4, 5]] = .2, .5, .25
    valid, highest = valid_codes(scores, DIGITS, 'luhn')
    assert [(rank, code) for rank, _, code in valid] == [(2, '79927398713')] and highest == pytest.approx(.9**10*.5)
    code, score, confidences, rank = best_valid_code(scores, DIGITS, 'luhn')
    assert (code, rank) == ('79927398713', 2) and score == pytest.approx(.9**10*.2) and (confidences > .99).all()


def test_a_missing_check_digit_is_computed():
    probs = np.eye(10)[[7, 9, 9, 2, 7, 3, 9, 8, 7, 1]]*.9
    code, _, missing = complete_code(probs, Format(pattern='N'*11, check='luhn', derive=True), DIGITS, {}, .5)
    assert (code, missing) == ('79927398713', 10)
