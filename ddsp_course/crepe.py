"""CREPE: pitch from a convolutional network on 1024 samples of sound (Kim et al., ICASSP 2018).

The network as published, in plain TensorFlow, loads the official `.h5` weights of all five sizes
unchanged, and the course's own, which have the `tiny` size. `predict` takes and returns what
`crepe.predict` (crepe 0.0.16) does, so that `ddsp.spectral_ops.compute_f0` works with either.
Explained in notebooks/02_timbre_transfer/00_demo.ipynb.
"""

import bz2
import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddsp_course import _paths, _tensorflow
from ddsp_course.errors import AudioError, FetchError

SAMPLE_RATE = 16000
FRAME_SIZE = 1024
N_BINS = 360
CENTS_PER_BIN = 20
# The lowest bin, in cents above 10 Hz: 31.7 Hz, a C1 a little flat (crepe.core).
LOWEST_CENTS = 1997.3794084376191
# Git blob ids of the official files: the SHA-1 of "blob <size>\0" and the content.
OFFICIAL = {
    "tiny": "c7ef4f8e4d120f32c62803322a279cc2b055ca35",
    "small": "c3506b614de4b4775378cbaa8916edffe3cad406",
    "medium": "4eaf75ea3c8ba97756b4509d9efabcb6f0b6a1b1",
    "large": "93d3dc39fe2364a24b9f0f95b37307fed3faf1d8",
    "full": "073f07dd696b851136d59c46b777c909502ad9a1",
}
SIZES = tuple(OFFICIAL)
_URL = "https://github.com/marl/crepe/raw/models/model-{size}.h5.bz2"
_N_LAYERS = 6
_BATCH = 256
_BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Crepe:
    """A network ready to run.

    Attributes:
      name: where its weights are from: "course", an official size or a file's name.
      network: function from normalised frames (n, 1024) to activations (n, 360) in 0..1.
    """

    name: str
    network: object


def bin_frequencies():
    """Return the frequency of each of the 360 bins, in Hz, 20 cents apart: float64 (360,)."""
    return _cents_to_hz(LOWEST_CENTS + CENTS_PER_BIN * np.arange(N_BINS))


def load(weights="course"):
    """Build the network and load its weights.

    Args:
      weights: "course" (bundled), one of `SIZES` (official, fetched once into the user's
        cache), or the path of a `.h5` or `.h5.bz2` file.

    Returns:
      `Crepe`.

    Raises:
      FetchError: the official weights cannot be had, or the file is not CREPE's.
    """
    if weights == "course":
        path = _paths.ASSETS / "crepe" / "course.h5"
    elif weights in OFFICIAL:
        path = fetch(weights)
    else:
        path = Path(weights)
    return Crepe(str(weights), _network(_read_weights(path)))


def fetch(size):
    """Return the path of official weights, fetching them into the user's cache at need.

    Raises:
      FetchError: there is no network, or what came is not the official file.
    """
    import pooch

    folder = _paths.cache() / "crepe"
    path = folder / f"model-{size}.h5.bz2"
    if path.exists() and _git_blob_id(path.read_bytes()) == OFFICIAL[size]:
        return path
    url = _URL.format(size=size)
    arriving = path.with_name(path.name + ".new")
    try:
        pooch.retrieve(url, None, arriving.name, folder, progressbar=True)
        content = arriving.read_bytes()
    except Exception as error:
        raise FetchError(
            f"CREPE's official {size!r} weights could not be fetched from {url} "
            f'({type(error).__name__}): check the network, or use weights="course", '
            "which need none."
        ) from error
    if _git_blob_id(content) != OFFICIAL[size]:
        arriving.unlink()
        raise FetchError(
            f"What {url} sent is not CREPE's official {size!r} file: try again on a network "
            'without a login page, or use weights="course".'
        )
    arriving.replace(path)
    return path


