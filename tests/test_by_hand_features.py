"""What notebooks 04_pitch and 05_loudness write out by hand is what crepe, librosa and ddsp compute."""

from itertools import product

import numpy as np
import pytest

from ddsp_course import conditioning, crepe, features
from ddsp_course.viterbi import follow

PITCH, LOUDNESS = "04_pitch", "05_loudness"
SEEDS = [1, 2]


@pytest.fixture(scope="module")
def activation():
    """Rows of 360 numbers with a hump each, at the ends of the range too."""
    rng = np.random.default_rng(0)
    middles = np.r_[0, 2, 357, 359, rng.uniform(0, 359, 60)]
    humps = np.exp(-0.5 * ((np.arange(360) - middles[:, None]) / 2) ** 2)
    return (0.9 * humps + rng.uniform(0, 0.05, humps.shape)).astype(np.float32)


def observed(seed, n_states, frames):
    """Notes of several lengths, with lies in between."""
    rng = np.random.default_rng(seed)
    seen = np.repeat(rng.integers(0, n_states, frames), rng.integers(1, 20, frames))[:frames]
    lies = rng.uniform(size=frames) < 0.1
    return np.where(lies, rng.integers(0, n_states, frames), seen)


@pytest.mark.parametrize("seed", SEEDS)
def test_normalised(seed, written_out):
    (normalised,) = written_out(PITCH, "normalised")
    rng = np.random.default_rng(seed)
    frames = rng.normal(0.3, 10.0 ** rng.uniform(-4, 0, (9, 1)), (9, 1024))
    frames[0] = 0
    # An offset of 0.3 on samples of 1e-4 leaves float32 three to four digits.
    np.testing.assert_allclose(
        normalised(frames), crepe.normalise(frames.astype(np.float32)), atol=5e-3
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("length", "width", "stride"), [(1024, 512, 4), (128, 64, 1), (30, 7, 3)])
def test_convolve(length, width, stride, seed, written_out, tf):
    (convolve,) = written_out(PITCH, "convolve")
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(length, 3)).astype(np.float32)
    kernel = rng.normal(size=(width, 3, 5)).astype(np.float32)
    bias = rng.normal(size=5).astype(np.float32)
    theirs = tf.nn.conv1d(x[None], kernel, stride, "SAME")[0] + bias
    # Sums of up to 1536 products of about 1 in float32.
    np.testing.assert_allclose(convolve(x, kernel, bias, stride), theirs, atol=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_crepe_by_hand(seed, written_out, tf):
    crepe_by_hand = written_out(PITCH, "convolve", "layer", "crepe_by_hand")[-1]
    rng = np.random.default_rng(seed)
    network = crepe.load("course").network
    turn = 2 * np.pi * rng.uniform(60, 1500) / 16000 * np.arange(1024)
    sound = np.sin(turn) + np.sin(2 * turn + 1) + 0.1 * rng.normal(size=1024)
    frame = crepe.normalise(sound[None])
    seen = crepe_by_hand(frame[0], network.get_weights())
    shapes = [(1024, 1), (128, 128), (64, 16), (32, 16), (16, 16), (8, 32), (4, 64), (360,)]
    assert [values.shape for values in seen] == shapes
    # Six layers of float32 sums, whose errors the sigmoid passes on at a quarter.
    np.testing.assert_allclose(seen[-1], network(tf.constant(frame), training=False)[0], atol=1e-4)
    assert seen[-1].max() > 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_target_and_cross_entropy(seed, written_out, tf):
    target, cross_entropy = written_out(PITCH, "target", "cross_entropy")
    rng = np.random.default_rng(seed)
    wanted = target(rng.uniform(40, 1900), crepe.CENTS)
    assert wanted.max() > 0.9
    # Half a semitone from the pitch, the bell of 25 cents has fallen to exp(-2).
    np.testing.assert_allclose(
        target(10 * 2 ** (crepe.CENTS[7] / 1200), crepe.CENTS + 50)[7], np.exp(-2)
    )
    said = rng.uniform(0.001, 0.999, 360)
    # Keras adds 1e-7 to each probability before its logarithm.
    np.testing.assert_allclose(
        cross_entropy(wanted, said),
        tf.keras.losses.BinaryCrossentropy()(wanted[None], said[None]),
        rtol=1e-4,
    )


def test_weighted_hz(written_out, activation):
    weighted_hz = written_out(PITCH, "bin_to_cents", "cents_to_hz", "weighted_hz")[-1]
    theirs, _ = crepe.to_f0(activation, viterbi=False)
    np.testing.assert_allclose(weighted_hz(activation, activation.argmax(axis=1)), theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_resynthesised_has_the_pitch_and_the_amplitudes_that_were_measured(seed, written_out):
    (resynthesised,) = written_out(PITCH, "resynthesised")
    rng = np.random.default_rng(seed)
    hertz = rng.uniform(300, 900)
    turn = 2 * np.pi * hertz / 16000 * np.arange(8000)
    sound = 0.3 * np.sin(turn + 1) + 0.1 * np.sin(2 * turn)
    played = resynthesised(sound, np.full(26, hertz), 320)[2000:6000]
    spectrum = np.abs(np.fft.rfft(played * np.hanning(4000), 1 << 16))
    assert abs(spectrum.argmax() * 16000 / (1 << 16) / hertz - 1) < 1e-3
    # 4000 samples hold no whole number of periods.
    assert np.std(played) == pytest.approx(np.sqrt((0.3**2 + 0.1**2) / 2), rel=0.03)


def test_autocorrelation_finds_the_period(written_out):
    (by_autocorrelation,) = written_out(PITCH, "by_autocorrelation")
    by_autocorrelation.__globals__["hop_20ms"] = 320
    for hertz in (150, 311.1, 700):
        turn = 2 * np.pi * hertz / 16000 * np.arange(8000)
        found = by_autocorrelation(np.sin(turn) + 0.5 * np.sin(2 * turn))[3:-3]
        # A frame's end tapers the sum, which pulls the summit towards short periods.
        np.testing.assert_allclose(found, hertz, rtol=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_viterbi_is_the_best_of_all_paths(seed, written_out):
    _, _, viterbi, likelihood = written_out(
        PITCH, "transition_matrix", "emission_matrix", "viterbi", "likelihood"
    )
    rng = np.random.default_rng(seed)
    model = tuple(
        rows / rows.sum(axis=-1, keepdims=True)
        for rows in (rng.uniform(size=4), rng.uniform(size=(4, 4)), rng.uniform(size=(4, 4)))
    )
    seen = rng.integers(0, 4, 6)
    path, score = viterbi(seen, *model)
    best = max(likelihood(one, seen, *model) for one in product(range(4), repeat=6))
    assert np.isclose(likelihood(path, seen, *model), best)
    assert np.isclose(score[-1].max(), best)


@pytest.mark.parametrize("seed", SEEDS)
def test_viterbi_follows_the_path_of_crepe(seed, written_out):
    transition_matrix, emission_matrix, viterbi = written_out(
        PITCH, "transition_matrix", "emission_matrix", "viterbi"
    )
    seen = observed(seed, 360, 200)
    model = (np.full(360, 1 / 360), transition_matrix(360, 12), emission_matrix(360, 0.1))
    path, _ = viterbi(seen, *model)
    # One bright bin a frame shows the package what was seen.
    theirs = [bins for _, bins in follow([np.eye(360)[seen]])]
    np.testing.assert_array_equal(path, np.concatenate(theirs))


def test_a_weighting(written_out):
    import librosa

    (a_weighting_db,) = written_out(LOUDNESS, "a_weighting_db")
    hz = np.r_[1e-2, np.geomspace(1, 8000, 300)]
    # The same formula in another order.
    np.testing.assert_allclose(a_weighting_db(hz), librosa.A_weighting(hz), atol=1e-6)
    assert a_weighting_db(0) == -80
    # As IEC 61672 tables it, rounded to tenths.
    table = {31.5: -39.4, 100: -19.1, 1000: 0, 4000: 1.0, 8000: -1.1}
    for frequency, db in table.items():
        # The table's 31.5 Hz stands for 31.62, the tenth step of a decade.
        assert abs(a_weighting_db(frequency) - db) < 0.15


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_samples", [6400, 6465])
def test_loudness(n_samples, seed, written_out, ddsp):
    loudness = written_out(LOUDNESS, "a_weighting_db", "power_spectrogram", "loudness")[-1]
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=n_samples) * np.geomspace(1e-6, 1, n_samples)
    sound = sound.astype(np.float32)
    with np.errstate(divide="ignore"):
        theirs = ddsp.spectral_ops.compute_loudness(sound)
    assert theirs.numpy().min() == pytest.approx(-80)
    # float32 spectra: their rounding is far below the mean of 257 powers.
    np.testing.assert_allclose(loudness(sound), theirs, atol=5e-3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_samples", [6400, 6465])
def test_loudness_of_ddsp_1(n_samples, seed, written_out):
    _, loudness_1 = written_out(LOUDNESS, "a_weighting_db", "loudness_1")
    rng = np.random.default_rng(seed)
    sound = (rng.normal(size=n_samples) * np.geomspace(1e-4, 1, n_samples)).astype(np.float32)
    np.testing.assert_allclose(loudness_1(sound), features.loudness_db(sound, "ddsp1"), atol=5e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_note_ratio(seed, written_out):
    (note_ratio,) = written_out(LOUDNESS, "note_ratio")
    rng = np.random.default_rng(seed)
    sounding = np.repeat(rng.uniform(size=20) > 0.4, 40)
    confidence = np.where(sounding, rng.uniform(0.8, 1, 800), rng.uniform(0, 0.1, 800))
    loudness_db = np.where(sounding, -10.0, -60.0) + rng.normal(size=800)
    ratio = note_ratio(loudness_db, confidence)
    mask, theirs = conditioning.detect_notes(loudness_db, confidence)
    # A float32 mean of 40 numbers.
    np.testing.assert_allclose(np.clip(ratio, 0, 1), theirs, atol=1e-4)
    assert 0 < mask.mean() < 1
