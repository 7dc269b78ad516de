"""What notebook 04_where_it_went writes out by hand is what ddsp, SciPy and the formulas say."""

import numpy as np
import pytest

NOTEBOOK = "04_where_it_went"
RATE = 16000


@pytest.fixture(scope="module")
def glide():
    """A pitch that rises over half a second, (8000,), and three amplitudes, (8000, 3)."""
    f0_hz = np.linspace(200, 3000, 8000)
    return f0_hz, np.outer(np.linspace(0, 0.3, 8000), [1, 0.5, 0.2])


@pytest.fixture
def written(written_out):
    """A way to have functions of the notebook with what they find beside them there."""

    def functions(*names, **beside):
        made = written_out(NOTEBOOK, *names)
        made[0].__globals__.update(sample_rate=RATE, **beside)
        return made

    return functions


def test_bank_of_sines_is_ddsps(written, ddsp, glide):
    f0_hz, amplitudes = glide
    bank, _ = written("bank", "phase")
    hz = (f0_hz[:, None] * [1, 2, 3]).astype(np.float32)
    theirs = ddsp.core.oscillator_bank(hz[None], amplitudes[None].astype(np.float32), RATE)
    # ddsp adds up 8000 steps in float32; the phase of the third harmonic reaches 15000 radians.
    np.testing.assert_allclose(bank(f0_hz, amplitudes), theirs[0], atol=0.02)


def test_wavetable_is_read_as_ddsp_reads_it(written, ddsp):
    read, _ = written("read", "phase")
    table = np.random.default_rng(0).normal(size=64).astype(np.float32)
    at = np.random.default_rng(1).uniform(0, 1, 500).astype(np.float32)
    theirs = ddsp.core.linear_lookup(at[None, :, None], table[None])
    # float32 keeps seven digits of the position, and the table jumps from value to value.
    np.testing.assert_allclose(read(table, at + 3), theirs[0], atol=1e-3)


def test_strings_partials_are_stretched_and_two_strings_beat(written):
    (struck,) = written("struck")
    one = struck(57, stiffness=1e-3, detune_cents=0)
    hz = np.fft.rfftfreq(len(one), 1 / RATE)
    spectrum = np.abs(np.fft.rfft(one * np.hanning(len(one))))
    for k in (1, 5, 10):
        expected = 220 * k * np.sqrt(1 + 1e-3 * k**2)
        near = np.abs(hz - expected) < 40
        # Bins lie half a hertz apart.
        assert hz[near][spectrum[near].argmax()] == pytest.approx(expected, abs=0.6)
    # 20 cents at 220 Hz beat 2.5 times a second: the fundamental cancels after 0.2 s.
    two, here = struck(57, stiffness=0, detune_cents=20), slice(2900, 3500)
    assert np.std(two[here]) < 0.7 * np.std(struck(57, stiffness=0, detune_cents=0)[here])


def test_throat_resonates_at_its_formants_and_has_a_gain_of_one_at_0_hz(written):
    (throat,) = written("throat")
    a = throat((500, 1500, 2500))
    assert a.shape == (7,)
    poles = np.roots(a)
    centres = np.sort(np.angle(poles[poles.imag > 0])) * RATE / (2 * np.pi)
    np.testing.assert_allclose(centres, [500, 1500, 2500], rtol=1e-6)
    assert np.abs(poles).max() < 1


def test_singing_in_frames_is_one_filter_if_the_throat_stands_still(written):
    from scipy.signal import lfilter

    sing, throat = written("sing", "throat", lfilter=lfilter)
    source = np.random.default_rng(0).normal(size=1000)
    a = throat((500, 1500, 2500))
    whole = lfilter([a.sum()], a, source)
    np.testing.assert_allclose(sing(source, np.tile((500, 1500, 2500), (1000, 1))), whole)


def test_glottal_pulse_opens_more_slowly_than_it_closes(written):
    (glottal,) = written("glottal")
    for openness in (0.3, 0.6, 1.0):
        slope = glottal(openness)
        assert slope.sum() == pytest.approx(0, abs=1e-9)  # the flow comes back to where it was
        assert slope.max() < 0.6 < -slope.min()


def test_linear_prediction_finds_the_resonances_of_noise(written):
    from scipy.linalg import solve_toeplitz
    from scipy.signal import lfilter

    throat, linear_prediction, resonances = written(
        "throat", "linear_prediction", "resonances", solve_toeplitz=solve_toeplitz
    )
    # Its spectrum falls, like that of a voice's source.
    noise = np.cumsum(np.random.default_rng(0).normal(size=16000))
    sung = lfilter([1], throat((500, 1500, 2500)), noise)
    found = resonances(linear_prediction(sung))
    # One second of noise measures a resonance to within a fraction of its width, 80 to 140 Hz.
    np.testing.assert_allclose(found, [500, 1500, 2500], atol=30)


@pytest.mark.parametrize("hop_size", [1, 7, 64])
def test_each_click_is_answered_at_the_end_of_its_frame(written, hop_size):
    (answered,) = written("answered")
    clicks = np.zeros(1000)
    at = np.array([0, 63, 64, 200, 930])
    clicks[at] = 1
    expected = np.unique(-(-(at + 1) // hop_size) * hop_size)
    assert answered(clicks, hop_size).tolist() == expected.tolist()
