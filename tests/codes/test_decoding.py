"The decoder against full enumeration, and what it promises: check digits, formats, insertions, missing characters."
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpr_nb.codes.check_digits import check_digit
from alpr_nb.codes.decoding import Decoder, DecoderParams, FormatParams
from alpr_nb.codes.formats import ALPHABET, Format, matches, parse_pattern, random_code

TRUCK = dict(old=Format(pattern='LLLNNNN', same=('O0', 'I1')), mercosul=Format(pattern='LLLNLNN'))
CONTAINER = dict(container=Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346', derive=True))
WAGON = dict(wagon=Format(pattern='NNNNNNNN', check='luhn'), uic=Format(pattern='N'*12, check='luhn'))


def params(formats, alphabet=ALPHABET, **more):
    "The same rates for all formats"
    def own(f):
        m = len(parse_pattern(f.pattern))
        return FormatParams(prior=.9/len(formats), confusion={c: {c: .98} for c in alphabet}, deletion=(.01,)*m,
                            cut=(.96, *[.04/max(m - 1, 1)]*(m - 1)), unlisted=.05)
    rates = dict(insertion={}, beside=.02, other=.1, other_right=.5)
    return DecoderParams(formats={k: own(f) for k, f in formats.items()}, **rates | more)


def decoder(formats, **more): return Decoder(formats, params(formats, **more))


def rows(text, p=.95, **other):
    "Probabilities of a clear reading; `other` replaces a row: _4={'8': .5}"
    out = [{c: p} for c in text]
    for k, v in other.items(): out[int(k[1:])] = v
    return out


SMALL = 'AB01'
FORMATS = [dict(a=Format(pattern='LN', derive=True), b=Format(pattern='[AB][AB01]N', derive=True)),
           dict(a=Format(pattern='NNN', check='luhn', derive=True)),
           dict(a=Format(pattern='[AB01]NN', derive=True, prefixes=('A0', 'B')), b=Format(pattern='NN'))]


def random_params(rng, formats):
    def own(f):
        m, p = len(parse_pattern(f.pattern)), rng.dirichlet(np.ones(4)*.5, 4)
        cut = rng.dirichlet([9, *[1]*(m - 1)])
        return FormatParams(prior=rng.uniform(.2, .4), confusion={a: dict(zip(SMALL, row)) for a, row in zip(SMALL, p)},
                            deletion=tuple(rng.uniform(.05, .4, m)), cut=tuple(cut), unlisted=rng.uniform(.1, .5))
    insertion = dict(zip(SMALL, rng.dirichlet(np.ones(4))))
    return DecoderParams(formats={k: own(f) for k, f in formats.items()}, insertion=insertion, beside=.1, other=.2,
                         other_right=.5, presence=(1.2, .3))


def priors(fmt, unlisted):
    """All correct codes of a format with their prior, by its definition. A code begins with one of the prefixes, or it
    is unlisted. Each other character has the frequency that it has in the prefixes at this position, plus one."""
    allowed = parse_pattern(fmt.pattern)
    codes = [''.join(c) for c in product(SMALL, repeat=len(allowed)) if matches(''.join(c), fmt)]
    if fmt.check: return {c: 1/len(codes) for c in codes}
    def free(code, start):
        counts = [{a: 1 + sum(p[j:j + 1] == a for p in fmt.prefixes) for a in SMALL if a in own}
                  for j, own in enumerate(allowed)]
        return np.prod([counts[j][code[j]]/sum(counts[j].values()) for j in range(start, len(code))])
    share = (1 - unlisted)/len(fmt.prefixes) if fmt.prefixes else 0
    return {c: (unlisted if fmt.prefixes else 1)*free(c, 0) + share*sum(free(c, len(p)) for p in fmt.prefixes
                                                                      if c.startswith(p)) for c in codes}


def enumerated(d, probs, lines):
    "Mass of each (code, format), by enumeration of all codes and all alignments"
    from alpr_nb.codes.decoding import Emissions
    e, n, mass = Emissions(probs, lines, d), len(probs), {}
    skip = [e.skip[i, i + 1] for i in range(n)]
    for name, f in d.formats.items():
        p = d.params.formats[name]
        for code, prior in priors(f, p.unlisted).items():
            total, columns = 0., [SMALL.index(c) for c in code]
            for begin in range(len(code)): # characters that are cut off
                for size in range(len(code) - begin + 1):
                    for kept in combinations(range(begin, len(code)), size):
                        for shown in combinations(range(n), size):
                            gone = set(range(begin, len(code))) - set(kept)
                            if not f.derive and (gone or begin): continue
                            w = p.cut[begin]*np.prod([p.deletion[j]/(1 - p.deletion[j]) for j in gone])
                            w *= np.prod([e.match[name][i, columns[j]] for i, j in zip(shown, kept)])
                            w *= alignments_of_text(shown, kept, begin, len(code), n, skip, lines, d.params.beside)
                            total += w
            mass[code, name] = p.prior*prior*total
    return mass


def alignments_of_text(shown, kept, begin, end, n, skip, lines, beside):
    """Weight of the detections that show nothing. Between two characters of the code they are insertions. Insertions at
    a missing character may stand before or after it. Before the code and after it lines of other text may stand."""
    ends = set(np.cumsum(lines)[:-1].tolist())
    slots = end - begin + 1
    at = {j: i for i, j in zip(shown, kept)}
    ways = {0: 1.} # detections used -> weight, before character `begin`
    def spread(ways, limit): # insertions
        out = {}
        for i, w in ways.items():
            for k in range(i, limit + 1): out[k] = out.get(k, 0) + w*np.prod(skip[i:k])
        return out
    ways = {k: np.prod(skip[:k]) + (beside if k in ends else 0) for k in range(n + 1)}
    for j in range(begin, end):
        if j > begin: ways = spread(ways, n)
        if j in at: ways = {at[j] + 1: ways.get(at[j], 0.)}
    return sum(w*(np.prod(skip[i:]) + (beside if i in ends else 0)) for i, w in ways.items()) if slots else 0.


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 2))
def test_the_best_codes_and_the_posteriors_are_those_of_full_enumeration(seed, n, which):
    rng = np.random.default_rng(seed)
    formats = {k: f.model_copy(update=dict(derive=True)) for k, f in FORMATS[which].items()}
    d = Decoder(formats, random_params(rng, formats), SMALL)
    probs, cut = rng.dirichlet(np.ones(4)*.5, n)*rng.uniform(.2, .99, (n, 1)), int(rng.integers(0, n))
    lines = [cut, n - cut] if cut else [n]
    mass = enumerated(d, probs, lines)
    total = sum(mass.values()) + d.params.other
    found = d.decode(probs, orders=[np.split(np.arange(n), np.cumsum(lines)[:-1])], n_best=6, least=0)
    expected = sorted(((m/total, *k) for k, m in mass.items()), reverse=True)
    got = [p for _, name, p in found.n_best if name]
    assert got == pytest.approx([p for p, *_ in expected[:len(got)]], rel=1e-6)
    for code, name, p in found.n_best:
        if name: assert p == pytest.approx(mass[code, name]/total, rel=1e-6)
    if found.format: # the posterior of each character, given its format
        own = {c: m for (c, name), m in mass.items() if name == found.format}
        for j, p in enumerate(found.confidences):
            same = sum(m for c, m in own.items() if c[j] == found.code[j])
            assert p == pytest.approx(same/sum(own.values()), rel=1e-6)


