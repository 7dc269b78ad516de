"""CREPE: a convolutional network that hears the pitch of 64 ms of sound.

Written from the paper: J. W. Kim, J. Salamon, P. Li, J. P. Bello, "CREPE: A Convolutional
Representation for Pitch Estimation", ICASSP 2018. It reads the official weight files unchanged
and gives the same answers as the package `crepe` 0.0.16, whose place it takes behind
`import crepe` when that package is not installed.

The network looks at 1024 samples at 16 kHz and gives 360 numbers between 0 and 1: how much the
sound resembles each of 360 pitches, 20 cents apart, from 32.7 Hz (C1) to 1975 Hz (B6).
Explained in notebooks/02_timbre_transfer/04_features.ipynb.
"""

import bz2
import io
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ddsp_course import _paths, _tensorflow, crepe_fast, download
from ddsp_course.errors import CourseError, FetchError

SAMPLE_RATE = 16000
FRAME_SIZE = 1024
N_BINS = 360
CENTS_PER_BIN = 20.0
# The pitch of each bin in cents above 10 Hz; the first is C1 (32.70 Hz).
CENTS = 1997.3794084376191 + CENTS_PER_BIN * np.arange(N_BINS)

# Each size multiplies the numbers of filters by this (table in crepe's README; `full` is the
# paper's network).
SIZES = {"tiny": 4, "small": 8, "medium": 16, "large": 24, "full": 32}
_FILTERS = (32, 4, 4, 4, 8, 16)
_WIDTHS = (512, 64, 64, 64, 64, 64)

_URL = "https://github.com/marl/crepe/raw/models/model-{size}.h5.bz2"
# What git calls each official file: SHA-1 of "blob <size>\0" and the content.
_BLOB_IDS = {
    "tiny": "c7ef4f8e4d120f32c62803322a279cc2b055ca35",
    "small": "c3506b614de4b4775378cbaa8916edffe3cad406",
    "medium": "4eaf75ea3c8ba97756b4509d9efabcb6f0b6a1b1",
    "large": "93d3dc39fe2364a24b9f0f95b37307fed3faf1d8",
    "full": "073f07dd696b851136d59c46b777c909502ad9a1",
}

# Frames of `tiny` that go through the network at once, half a second of them; of the larger
# networks, whose arrays are wider, fewer.
_BATCH = 128

# Viterbi: the pitch moves by fewer than this many bins from one frame to the next.
_REACH = 12
_SELF_EMISSION = 0.1
# Frames of which the activation is kept until the path through them is settled, 20 s.
_PATIENCE = 5000


@dataclass(frozen=True)
class Crepe:
    """A CREPE network with its weights.

    Attributes:
      name: what `load` was asked for, such as "course" or "tiny".
      network: Keras model, frames (n, 1024) normalised by `normalise` to (n, 360) in 0..1.
    """

    name: str
    network: Any


def build(size="tiny"):
    """Return the Keras network of a size, its weights random. Figure 1 of the paper.

    The layers bear the names that the official weight files and
    `ddsp.losses.PretrainedCREPE` know them by.
    """
    tf = _tensorflow.load()
    layers = tf.keras.layers
    x = y = layers.Input((FRAME_SIZE,), name="input")
    y = layers.Reshape((FRAME_SIZE, 1, 1), name="input-reshape")(y)
    for i, (filters, width) in enumerate(zip(_FILTERS, _WIDTHS, strict=True), start=1):
        y = layers.Conv2D(
            filters * SIZES[size],
            (width, 1),
            strides=(4, 1) if i == 1 else (1, 1),
            padding="same",
            activation="relu",
            name=f"conv{i}",
        )(y)
        y = layers.BatchNormalization(name=f"conv{i}-BN")(y)
        y = layers.MaxPool2D((2, 1), name=f"conv{i}-maxpool")(y)
        y = layers.Dropout(0.25, name=f"conv{i}-dropout")(y)
    y = layers.Permute((2, 1, 3), name="transpose")(y)
    y = layers.Flatten(name="flatten")(y)
    y = layers.Dense(N_BINS, activation="sigmoid", name="classifier")(y)
    return tf.keras.Model(x, y, name=f"crepe_{size}")


