"Text on vehicles and walls never has the form of a code."
import numpy as np

from alpr_nb.codes.formats import format_of
from alpr_nb.drawing.streets.distractor_text import random_words


def test_words_are_never_a_plate():
    rng = np.random.default_rng(0)
    said = {''.join(c for c in random_words(rng).upper() if c.isalnum()) for _ in range(3000)}
    assert not [w for w in said if format_of(w, {'old': 'LLLNNNN', 'mercosul': 'LLLNLNN'})]