def test_six_detections_and_no_completion_agree_with_enumeration():
    formats, rng = FORMATS[2], np.random.default_rng(3)
    d, probs = Decoder(formats, random_params(rng, formats), SMALL), rng.dirichlet(np.ones(4)*.5, 6)*.9
    mass = enumerated(d, probs, [6])
    whole = Decoder({k: f.model_copy(update=dict(derive=True)) for k, f in formats.items()}, d.params, SMALL)
    total = sum(enumerated(whole, probs, [6]).values()) + d.params.other # missing characters count, but stay missing
    for code, name, p in d.decode(probs, n_best=5, least=0).n_best:
        if name: assert p == pytest.approx(mass[code, name]/total, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.permutations(list(WAGON)))
def test_permuting_formats_changes_nothing(seed, names):
    probs = np.random.default_rng(seed).random((9, 36))**6
    a, b = decoder(WAGON).decode(probs, n_best=3), decoder({k: WAGON[k] for k in names}).decode(probs, n_best=3)
    assert (a.code, a.format, a.kept) == (b.code, b.format, b.kept) and a.confidence == pytest.approx(b.confidence)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 7), st.sampled_from(['old', 'mercosul']))
def test_a_detection_of_probability_0_changes_nothing(seed, at, name):
    code = random_code(np.random.default_rng(seed), TRUCK[name])
    d, probs = decoder(TRUCK), np.array([[.95 if a == c else .001 for a in ALPHABET] for c in code])
    one, two = d.decode(probs), d.decode(np.insert(probs, at, 0, axis=0))
    assert (two.code, two.format) == (one.code, one.format) and at not in two.kept
    assert two.confidence == pytest.approx(one.confidence, rel=1e-6)