def activation(audio, model, hop_size=64, progress=False):
    """Run the network over audio that is padded already.

    Args:
      audio: float (n_samples,) at 16 kHz.
      model: from `load`.
      hop_size: samples from one frame to the next; 64 is 4 ms.
      progress: show a progress bar.

    Returns:
      float32 (n_frames, 360) in 0..1, n_frames = 1 + (n_samples - 1024) // hop_size.

    Raises:
      AudioError: the audio is shorter than one frame of 1024 samples.
    """
    from tqdm.auto import tqdm

    audio = np.asarray(audio, np.float32)
    if len(audio) < FRAME_SIZE:
        raise AudioError(
            f"CREPE needs at least {FRAME_SIZE} samples (64 ms at 16 kHz) and got {len(audio)}: "
            "use a longer sound."
        )
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME_SIZE)[::hop_size]
    result = np.empty((len(frames), N_BINS), np.float32)
    with tqdm(total=len(frames), desc="pitch", unit="frame", disable=not progress) as bar:
        # A few frames at a time: all of ten minutes at once would take 600 MB.
        for start in range(0, len(frames), _BATCH):
            part = frames[start : start + _BATCH]
            part = part - part.mean(axis=1, keepdims=True)
            part /= np.maximum(part.std(axis=1, keepdims=True), 1e-8)
            result[start : start + _BATCH] = model.network(part).numpy()
            bar.update(len(part))
    return result


def to_f0(activation, viterbi=True):
    """Read pitch and confidence out of the activation.

    Args:
      activation: (n_frames, 360) in 0..1.
      viterbi: follow the likeliest path in time; else take the highest bin of each frame.

    Returns:
      f0_hz: float64 (n_frames,), the activation-weighted mean of the 9 bins around the peak.
      f0_confidence: float32 (n_frames,) in 0..1, the activation's maximum.
    """
    peaks = viterbi_path(activation) if viterbi else activation.argmax(axis=1)
    near = peaks[:, None] + np.arange(-4, 5)
    inside = (near >= 0) & (near < N_BINS)
    near = np.clip(near, 0, N_BINS - 1)
    weights = np.where(inside, np.take_along_axis(activation, near, axis=1), 0).astype(float)
    cents = LOWEST_CENTS + CENTS_PER_BIN * near
    total = weights.sum(axis=1)
    mean = (weights * cents).sum(axis=1) / np.where(total > 0, total, 1)
    f0_hz = np.where(total > 0, _cents_to_hz(mean), 0.0)
    return f0_hz, activation.max(axis=1)


def viterbi_path(activation):
    """Return the likeliest sequence of bins, (n_frames,) int (crepe.core.to_viterbi_cents).

    A hidden Markov model whose hidden state is the true bin: it moves by at most 11 bins a frame,
    the nearer the likelier, and is observed as the highest bin of the frame.
    """
    reach = 11
    offsets = np.arange(-reach, reach + 1)
    bins = np.arange(N_BINS)
    distance_weight = np.maximum(12 - np.abs(bins[:, None] - bins), 0)
    transition = distance_weight / distance_weight.sum(axis=1, keepdims=True)
    came_from = bins[:, None] + offsets
    inside = (came_from >= 0) & (came_from < N_BINS)
    # Only this band of 23 of the 360 x 360 matrix is not zero.
    band = np.full((N_BINS, len(offsets)), -np.inf)
    rows = np.clip(came_from, 0, N_BINS - 1)
    band[inside] = np.log(transition[rows, bins[:, None]][inside])

    seen = activation.argmax(axis=1)
    self_emission = 0.1
    miss = (1 - self_emission) / N_BINS
    # Summed term by term as hmmlearn does, so that ties round the same way.
    emission = np.full((N_BINS, N_BINS), np.log(miss))
    np.fill_diagonal(emission, np.log(self_emission + miss))
    score = np.log(1 / N_BINS) + emission[seen[0]]
    steps = np.zeros((len(seen), N_BINS), np.int8)
    padded = np.full(N_BINS + 2 * reach, -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(offsets))
    for t in range(1, len(seen)):
        padded[reach:-reach] = score
        candidates = windows + band
        steps[t] = candidates.argmax(axis=1)
        score = candidates[bins, steps[t]] + emission[seen[t]]
    path = np.empty(len(seen), np.int64)
    path[-1] = score.argmax()
    for t in range(len(seen) - 1, 0, -1):
        path[t - 1] = path[t] + offsets[steps[t, path[t]]]
    return path


