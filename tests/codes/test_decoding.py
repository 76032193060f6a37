"Decoding of detections with probabilities: formats, gaps, check digits, owners, missing characters."
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.codes.check_digits import iso6346_digit
from alpr_nb.codes.decoding import decode
from alpr_nb.codes.formats import Format, matches, random_code

TRUCK = dict(old=Format(pattern='LLLNNNN', same=('O0', 'I1')), mercosul=Format(pattern='LLLNLNN'))
CONTAINER = dict(container=Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346'))
WAGON = dict(wagon=Format(pattern='NNNNNNNN', check='luhn'), uic=Format(pattern='N'*12, check='luhn'))


def rows(text, p=.95, **other):
    "Probabilities of a clear reading; `other` replaces a row: _4={'8': .5}"
    out = [{c: p} for c in text]
    for k, v in other.items(): out[int(k[1:])] = v
    return out


@given(st.integers(0, 2**32 - 1), st.sampled_from(['old', 'mercosul']))
def test_a_clear_code_is_decoded_as_it_is(seed, name):
    code = random_code(np.random.default_rng(seed), TRUCK[name])
    d = decode(rows(code), TRUCK)
    assert (d.code, d.format, d.raw) == (code, name, code) and d.confidence == pytest.approx(.95, abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(0, 7), st.sampled_from('I1JLTU'))
def test_a_weak_detection_too_many_is_left_out(seed, at, char):
    code = random_code(np.random.default_rng(seed), TRUCK['old'])
    probs = rows(code); probs.insert(at, {char: .25})
    d = decode(probs, TRUCK)
    assert (d.code, d.format, len(d.raw)) == (code, 'old', 8) and at not in d.kept


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 14), st.sampled_from([TRUCK, CONTAINER, WAGON, {}]))
def test_decode_survives_anything(seed, n, formats):
    p = np.random.default_rng(seed).random((n, 36))**4
    d = decode(p, formats)
    assert len(d.code) == len(d.confidences) == len(d.kept) and 0 <= d.confidence <= 1 and len(d.raw) == n
    assert list(d.kept) == sorted(set(d.kept)) and d.confidence <= min(d.confidences, default=0) + 1e-9
    if d.format: assert matches(d.code, formats[d.format])
    else: assert d.code == d.raw


def test_one_glyph_counts_in_full_where_the_position_tells():
    both = {'O': .5, '0': .5}
    d = decode(rows('XXX0000', _1=both, _3=both, _4=both, _5=both, _6=both), TRUCK)
    assert (d.code, d.format) == ('XOX0000', 'old') and d.confidence == pytest.approx(.95)
    alone = decode([both], dict(any=Format(pattern='[A-Z0-9]')))
    assert alone.confidence == pytest.approx(.5), 'where the format allows both, the doubt remains'


GAPS = dict(old=Format(pattern='LLLNNNN', same=('O0', 'I1'), gaps=(3,)), mercosul=Format(pattern='LLLNLNN', gaps=()))


def stand(gap, n=7, tilt=0.):
    "Boxes of characters 10 px apart, but for `gap` after the third"
    x = np.cumsum([0, 10, 10, gap, 10, 10, 10])[:n]
    return np.stack([x, x*tilt, x + 8, x*tilt + 20], 1)


@pytest.mark.parametrize('tilt', [0, .3, -.3])
def test_where_characters_stand_tells_formats_apart(tilt):
    seen = rows('ABC1234', _4={'G': .9, '6': .05})
    assert decode(seen, GAPS).code == decode(seen, GAPS, boxes=stand(10, tilt=tilt)).code == 'ABC1G34'
    assert decode(seen, GAPS, boxes=stand(14, tilt=tilt)).code == 'ABC1634'
    clear = rows('ABC1D34', _4={'D': .95}) # nothing that looks like a digit: the letter stays
    assert decode(clear, {'old': GAPS['old'], 'mercosul': 'LLLNLNN'}, boxes=stand(10, tilt=tilt)).code == 'ABC1D34'


def test_a_gap_beyond_the_end_of_a_shorter_code_says_nothing_of_it():
    formats = dict(short=Format(pattern='LLLN', gaps=()), long=Format(pattern='LLLNNNNNNN', gaps=(7,)))
    assert decode(rows('ABC1'), formats, boxes=stand(10, 4)).code == 'ABC1'