@given(st.integers(0, 2**32 - 1), st.sampled_from(['old', 'mercosul']))
@settings(deadline=None)
def test_a_clear_code_is_decoded_as_it_is(seed, name):
    code = random_code(np.random.default_rng(seed), TRUCK[name])
    d = decoder(TRUCK).decode(rows(code, .99))
    assert (d.code, d.format, d.raw, d.kept) == (code, name, code, tuple(range(7))) and d.confidence > .9


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 14), st.sampled_from([TRUCK, CONTAINER, WAGON, {}]))
def test_decode_survives_anything(seed, n, formats):
    p = np.random.default_rng(seed).random((n, 36))**4
    d = decoder(formats).decode(p)
    assert len(d.code) == len(d.confidences) == len(d.kept) and 0 <= d.confidence <= 1 and len(d.raw) == n
    kept = [k for k in d.kept if k is not None]
    assert kept == sorted(set(kept)) and sorted(d.order) == list(range(n))
    if d.format: assert matches(d.code, formats[d.format])
    else: assert d.code == d.raw


def test_check_digit_settles_a_doubt():
    d = decoder(CONTAINER).decode(rows('CSQU8054383', _4={'8': .55, '3': .4}))
    assert d.code == 'CSQU3054383' and d.confidence > .9 and d.raw == 'CSQU8054383'
    assert decoder(CONTAINER).decode(rows('CSQU3054384', .99)).confidence < .5
    wagon = decoder(WAGON).decode(rows('57529198', _7={'8': .5, '0': .4}))
    assert (wagon.code, wagon.format) == ('57529190', 'wagon')


def test_a_missing_character_is_completed_where_the_others_determine_it():
    owners = dict(c=Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346', derive=True, prefixes=('MIEU', 'MAEU', 'MSCU')))
    d = decoder(owners).decode(rows('MEU9761299'))
    assert (d.code, d.kept[:3], d.kept[-1]) == ('MIEU9761299', (0, None, 1), 9) and d.confidence > .5
    last = decoder(owners).decode(rows('MSCU123456'))
    assert last.code == 'MSCU123456' + check_digit('MSCU123456', 'iso6346') and last.confidence < d.confidence
    whole = {k: f.model_copy(update=dict(derive=False)) for k, f in owners.items()}
    assert decoder(whole).decode(rows('MEU9761299')).format is None
    assert decoder(TRUCK).decode(rows('ABC123')).format is None


def test_the_code_may_be_cut_off_at_its_beginning():
    owners = dict(c=Format(pattern='LLL[UJZ]NNNNNNN', check='iso6346', derive=True, prefixes=('MSWU', 'MAEU', 'HLXU')))
    d = decoder(owners).decode(rows('WU0011716'))
    assert (d.code, d.kept[:3]) == ('MSWU0011716', (None, None, 0)) and d.confidence > .5


def test_listed_prefixes_decide_between_look_alikes_and_clear_other_codes_stay():
    owners = dict(c=CONTAINER['container'].model_copy(update=dict(prefixes=('MRKU', 'MSCU'))))
    seen = rows('MHKU3653790', _1={'H': .8, 'R': .15}) # H and R weigh the same modulo 11
    assert decoder(owners).decode(seen).code == 'MRKU3653790'
    assert decoder(CONTAINER).decode(seen).code == 'MHKU3653790'


GAPS = dict(old=Format(pattern='LLLNNNN', same=('O0', 'I1'), gaps=(3,)), mercosul=Format(pattern='LLLNLNN', gaps=()))


def stand(gap, n=7, tilt=0.):
    "Boxes of characters 10 px apart, but for `gap` after the third"
    x = np.cumsum([0, 10, 10, gap, 10, 10, 10])[:n]
    return np.stack([x, x*tilt, x + 8, x*tilt + 20], 1)


@pytest.mark.parametrize('tilt', [0, .3, -.3])
def test_the_spacing_tells_formats_apart(tilt):
    known = params(GAPS)
    wide = dict(old=.34, mercosul=0.)
    own = {k: f.model_copy(update=dict(spacing={3: (wide[k], .05)})) for k, f in known.formats.items()}
    d, seen = Decoder(GAPS, known.model_copy(update=dict(formats=own))), rows('ABC1G34', _4={'G': .5, '6': .3})
    assert d.decode(seen, stand(10, tilt=tilt)).code == 'ABC1G34'
    assert d.decode(seen, stand(14, tilt=tilt)).code == 'ABC1634'


def test_probabilities_must_match_the_alphabet_and_parameters_the_formats():
    with pytest.raises(ValueError, match='5 classes'): decoder(TRUCK).decode(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="no parameters of the format 'uic'"): Decoder(WAGON, params(TRUCK))
