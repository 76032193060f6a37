"Check digits: published numbers, and the errors that each scheme is known to detect."
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpr_nb.codes.check_digits import SCHEMES, check_digit, check_holds
from alpr_nb.codes.formats import Format, matches, random_code

CONTAINER = Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346')


# Published: ISO 6346's own example, container numbers of Maersk and Triton in the guides of the Bureau International
# des Containers and of carriers; Luhn's textbook number; the UIC number 21 81 2471 217-3.
@pytest.mark.parametrize('code', ['CSQU3054383', 'MSKU9070323', 'TGHU7599330'])
def test_published_containers(code): assert check_holds(code, 'iso6346') and matches(code, CONTAINER)


@pytest.mark.parametrize('code', ['79927398713', '218124712173'])
def test_published_luhn(code): assert check_holds(code, 'luhn')


def test_check_digit_by_hand():
    # C13 S30 Q28 U32 3 0 5 4 3 8, times 1 2 4 ... 512: 13+60+112+256+48+0+320+512+768+4096 = 6185, which is 3 modulo 11
    assert 6185 % 11 == 3 and check_digit('CSQU305438', 'iso6346') == '3'


def test_a_remainder_of_10_is_written_0():
    code = next(c for c in (f'AAAU{i:06d}' for i in range(50)) if _remainder(c) == 10)
    assert check_digit(code, 'iso6346') == '0'


@given(st.text(string.digits, min_size=7, max_size=11), st.integers(0, 10), st.sampled_from(string.digits))
def test_luhn_catches_each_single_error(digits, i, other):
    code = digits + check_digit(digits, 'luhn'); i %= len(code)
    wrong = code[:i] + other + code[i+1:]
    assert check_holds(wrong, 'luhn') == (wrong == code)


@given(st.text(string.digits, min_size=7, max_size=7), st.integers(0, 6))
def test_luhn_catches_neighbours_that_swap_but_09(digits, i):
    code = digits + check_digit(digits, 'luhn')
    wrong = code[:i] + code[i+1] + code[i] + code[i+2:]
    if wrong != code and {code[i], code[i+1]} != {'0', '9'}: assert not check_holds(wrong, 'luhn')


def _remainder(code):
    values = (dict(zip(string.ascii_uppercase, [v for v in range(10, 39) if v not in (11, 22, 33)]))
              | {d: int(d) for d in string.digits})
    return sum(values[c]*2**i for i, c in enumerate(code)) % 11


@given(st.integers(0, 2**32 - 1), st.integers(4, 9), st.sampled_from(string.digits))
def test_iso6346_catches_each_wrong_digit_unless_the_remainder_is_10(seed, i, other):
    code = random_code(np.random.default_rng(seed), CONTAINER)
    wrong = code[:i] + other + code[i+1:]
    if wrong != code and 10 not in (_remainder(code[:-1]), _remainder(wrong[:-1])):
        assert not check_holds(wrong, 'iso6346')


@given(st.integers(0, 2**32 - 1), st.integers(0, 8))
def test_iso6346_catches_neighbours_that_swap_unless_the_remainder_is_10(seed, i):
    code = random_code(np.random.default_rng(seed), CONTAINER)
    wrong = code[:i] + code[i+1] + code[i] + code[i+2:]
    same = _remainder(code[i]) == _remainder(code[i+1]) # letters eleven apart, or a letter and a digit
    if not same and 10 not in (_remainder(code[:-1]), _remainder(wrong[:-1])): assert not check_holds(wrong, 'iso6346')


@pytest.mark.parametrize('code', ['', '1', 'CSQU30543', 'CSQÜ3054383', 'csqu3054383', 'CSQU305438é', 'CSQU 3054383'])
def test_odd_codes_have_no_valid_iso6346_digit(code): assert not check_holds(code, 'iso6346')


@pytest.mark.parametrize('code', ['', '1', 'CSQÜ3054383', '²1812471217', '٣٣٣٣٣٣٣٣', 'CSQU305438é', '-18124712173'])
def test_odd_codes_have_no_valid_luhn_digit(code): assert not check_holds(code, 'luhn')


def test_a_code_without_a_scheme_always_holds_and_an_unknown_scheme_is_refused():
    assert check_holds('anything', None)
    with pytest.raises(ValueError, match="'crc32' is not one of"): check_holds('123', 'crc32')


def test_a_scheme_of_ones_own_is_one_function(monkeypatch):
    def weights(residue, char, position, length): return (residue + int(char)*(length - position)) % 10
    monkeypatch.setitem(SCHEMES, 'weights', weights)
    own = Format(pattern='NNNN', check='weights')
    code = random_code(np.random.default_rng(0), own)
    assert matches(code, own) and sum(int(c)*(4 - i) for i, c in enumerate(code)) % 10 == 0
