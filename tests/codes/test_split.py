"The split is the same on every machine: it depends on nothing but the code, the seed and the share."
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.codes.split import in_validation


@settings(deadline=None)
@given(st.text(max_size=12), st.integers(0, 99), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_contains_a_smaller_one(code, seed, a, b):
    assert in_validation(code, seed, min(a, b)) <= in_validation(code, seed, max(a, b))


def test_published_hash():
    "The first 64 bits of sha256('0:ABC1234') decide"
    share = int(sha256(b'0:ABC1234').hexdigest()[:16], 16)/2**64
    assert in_validation('ABC1234', 0, share + 1e-9) and not in_validation('ABC1234', 0, share - 1e-9)
