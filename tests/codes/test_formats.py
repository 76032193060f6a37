"Patterns and formats: what they allow, what is refused, random codes."
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpr_nb.codes.formats import Format, as_format, format_of, matches, parse_pattern, random_code, to_mercosul

TRUCK = dict(old=Format(pattern='LLLNNNN', same=('O0', 'I1')), mercosul=Format(pattern='LLLNLNN'))
CONTAINER = dict(container=Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346'))
WAGON = dict(wagon=Format(pattern='NNNNNNNN', check='luhn'), uic=Format(pattern='N'*12, check='luhn'))


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


def test_a_prefix_must_begin_a_code():
    for wrong in ('MSC1', 'MSCA', 'MSCU12345678'):
        with pytest.raises(ValueError, match=f"prefixes: '{wrong}'"):
            Format(pattern='LLL[UJZ]NNNNNNN', prefixes=(wrong,))


@pytest.mark.parametrize('gaps', [(0,), (7,), (3, 9)])
def test_a_gap_must_be_between_two_characters(gaps):
    with pytest.raises(ValueError, match='gaps: '): Format(pattern='LLLNNNN', gaps=gaps)


@pytest.mark.parametrize('code', ['', 'CSQÜ3054383', '²1812471217', '٣٣٣٣٣٣٣٣', 'CSQU305438é', 'abc1d23', 'ABC1D23 '])
def test_odd_codes_fit_no_format(code): assert format_of(code, TRUCK | CONTAINER | WAGON) is None