def predict(
    audio, sr, model_capacity="full", viterbi=False, center=True, step_size=10, verbose=1
):
    """Pitch of a sound, with the signature and the answer of `crepe.predict` (crepe 0.0.16).

    Where the official weights cannot be had, the course's answer instead, with a warning.

    Args:
      audio: (n_samples,) or (n_samples, n_channels).
      sr: sample rate in Hz.
      model_capacity: one of `SIZES`.
      viterbi: smooth the pitch over time.
      center: pad so that frame t is centred at t * step_size.
      step_size: milliseconds from frame to frame.
      verbose: 0 for no progress bar.

    Returns:
      time (s), frequency (Hz), confidence (0..1), each (n_frames,), and activation
      (n_frames, 360).
    """
    audio = np.asarray(audio, np.float32)
    if audio.ndim == 2:
        audio = audio.mean(axis=1)
    if sr != SAMPLE_RATE:
        import soxr

        audio = soxr.resample(audio, sr, SAMPLE_RATE)
    if center:
        audio = np.pad(audio, FRAME_SIZE // 2)
    result = activation(
        audio,
        _for_predict(model_capacity),
        hop_size=int(SAMPLE_RATE * step_size / 1000),
        progress=bool(verbose),
    )
    f0_hz, confidence = to_f0(result, viterbi)
    return np.arange(len(f0_hz)) * step_size / 1000.0, f0_hz, confidence, result


_loaded = {}


def _for_predict(size):
    """`predict` is called once a clip: keep each network that it has built."""
    if size not in _loaded:
        try:
            _loaded[size] = load(size)
        except FetchError as error:
            warnings.warn(f"{error} The course's weights are used.", stacklevel=3)
            _loaded[size] = load("course")
    return _loaded[size]


def _cents_to_hz(cents):
    return 10.0 * 2.0 ** (np.asarray(cents) / 1200.0)


def _git_blob_id(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _read_weights(path):
    """Read a Keras weight file: {layer name: list of arrays in Keras's order}."""
    import h5py

    try:
        content = Path(path).read_bytes()
        if content[:3] == b"BZh":
            content = bz2.decompress(content)
        with h5py.File(io.BytesIO(content), "r") as file:
            layers = {}
            for layer in file.attrs["layer_names"]:
                group = file[layer]
                names = group.attrs["weight_names"]
                name = layer.decode() if isinstance(layer, bytes) else layer
                layers[name] = [np.asarray(group[n], np.float32) for n in names]
        for i in range(1, _N_LAYERS + 1):
            if len(layers[f"conv{i}"]) != 2 or len(layers[f"conv{i}-BN"]) != 4:
                raise KeyError(f"conv{i}")
        if layers["classifier"][1].shape != (N_BINS,):
            raise KeyError("classifier")
    except (OSError, KeyError, EOFError, ValueError) as error:
        raise FetchError(
            f"{path} could not be read as CREPE weights ({error}): give a .h5 or .h5.bz2 file "
            f'in the layout of the official ones, one of {", ".join(SIZES)}, or "course".'
        ) from error
    return layers


def _network(layers):
    """Six convolutions, each with ReLU, batch norm and max pooling, then one dense layer."""
    tf = _tensorflow.load()
    convolutions = []
    for i in range(1, _N_LAYERS + 1):
        kernel, bias = layers[f"conv{i}"]
        gamma, beta, mean, variance = layers[f"conv{i}-BN"]
        scale = gamma / np.sqrt(variance + _BATCH_NORM_EPSILON)
        # Official kernels are two-dimensional with a width of one.
        kernel = kernel[:, 0] if kernel.ndim == 4 else kernel
        convolutions.append([tf.constant(w) for w in (kernel, bias, scale, beta - mean * scale)])
    dense, dense_bias = (tf.constant(w) for w in layers["classifier"])

    @tf.function(input_signature=[tf.TensorSpec([None, FRAME_SIZE], tf.float32)])
    def network(frames):
        x = frames[:, :, tf.newaxis]
        for i, (kernel, bias, scale, offset) in enumerate(convolutions):
            x = tf.nn.conv1d(x, kernel, stride=4 if i == 0 else 1, padding="SAME")
            x = tf.nn.relu(x + bias) * scale + offset
            x = tf.nn.max_pool1d(x, 2, 2, "VALID")
        x = tf.reshape(x, [tf.shape(x)[0], dense.shape[0]])
        return tf.sigmoid(x @ dense + dense_bias)

    return network