@given(st.integers(0, 9), st.lists(st.floats(-1e3, 1e3), min_size=36, max_size=36))
@settings(max_examples=50, deadline=None)
def test_any_boxes_are_taken(n, numbers):
    d = decode(rows('ABC1D2345'[:n]), GAPS, boxes=np.reshape(numbers, (9, 4))[:n])
    assert 0 <= d.confidence <= 1


def test_the_weakest_character_decides_and_what_fits_nothing_counts_half():
    assert decode(rows('ABC1234', _6={'4': .3}), TRUCK).confidence == pytest.approx(.3, abs=.01)
    d = decode(rows('ABC123'), TRUCK)
    assert (d.code, d.format) == ('ABC123', None) and d.confidence == pytest.approx(.475)
    assert decode(rows('BRASILX'), TRUCK).format is None
    assert decode(rows('ABC123'), {}).confidence == pytest.approx(.95)


def test_check_digit_settles_a_doubt():
    d = decode(rows('CSQU8054383', _4={'8': .55, '3': .4}), CONTAINER)
    assert d.code == 'CSQU3054383' and d.confidence > .9 and d.raw == 'CSQU8054383'
    wrong = decode(rows('CSQU3054384'), CONTAINER)
    assert wrong.code == 'CSQU3054384' and wrong.format is None and wrong.confidence < .5
    wagon = decode(rows('57529198', _7={'8': .5, '0': .4}), WAGON)
    assert (wagon.code, wagon.format) == ('57529190', 'wagon')


def test_probabilities_must_match_the_alphabet():
    with pytest.raises(ValueError, match='5 classes'): decode(np.zeros((2, 5)), TRUCK)


def test_letters_whose_values_differ_by_11_are_told_apart_by_how_codes_begin():
    for a, b in ('HR', 'MW', 'EO', 'KU'): # at the same place they weigh the same modulo 11
        assert all(iso6346_digit(f'{a}SK{c}123456') == iso6346_digit(f'{b}SK{c}123456') for c in 'UJZ')
    seen = rows('MHKU3653790', _1={'H': .8, 'R': .15})
    owners = dict(container=Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346', prefixes=('MRKU', 'MSCU')))
    assert decode(seen, CONTAINER).code == 'MHKU3653790' and decode(seen, owners).code == 'MRKU3653790'
    strange = rows('QXZU305438' + iso6346_digit('QXZU305438'))
    assert decode(strange, owners).code == decode(strange, CONTAINER).code, 'a clear code of another owner stays'
    assert decode(rows('MHKU365379', _1={'H': .8, 'R': .15}),
                  dict(c=owners['container'].model_copy(update=dict(derive=True)))).code == 'MRKU3653790'


def test_a_check_digit_vouches_for_one_doubtful_character_and_not_for_two():
    one = decode(rows('CSQU3054383', _8={'3': .1}), CONTAINER)
    two = decode(rows('CSQU3054383', _8={'3': .1}, _2={'Q': .1}), CONTAINER)
    other = decode(rows('CSQU3054384', _8={'3': .1}), CONTAINER) # its digit does not hold
    assert one.confidence > .35 > .2 > two.confidence and not other.format
    none = dict(plain=Format(pattern='LLLUNNNNNNN'))
    assert decode(rows('CSQU3054383', _8={'3': .1}), none).confidence == pytest.approx(.1)


def test_one_character_that_was_not_seen_is_completed_at_half_the_confidence():
    owners = dict(c=Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346', derive=True, prefixes=('MIEU', 'MAEU', 'MSCU')))
    d = decode(rows('MEU9761299'), owners)
    assert (d.code, d.kept[:3], d.kept[-1]) == ('MIEU9761299', (0, None, 1), 9) and .2 < d.confidence <= .5
    last = decode(rows('MSCU123456'), owners)
    assert last.code == 'MSCU123456' + iso6346_digit('MSCU123456') and last.kept[-1] is None and last.confidence <= .5
    none = {k: f.model_copy(update=dict(prefixes=())) for k, f in owners.items()}
    assert decode(rows('MEU9761299'), none).format is None, 'nothing tells which owner it is'
    assert decode(rows('MSCU12345'), owners).format is None, 'two are too many'
