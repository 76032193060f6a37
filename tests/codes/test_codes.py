import string

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from alpr_nb.codes.formats import (ALPHABET, Format, as_format, format_of, matches, parse_pattern, random_code,
                                   to_mercosul)
from alpr_nb.codes.check_digits import check_holds, iso6346_digit, luhn_digit
from alpr_nb.codes.decoding import decode
from alpr_nb.codes.substitutions import look_alikes, substitute

TRUCK = dict(old=Format(pattern='LLLNNNN', same=('O0', 'I1')), mercosul=Format(pattern='LLLNLNN'))
CONTAINER = dict(container=Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346'))
WAGON = dict(wagon=Format(pattern='NNNNNNNN', check='luhn'), uic=Format(pattern='N'*12, check='luhn'))


def rows(text, p=.95, **other):
    out = [{c: p} for c in text]
    for k, v in other.items(): out[int(k[1:])] = v
    return out


# Published: ISO 6346's own example, container numbers of Maersk and Triton in the Bureau International des Containers' and
# carriers' guides; Luhn's textbook number; the UIC number 21 81 2471 217-3.
@pytest.mark.parametrize('code', ['CSQU3054383', 'MSKU9070323', 'TGHU7599330'])
def test_published_containers(code): assert check_holds(code, 'iso6346') and matches(code, CONTAINER['container'])


@pytest.mark.parametrize('code', ['79927398713', '218124712173'])
def test_published_luhn(code): assert check_holds(code, 'luhn')


def test_check_digit_by_hand():
    # C13 S30 Q28 U32 3 0 5 4 3 8, times 1 2 4 ... 512: 13+60+112+256+48+0+320+512+768+4096 = 6185, which is 3 modulo 11
    assert 6185 % 11 == 3 and iso6346_digit('CSQU305438') == '3'


def test_a_remainder_of_10_is_written_0():
    code = next(c for c in (f'AAAU{i:06d}' for i in range(50)) if _remainder(c) == 10)
    assert iso6346_digit(code) == '0'


@given(st.text(string.digits, min_size=7, max_size=11), st.integers(0, 10), st.sampled_from(string.digits))
def test_luhn_catches_each_single_error(digits, i, other):
    code = digits + luhn_digit(digits); i %= len(code)
    wrong = code[:i] + other + code[i+1:]
    assert check_holds(wrong, 'luhn') == (wrong == code)


@given(st.text(string.digits, min_size=7, max_size=7), st.integers(0, 6))
def test_luhn_catches_neighbours_that_swap_but_09(digits, i):
    code = digits + luhn_digit(digits)
    wrong = code[:i] + code[i+1] + code[i] + code[i+2:]
    if wrong != code and {code[i], code[i+1]} != {'0', '9'}: assert not check_holds(wrong, 'luhn')


def _remainder(code):
    values = dict(zip(string.ascii_uppercase, [v for v in range(10, 39) if v not in (11, 22, 33)])) | {d: int(d) for d in string.digits}
    return sum(values[c]*2**i for i, c in enumerate(code)) % 11


@given(st.integers(0, 2**32 - 1), st.integers(4, 9), st.sampled_from(string.digits))
def test_iso6346_catches_each_wrong_digit_unless_the_remainder_is_10(seed, i, other):
    code = random_code(np.random.default_rng(seed), CONTAINER['container'])
    wrong = code[:i] + other + code[i+1:]
    if wrong != code and 10 not in (_remainder(code[:-1]), _remainder(wrong[:-1])): assert not check_holds(wrong, 'iso6346')


@given(st.integers(0, 2**32 - 1), st.integers(0, 8))
def test_iso6346_catches_neighbours_that_swap_unless_the_remainder_is_10(seed, i):
    code = random_code(np.random.default_rng(seed), CONTAINER['container'])
    wrong = code[:i] + code[i+1] + code[i] + code[i+2:]
    same = _remainder(code[i]) == _remainder(code[i+1]) # letters eleven apart, or a letter and a digit
    if not same and 10 not in (_remainder(code[:-1]), _remainder(wrong[:-1])): assert not check_holds(wrong, 'iso6346')


@pytest.mark.parametrize('code', ['', '1', 'CSQU30543', 'CSQÜ3054383', '²1812471217', '٣٣٣٣٣٣٣٣', 'CSQU305438é'])
@pytest.mark.parametrize('scheme', ['luhn', 'iso6346'])
def test_odd_codes_hold_no_check(code, scheme): assert check_holds(code, scheme) in (False, True) and not matches(code, WAGON['wagon'])


def test_patterns():
    assert parse_pattern('[A-C]N[L]') == ('ABC', '0123456789', 'L')
    for bad in ('', 'LL[U', 'LL]', 'L[]N'):
        with pytest.raises(ValueError): parse_pattern(bad)
    with pytest.raises(ValueError, match='one of'): Format(pattern='NN', check='crc32')
    with pytest.raises(ValueError, match='paterm'): Format(paterm='NN')
    assert as_format({'pattern': 'NN'}) == as_format('NN') == Format(pattern='NN')


@given(st.integers(0, 2**32 - 1), st.sampled_from([*TRUCK.values(), *CONTAINER.values(), *WAGON.values()]))
def test_random_codes_match(seed, fmt):
    code = random_code(np.random.default_rng(seed), fmt)
    assert matches(code, fmt) and code == random_code(np.random.default_rng(seed), fmt)


def test_mercosul_conversion():
    assert [to_mercosul(f'ABC1{d}34')[4] for d in range(10)] == list('ABCDEFGHIJ')
    for bad in ('ABC1D34', 'ABC123', '', 'abc1234'):
        with pytest.raises(ValueError): to_mercosul(bad)


@given(st.text(ALPHABET, max_size=12))
def test_substitution_gives_a_format_or_leaves_alone(raw):
    code = substitute(raw, TRUCK)
    assert code == raw or format_of(code, TRUCK)
    assert substitute(code, TRUCK) == code


def test_substitution_of_the_thesis():
    assert substitute('A8C1234', TRUCK) == 'ABC1234'
    assert substitute('0BCI2E4', TRUCK) == '0BCI2E4' # E looks like no digit
    assert look_alikes({'O': '0', 'Q': '0'}) == {'O': '0', 'Q': '0', '0': 'O'}


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
    with pytest.raises(ValueError, match='gaps: 7'): Format(pattern='LLLNNNN', gaps=(3, 7))


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
    assert decode(rows('MHKU365379', _1={'H': .8, 'R': .15}), dict(c=owners['container'].model_copy(update=dict(derive=True)))).code == 'MRKU3653790'


def test_a_prefix_must_begin_a_code():
    for wrong in ('MSC1', 'MSCA', 'MSCU12345678'):
        with pytest.raises(ValueError, match=f"prefixes: '{wrong}'"): Format(pattern='LLL[UJZ]NNNNNNN', prefixes=(wrong,))


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
