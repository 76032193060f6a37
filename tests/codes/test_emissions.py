"Scores of characters at positions: look-alikes, shared glyphs, gaps, and whether there is a character."
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.codes.emissions import (allowed_mask, emission_scores, existence_posterior, existence_prior,
                                     gap_log_likelihood, probability_matrix)
from alpr_nb.codes.formats import ALPHABET, SUBSTITUTIONS
from alpr_nb.codes.substitutions import look_alikes

SWAP = look_alikes(SUBSTITUTIONS)


def scores_of(row, pattern, discount=.5, same=()):
    "Character -> score of one detection at the only position of a pattern"
    probs = probability_matrix([row], ALPHABET)[0]
    found = emission_scores(probs, ALPHABET, allowed_mask(pattern, ALPHABET), SWAP, discount, same)[0, 0]
    return {c: round(s, 6) for c, s in zip(ALPHABET, found) if s}


def test_a_look_alike_counts_in_part_where_it_is_not_allowed():
    assert scores_of({'B': .8, 'E': .1}, 'N') == {'8': .4}
    assert scores_of({'B': .8, '8': .1}, 'L') == {'B': .85}
    assert scores_of({'B': .8, '8': .1}, '[A-Z0-9]') == {'B': .8, '8': .1}


def test_a_shared_glyph_counts_in_full_for_the_part_that_both_have():
    # 0.4 + half of 0.5 + the other half of the common 0.4
    assert scores_of({'O': .5, '0': .4}, 'N', same=('O0',)) == {'0': .85}


@pytest.mark.parametrize('probs', [[{'A': .5, 'B': .25}], np.array([[.5, .25]])])
def test_probabilities_of_dicts_and_arrays(probs):
    matrix, alphabet = probability_matrix(probs, 'AB')
    assert matrix.tolist() == [[.5, .25]] and alphabet == 'AB'


def test_dicts_may_have_characters_beyond_the_alphabet():
    assert probability_matrix([{'?': .5}], 'AB')[1] == 'AB?' and probability_matrix([], 'AB')[0].shape == (0, 2)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=11), st.integers(0, 99))
def test_a_check_digit_never_makes_a_character_less_likely(prior, rank):
    prior = np.array(prior)
    posterior = existence_posterior(prior, rank)
    assert ((posterior >= prior - 1e-9) & (posterior <= 1 + 1e-9)).all()


def test_bayes_by_hand():
    "One character with a prior of 0.1; a check digit holds by chance once in ten: 0.1*1/(0.1*1 + 0.9*0.1)"
    assert existence_posterior(np.array([1, .1, 1]), 0)[1] == pytest.approx(.1/.19)


def test_the_prior_is_the_sum_of_three_classes():
    assert existence_prior(np.array([[.1, .2, .3, .05], [.9, .4, 0, 0]])).tolist() == [pytest.approx(.6), 1]


def test_too_few_characters_tell_nothing_of_gaps():
    boxes = np.array([(x, 0, x + 8, 20) for x in (0, 10, 24)])
    assert gap_log_likelihood(boxes, (2,), frozenset([2])) == 0
