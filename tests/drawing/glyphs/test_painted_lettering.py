"Painted letters: families differ, and every lettering has every character at full height."
import numpy as np
import pytest

from alpr_nb.drawing.glyphs.painted_lettering import FAMILIES, GLYPH_HEIGHT, random_lettering


def test_families_differ():
    a, b = (random_lettering(np.random.default_rng(0), f).glyph('8') for f in ('condensed', 'bold'))
    assert a.shape[1] < b.shape[1] and set(FAMILIES) >= {'grotesque', 'stencil', 'sprayed'}


@pytest.mark.parametrize('family', FAMILIES)
def test_every_lettering_has_every_character(family):
    lettering = random_lettering(np.random.default_rng(1), family)
    for c in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789':
        glyph = lettering.glyph(c)
        assert glyph.shape[0] == GLYPH_HEIGHT and (glyph[:8] > 60).any() and (glyph[-8:] > 60).any(), c


def test_level_strokes_end_where_the_letter_does():
    lettering = random_lettering(np.random.default_rng(3), 'bold')
    for c in 'ZTELF7':
        assert abs(lettering.glyph(c).shape[1] - lettering.forms[c][0]*lettering.width*GLYPH_HEIGHT) < 6, c