def load(weights="course"):
    """Return a `Crepe` with weights.

    Args:
      weights: "course" for the weights that come with the course (`tiny`, trained by
        scripts/train_crepe.py); "tiny", "small", "medium", "large" or "full" for the official
        ones, which are fetched once into the user's cache; or a path to a `.h5` or `.h5.bz2`
        file of either kind.

    Raises:
      FetchError: official weights are not in the cache and could not be fetched.
      CourseError: the file is missing, or is not a file of CREPE weights.
    """
    if weights == "course":
        path = _paths.ASSETS / "crepe" / "course.h5"
    elif weights in SIZES:
        path = _fetch(weights)
    else:
        path = Path(weights)
    return Crepe(str(weights), _read(path))


def save(network, path, dtype="float32"):
    """Write a network's weights as `.h5`, in the layout of the official files.

    Args:
      network: Keras model from `build`.
      path: the file to write; it appears whole or not at all.
      dtype: "float16" halves the file; `load` makes float32 of it.
    """
    import h5py

    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    with h5py.File(partial, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        for layer in network.layers:
            group = file.create_group(layer.name)
            # Variables are called "conv1/kernel:0" here, and so lie in a group of that name.
            group.attrs["weight_names"] = [weight.name.encode() for weight in layer.weights]
            for weight in layer.weights:
                group.create_dataset(weight.name, data=weight.numpy().astype(dtype))
    partial.replace(path)


def normalise(frames):
    """Return frames (n, 1024) with mean 0 and standard deviation 1 each, as float32.

    Loudness is thereby out of the network's sight. A frame of silence stays zero.
    """
    frames = frames - frames.mean(axis=1, keepdims=True, dtype=np.float32)
    frames /= np.clip(frames.std(axis=1, keepdims=True), 1e-8, None)
    return frames.astype(np.float32, copy=False)


def activation(audio, model, hop_size=64, center=True, progress=False):
    """Return how much each moment of a sound resembles each pitch.

    Same as `crepe.get_activation`. `crepe_fast` does the arithmetic where it can, and else the
    plain network.

    Args:
      audio: (n_samples,) at 16 kHz.
      model: `Crepe`, from `load`.
      hop_size: samples from one frame to the next; 64 gives 250 frames a second.
      center: put 512 zeros before and after, so that frame i is centred on sample
        i * hop_size; the result then has 1 + n_samples // hop_size frames.
      progress: show a progress bar; or what to call in place of tqdm.

    Returns:
      (n_frames, 360) float32 in 0..1.

    Raises:
      CourseError: the sound is shorter than one frame.
    """
    return np.concatenate(list(_listen(audio, model, hop_size, center, progress)))


def to_f0(activation, viterbi=True):
    """Return pitch and confidence from what the network says.

    Args:
      activation: (n_frames, 360), from `activation`.
      viterbi: follow the likeliest path through the frames instead of each one's maximum.

    Returns:
      f0_hz: (n_frames,) float64.
      f0_confidence: (n_frames,) float32 in 0..1, the maximum of each frame.
    """
    return _to_f0([activation], viterbi)


def pitch(audio, model, hop_size=64, progress=False):
    """Return pitch and confidence of a sound: `to_f0` of its `activation`.

    The answer is the same, by Viterbi, but a long sound's activation, 360 numbers a frame, is
    never in memory as a whole.

    Args:
      audio, model, hop_size, progress: as those of `activation`.

    Returns:
      f0_hz, f0_confidence: as those of `to_f0`.

    Raises:
      CourseError: the sound is shorter than one frame.
    """
    return _to_f0(_listen(audio, model, hop_size, True, progress), viterbi=True)


def predict(
    audio,
    sr,
    model_capacity="full",
    viterbi=False,
    center=True,
    step_size=10,
    verbose=1,
):
    """Return the pitch of a sound, called as `crepe.predict` is.

    `ddsp.spectral_ops.compute_f0` calls this. Where the official weights are neither cached
    nor to be had, the course's own serve, with a warning.

    Args:
      audio: (n_samples,) or (n_samples, n_channels).
      sr: sample rate in Hz; other than 16000 is resampled.
      model_capacity: size of the official network, or anything else that `load` takes.
      viterbi: smooth the pitch over time.
      center: centre the frames on multiples of the step, by zeros at both ends.
      step_size: milliseconds from one frame to the next.
      verbose: 1 shows a progress bar, 0 does not.

    Returns:
      time: (n_frames,) in seconds.
      frequency: (n_frames,) in Hz.
      confidence: (n_frames,) in 0..1.
      activation: (n_frames, 360) in 0..1.
    """
    audio = np.asarray(audio, np.float32)
    if audio.ndim == 2:
        audio = audio.mean(axis=1)
    if sr != SAMPLE_RATE:
        import soxr

        audio = soxr.resample(audio, sr, SAMPLE_RATE)
    salience = activation(
        audio,
        _load_or_course(model_capacity),
        hop_size=int(SAMPLE_RATE * step_size / 1000),
        center=center,
        progress=bool(verbose),
    )
    frequency, confidence = to_f0(salience, viterbi)
    time = np.arange(len(confidence)) * step_size / 1000.0
    return time, frequency, confidence, salience


# ddsp reaches two names through `crepe.core`: the dictionary, to empty it, and the function.
core = sys.modules[__name__]
models = {}


def build_and_load_model(model_capacity):
    """Return the Keras network of a size with its weights, as `crepe.core` does for ddsp."""
    return _load_or_course(model_capacity).network


def _load_or_course(weights):
    if models.get(weights) is None:
        try:
            models[weights] = load(weights)
        except FetchError as error:
            models[weights] = load("course")
            warnings.warn(f"{error} The course's own weights serve instead.", stacklevel=3)
    return models[weights]


def _listen(audio, model, hop_size, center, progress):
    """Yield the activation (n, 360) of one batch of frames after the other."""
    from tqdm import tqdm

    audio = np.asarray(audio, np.float32)
    if center:
        audio = np.pad(audio, FRAME_SIZE // 2)
    if len(audio) < FRAME_SIZE:
        raise CourseError(
            f"CREPE needs at least {FRAME_SIZE} samples (64 ms) and got {len(audio)}: "
            "use a longer sound."
        )
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME_SIZE)[::hop_size]
    multiplier = model.network.get_layer("conv1").filters // _FILTERS[0]
    n_batch = max(32, _BATCH * SIZES["tiny"] // multiplier)
    fast = None
    if crepe_fast.fits(hop_size):
        fast = crepe_fast.prepare(model.network, hop_size, n_batch)
    starts = range(0, len(frames), n_batch)
    bar = progress if callable(progress) else tqdm
    for start in bar(starts, desc="pitch (CREPE)", unit="batch", disable=not progress):
        batch = frames[start : start + n_batch]
        if fast:
            said, unsure = fast(batch)
        else:
            said, unsure = np.empty((len(batch), N_BINS), np.float32), np.ones(len(batch), bool)
        if unsure.any():
            said[unsure] = _run(model.network, normalise(batch[unsure]))
        yield said


def _run(network, batch):
    # `network.predict` would do, but starts anew at each call and prints.
    run = getattr(network, "_course_run", None)
    if run is None:
        tf = _tensorflow.load()
        spec = tf.TensorSpec((None, FRAME_SIZE), tf.float32)
        run = tf.function(lambda x: network(x, training=False), input_signature=[spec])
        network._course_run = run
    return run(batch).numpy()


def _to_f0(activations, viterbi):
    """Return what `to_f0` does, of an activation that comes in batches (n, 360)."""
    if viterbi:
        paths = _viterbi(activations)
    else:
        paths = ((said, said.argmax(axis=1)) for said in activations)
    cents, confidence = zip(
        *((_local_average_cents(said, bins), said.max(axis=1)) for said, bins in paths),
        strict=True,
    )
    return 10.0 * 2.0 ** (np.concatenate(cents) / 1200.0), np.concatenate(confidence)


def _local_average_cents(activation, bins):
    """Return the mean pitch (n_frames,) of the 9 bins around `bins`, weighted by activation."""
    near = bins[:, None] + np.arange(-4, 5)
    inside = (near >= 0) & (near < N_BINS)
    near = near.clip(0, N_BINS - 1)
    weights = np.take_along_axis(activation, near, axis=1).astype(np.float64) * inside
    return (weights * CENTS[near]).sum(axis=1) / weights.sum(axis=1)


def _viterbi(activations):
    """Yield the frames of an activation that comes in batches (n, 360), and with them the
    likeliest path of bins (n,) given each frame's loudest bin.

    The hidden Markov model of `crepe.core.to_viterbi_cents`: 360 states; a step of d bins has
    a weight of 12 - |d|; a state shows itself with probability 0.1, and else anything. Only
    the 23 states within reach are compared at each step, all 360 states at once.

    What is still to come chooses among 360 paths, one to each state. They are one and the same
    path but for the last frames, some 20 of them in music and 100 in noise: all frames before
    are settled. Where they differ for `_PATIENCE` frames, since the loudest bin leaps to and fro
    all the while, half of those go by the path that is the likeliest so far.
    """
    steps = np.arange(1 - _REACH, _REACH)
    bins = np.arange(N_BINS)
    origins = bins[:, None] + steps
    inside = (origins >= 0) & (origins < N_BINS)
    transition = np.maximum(_REACH - np.abs(bins[:, None] - bins), 0.0)
    transition /= transition.sum(axis=1, keepdims=True)
    # log_step[j, k]: from state origins[j, k] to state j.
    log_step = np.full(origins.shape, -np.inf)
    log_step[inside] = np.log(transition[origins.clip(0, N_BINS - 1), bins[:, None]][inside])

    log_other = np.log((1 - _SELF_EMISSION) / N_BINS)
    log_self = np.log(_SELF_EMISSION + (1 - _SELF_EMISSION) / N_BINS)

    def trace(state, choices):
        """Return the path (n,) that leads to all of the states, -1 where there are several."""
        path = np.full(len(choices), -1)
        for t in reversed(range(len(choices))):
            state = state + steps[choices[t, state]]
            if (state == state[0]).all():
                state = state[:1]
                path[t] = state[0]
        return path

    padded = np.full(N_BINS + 2 * (_REACH - 1), -np.inf)
    score = padded[_REACH - 1 : 1 - _REACH]
    reachable = np.lib.stride_tricks.sliding_window_view(padded, len(steps))
    best = np.full(N_BINS, np.log(1 / N_BINS))
    waiting = np.empty((0, N_BINS), np.float32)
    # choices[t, j]: by which step the best path to state j, a frame later, leaves frame t.
    choices = np.empty((0, N_BINS), np.uint8)
    for said in activations:
        waiting = np.concatenate([waiting, said])
        choices = np.concatenate([choices, np.empty(said.shape, np.uint8)])
        for t, loudest in enumerate(said.argmax(axis=1), start=len(waiting) - len(said)):
            # Added in hmmlearn's order, since a rounding error would decide a tie.
            score[:] = best + log_other
            score[loudest] = best[loudest] + log_self
            candidates = reachable + log_step
            # Ties are common, and hmmlearn, which `crepe` calls, gives them to the highest state.
            choices[t] = len(steps) - 1 - candidates[:, ::-1].argmax(axis=1)
            best = candidates[bins, choices[t]]
        path = trace(bins, choices)
        n_settled = np.count_nonzero(path >= 0)
        if len(path) - n_settled > _PATIENCE:
            path = trace(best.argmax(keepdims=True), choices)
            n_settled = len(path) - _PATIENCE // 2
        yield waiting[:n_settled], path[:n_settled]
        waiting, choices = waiting[n_settled:], choices[n_settled:]
    last = score.argmax(keepdims=True)
    yield waiting, np.append(trace(last, choices[:-1]), last)


def _read(path):
    """Return the Keras network whose weights lie in an `.h5` or `.h5.bz2` file."""
    import h5py

    path = Path(path)
    try:
        data = bz2.decompress(path.read_bytes()) if path.suffix == ".bz2" else path.read_bytes()
        with h5py.File(io.BytesIO(data), "r") as file:
            n_filters = file["conv1"][file["conv1"].attrs["weight_names"][0]].shape[-1]
            multiplier = n_filters / _FILTERS[0]
            size = next(size for size, number in SIZES.items() if number == multiplier)
            network = build(size)
            for layer in network.layers:
                if layer.weights:
                    group = file[layer.name]
                    names = group.attrs["weight_names"]
                    layer.set_weights([group[name][()].astype(np.float32) for name in names])
    except FileNotFoundError as error:
        raise CourseError(
            f"There are no CREPE weights at {path}: give the path of a .h5 or .h5.bz2 file, "
            f"or one of course, {', '.join(SIZES)}."
        ) from error
    except (OSError, KeyError, ValueError, EOFError, StopIteration) as error:
        raise CourseError(
            f"{path} is not a file of CREPE weights ({error}): fetch it again, or use "
            "the weights called course."
        ) from error
    return network


def _fetch(size):
    """Return the path of an official weight file in the cache, fetched when it is not there."""
    path = _paths.cache() / "crepe" / f"model-{size}.h5.bz2"
    address = _URL.format(size=size)
    download.fetch(address, path, "git:" + _BLOB_IDS[size], f"CREPE's {size} weights")
    return path
