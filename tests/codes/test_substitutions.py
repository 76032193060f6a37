"Substitutions by position, as in the thesis."
from hypothesis import given
from hypothesis import strategies as st

from alpr_nb.codes.formats import ALPHABET, Format, format_of
from alpr_nb.codes.substitutions import look_alikes, substitute

TRUCK = dict(old=Format(pattern='LLLNNNN', same=('O0', 'I1')), mercosul=Format(pattern='LLLNLNN'))


@given(st.text(ALPHABET, max_size=12))
def test_substitution_gives_a_format_or_leaves_alone(raw):
    code = substitute(raw, TRUCK)
    assert code == raw or format_of(code, TRUCK)
    assert substitute(code, TRUCK) == code


def test_substitution_of_the_thesis():
    assert substitute('A8C1234', TRUCK) == 'ABC1234'
    assert substitute('0BCI2E4', TRUCK) == '0BCI2E4' # E looks like no digit
    assert look_alikes({'O': '0', 'Q': '0'}) == {'O': '0', 'Q': '0', '0': 'O'}
