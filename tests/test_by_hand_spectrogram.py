"""What notebook 03_spectrogram writes out by hand is what TensorFlow, ddsp, scipy and IPython do."""

import ast
import base64
import io
import re
import struct
import types

import numpy as np
import pytest
from scipy.io import wavfile

NOTEBOOK = "03_spectrogram"


def noise(seed, n_samples=8000):
    """Noise that grows from -60 dB to full scale, (n_samples,) float32."""
    rng = np.random.default_rng(seed)
    return (rng.uniform(-1, 1, n_samples) * np.geomspace(1e-3, 1, n_samples)).astype(np.float32)


@pytest.fixture(scope="module")
def by_hand(written_out):
    """The notebook's functions by name, with what its cells import around them."""

    def functions(*names):
        found = written_out(NOTEBOOK, *names)
        found[0].__globals__.update(struct=struct, io=io, DB_PER_NEPER=20 / np.log(10))
        return found

    return functions


@pytest.mark.parametrize(("size", "hop"), [(256, 64), (768, 192), (1000, 99), (64, 100)])
@pytest.mark.parametrize("n_samples", [8000, 7999, 100])
def test_frames_are_tensorflows(n_samples, size, hop, by_hand, tf):
    (frame,) = by_hand("frame")
    x = noise(1, n_samples)
    theirs = tf.signal.frame(x, size, hop, pad_end=True)
    np.testing.assert_array_equal(frame(x, size, hop), theirs)


@pytest.mark.parametrize("size", [2, 768, 769, 2048, 2047])
def test_window_is_tensorflows_even_where_it_is_odd(size, by_hand, tf):
    (hann,) = by_hand("hann")
    # A float32 cosine.
    np.testing.assert_allclose(hann(size), tf.signal.hann_window(size), atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 512, 768, 1024, 1025])
def test_power_of_two_is_tensorflows(n, by_hand, tf):
    (power_of_two,) = by_hand("power_of_two")
    bins = tf.signal.stft(np.zeros(4096, np.float32), n, max(n // 4, 1)).shape[-1]
    assert power_of_two(n) // 2 + 1 == bins


@pytest.mark.parametrize(("size", "overlap"), [(768, 0.75), (1000, 0.9), (2048, 0.75), (129, 0.0)])
def test_stft_and_magnitude_are_ddsps(size, overlap, by_hand, ddsp):
    *_, stft, magnitude_of = by_hand("frame", "hann", "power_of_two", "stft", "magnitude_of")
    x = noise(2)
    ours = stft(x, size, overlap)
    # Sums over a frame, in float32: magnitudes reach some tens.
    np.testing.assert_allclose(ours, ddsp.spectral_ops.stft(x, size, overlap), atol=1e-3)
    theirs = ddsp.spectral_ops.compute_mag(x, size, overlap)
    np.testing.assert_allclose(magnitude_of(ours), theirs, atol=1e-3)


def test_safe_log_is_ddsps(by_hand, ddsp):
    (safe_log,) = by_hand("safe_log")
    x = np.r_[0, -1, 10 ** np.random.default_rng(3).uniform(-12, 3, 100)].astype(np.float32)
    # float32, with logarithms of up to 28.
    np.testing.assert_allclose(safe_log(x), ddsp.core.safe_log(x), atol=1e-5)


@pytest.mark.parametrize("size", [512, 768, 2048])
def test_full_scale_is_a_sines(size, by_hand, ddsp):
    (full_scale,) = by_hand("full_scale")
    # In the middle of a bin of either FFT: 1 kHz is bin 32 of 512, 64 of 1024, 128 of 2048.
    sine = np.sin(2 * np.pi * 1000 / 16000 * np.arange(8000)).astype(np.float32)
    theirs = ddsp.spectral_ops.compute_logmag(sine, size=size).numpy().max()
    assert abs(full_scale(size) - theirs) < 1e-3


def test_picture_is_specplots(by_hand, ddsp):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from ddsp.training import plotting

    names = ("frame", "hann", "power_of_two", "stft", "magnitude_of", "safe_log", "picture_of")
    *_, picture_of = by_hand(*names)
    x = noise(4)
    plotting.specplot(x)
    theirs = plt.gca().images[0].get_array()
    plt.close()
    # Noise whose softest bins are some 1e-4: float32 rounds them by a few per cent.
    np.testing.assert_allclose(np.maximum(picture_of(x), -5), np.maximum(theirs, -5), atol=0.05)


def test_cells_lie_around_what_they_measure(by_hand, ddsp):
    """A click of a tone is at its time and its frequency, within half a cell."""
    _, edges = by_hand("power_of_two", "edges")
    x = np.zeros(16000, np.float32)
    x[7000:7400] = np.hanning(400) * np.sin(2 * np.pi * 3000 / 16000 * np.arange(400))
    for size in (512, 768):
        picture = np.rot90(ddsp.spectral_ops.compute_mag(x, size=size))
        left, right, bottom, top = edges(picture.shape[1], size, size // 4)
        row, column = np.unravel_index(np.argmax(picture), picture.shape)
        seconds = left + (column + 0.5) * (right - left) / picture.shape[1]
        khz = top - (row + 0.5) * (top - bottom) / picture.shape[0]
        assert abs(seconds - 7200 / 16000) <= size / 8 / 16000 + 1e-9
        assert abs(khz - 3) < 0.5 * 16 / 512


@pytest.fixture(scope="module")
def colab_play(ddsp):
    """`colab_utils.play`, run alone, as a way to have its WAV file."""
    from pathlib import Path

    path = Path(ddsp.__file__).parent / "colab" / "colab_utils.py"
    tree = ast.parse(path.read_text("utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", None) == "play"]

    def play(sound):
        shown = []
        display = types.SimpleNamespace(HTML=str, display=shown.append)
        room = {"np": np, "io": io, "base64": base64, "wavfile": wavfile, "display": display}
        room |= {"DEFAULT_SAMPLE_RATE": 16000, "_play_count": 0}
        exec(compile(tree, str(path), "exec"), room)  # noqa: S102, it is ddsp's own
        room["play"](sound, ephemeral=False)
        return base64.b64decode(re.search(r'base64,([^"]+)"', shown[0])[1])

    return play


@pytest.mark.parametrize("peak", [0.001, 1.0, 1.6])
def test_whole_numbers_are_colabs_and_wrap(peak, by_hand, colab_play):
    (whole_numbers,) = by_hand("whole_numbers")
    x = (peak * noise(5)).astype(np.float32)
    np.testing.assert_array_equal(whole_numbers(x), np.frombuffer(colab_play(x)[44:], "<i2"))


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(400,), (200, 2)])
def test_wav_is_scipys(shape, kind, by_hand):
    _, wav_bytes = by_hand("chunk", "wav_bytes")
    data = (100 * np.abs(noise(6, 400))).astype(kind).reshape(shape)
    file = io.BytesIO()
    wavfile.write(file, 22050, data)
    assert wav_bytes(data, 22050) == file.getvalue()


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("shape", [(400,), (2, 200)])
def test_player_is_ipythons(shape, normalize, by_hand):
    from IPython.display import Audio

    *_, audio_data = by_hand("chunk", "wav_bytes", "audio_data")
    x = 0.3 * noise(7, 400).reshape(shape)
    assert audio_data(x, 16000, normalize) == Audio(x, rate=16000, normalize=normalize).data
