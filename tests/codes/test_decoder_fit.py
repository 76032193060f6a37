"The fit recovers planted error rates, is reproducible, and its confidences are calibrated."
import numpy as np
import pytest

from alpr_nb.codes.decoder_fit import Sample, fit_decoder
from alpr_nb.codes.decoding import Decoder
from alpr_nb.codes.formats import ALPHABET, Format, random_code

PLATE = dict(plate=Format(pattern='BLLNNNN'))


def sample(rng, shown=.15, missed=.04, spurious=.05, text=0.):
    "Detections of a random code: B shown as 8, missed characters, spurious detections that are mostly an I"
    code, probs = random_code(rng, PLATE['plate']), []
    painted = code if rng.random() >= text else ''.join(rng.choice(list(ALPHABET), 7))
    for c in painted:
        if rng.random() < spurious: probs.append(np.eye(36)[ALPHABET.index('I')]*.3)
        if rng.random() < missed: continue
        probs.append(np.eye(36)[ALPHABET.index('8' if c == 'B' and rng.random() < shown else c)]*rng.uniform(.9, .99))
    n = len(probs)
    boxes = np.array([(10*i, 0, 10*i + 8, 20) for i in range(n)], float).reshape(n, 4)
    return Sample(np.array(probs).reshape(n, 36), boxes, [[np.arange(n)]], code)


@pytest.fixture(scope='module')
def fitted():
    rng = np.random.default_rng(0)
    return fit_decoder([sample(rng) for _ in range(600)], PLATE, ALPHABET)


def test_planted_rates_are_recovered_within_their_intervals(fitted):
    def near(found, p, n): return abs(found - p) < 3*(p*(1 - p)/n)**.5 + .005
    own = fitted.formats['plate']
    assert near(own.confusion['B']['8'], .15, 600*.96) and near(np.mean(own.deletion), .04, 600*7)
    assert fitted.insertion['I'] > .8 and own.prior > .95 and fitted.other < .05


def test_a_second_fit_gives_the_same_parameters(fitted):
    rng = np.random.default_rng(0)
    assert fit_decoder([sample(rng) for _ in range(600)], PLATE, ALPHABET) == fitted


def test_confidences_of_new_samples_are_calibrated(fitted):
    rng, d = np.random.default_rng(1), Decoder(PLATE, fitted)
    read = [(s, d.decode(s.probs, s.boxes, s.orders)) for s in (sample(rng) for _ in range(400))]
    mean = np.mean([r.confidence for _, r in read])
    assert abs(mean - np.mean([r.code == s.code for s, r in read])) < .06


def test_crops_of_other_text_count_as_such():
    rng = np.random.default_rng(2)
    other = fit_decoder([sample(rng, text=.3) for _ in range(300)], PLATE, ALPHABET)
    assert .2 < other.other < .4 and other.formats['plate'].confusion['B']['8'] == pytest.approx(.15, abs=.06)


def test_without_samples_the_prior_is_the_result():
    prior = fit_decoder([], PLATE, ALPHABET, {'B': '8'})
    assert prior.calibration == (1, 0) and prior.formats['plate'].deletion == (.01,)*7
    assert Decoder(PLATE, prior).decode([{c: .99} for c in '8AC1234']).code == 'BAC1234'
