"""CREPE: a convolutional network that estimates the pitch of 64 ms of audio.

Written from the paper: J. W. Kim, J. Salamon, P. Li, J. P. Bello, "CREPE: A Convolutional
Representation for Pitch Estimation", ICASSP 2018. It reads the official weight files unchanged
and gives the same results as the package `crepe` 0.0.16, which `crepe_package` replaces.

The network takes 1024 samples at 16 kHz and returns 360 numbers between 0 and 1: how much the
audio resembles each of 360 pitches, 20 cents apart, from 31.7 to 2005.5 Hz.
Explained in notebooks/02_timbre_transfer/04_pitch.ipynb.
"""

import bz2
import functools
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ddsp_course import _paths, download, files, viterbi
from ddsp_course._tensorflow import tf
from ddsp_course.errors import CourseError, one_line
from ddsp_course.fast import crepe as fast_crepe
from ddsp_course.units import HOP_SIZE

FRAME_SIZE = 1024
N_BINS = 360
CENTS_PER_BIN = 20.0
# The pitch of each bin in cents above 10 Hz. The first is 31.70 Hz, not C1 (32.70 Hz) as in the
# paper.
CENTS = 1997.3794084376191 + CENTS_PER_BIN * np.arange(N_BINS)

# The factor by which each size multiplies the numbers of filters (table in crepe's README; `full`
# is the paper's network).
SIZES = {"tiny": 4, "small": 8, "medium": 16, "large": 24, "full": 32}
_FILTERS = (32, 4, 4, 4, 8, 16)
_WIDTHS = (512, 64, 64, 64, 64, 64)

_URL = "https://github.com/marl/crepe/raw/models/model-{size}.h5.bz2"
# The git blob id of each official file: the SHA-1 of "blob <size>\0" and the content.
_BLOB_IDS = {
    "tiny": "c7ef4f8e4d120f32c62803322a279cc2b055ca35",
    "small": "c3506b614de4b4775378cbaa8916edffe3cad406",
    "medium": "4eaf75ea3c8ba97756b4509d9efabcb6f0b6a1b1",
    "large": "93d3dc39fe2364a24b9f0f95b37307fed3faf1d8",
    "full": "073f07dd696b851136d59c46b777c909502ad9a1",
}

# Frames per batch for `tiny`, half a second of audio. Larger networks, whose arrays are wider, get
# fewer.
_BATCH = 128


@dataclass(frozen=True)
class Crepe:
    """A CREPE network with its weights.

    Attributes:
      name: the argument of `load`, such as "course" or "tiny".
      network: Keras model that maps normalised frames (n, 1024), see `normalise`, to (n, 360) in
        0..1.
    """

    name: str
    network: Any

    @functools.cached_property
    def run(self):
        """The compiled network: maps normalised frames (n, 1024) to (n, 360) float32."""
        # `network.predict` also works, but has a start-up cost at each call, and prints.
        spec = tf.TensorSpec((None, FRAME_SIZE), tf.float32)
        compiled = tf.function(
            lambda frames: self.network(frames, training=False), input_signature=[spec]
        )
        return lambda frames: compiled(frames).numpy()


def build(size="tiny"):
    """Build the Keras network of a given size with random weights (figure 1 of the paper).

    The layers have the names that the official weight files and `ddsp.losses.PretrainedCREPE` use.

    Args:
      size: one of `SIZES`.

    Raises:
      CourseError: there is no such size.
    """
    if size not in SIZES:
        raise CourseError(f"CREPE has no size {size}: choose one of {', '.join(SIZES)}.")
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
    """Load a `Crepe` with its weights; each process reads a file once, unless it changes.

    Args:
      weights: "course" for the weights that come with the course (size `tiny`, trained with
        scripts/train_crepe.py); "tiny", "small", "medium", "large" or "full" for the official
        ones, which are downloaded once into the user's cache; or the path of a `.h5` or `.h5.bz2`
        file in the same layout.

    Raises:
      FetchError: official weights are not in the cache and could not be downloaded.
      CourseError: the file is missing, or does not contain CREPE weights.
    """
    if weights == "course":
        path = _paths.ASSETS / "crepe" / "course.h5"
    elif weights in SIZES:
        path = _fetch(weights)
    else:
        path = Path(weights)
    return _load_once(str(weights), path, path.stat().st_mtime_ns if path.exists() else None)


@functools.cache
def _load_once(name, path, _modified):
    return Crepe(name, _read(path))


def save(network, path, dtype="float32"):
    """Write a network's weights as `.h5`, in the layout of the official files.

    Args:
      network: Keras model from `build`.
      path: the file to write; it appears whole or not at all.
      dtype: "float16" halves the size of the file; `load` converts it to float32.
    """
    import h5py

    with files.whole_file(path) as part, h5py.File(part, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        for layer in network.layers:
            group = file.create_group(layer.name)
            # Variables have names such as "conv1/kernel:0", so h5py puts them in a nested group.
            group.attrs["weight_names"] = [weight.name.encode() for weight in layer.weights]
            for weight in layer.weights:
                group.create_dataset(weight.name, data=weight.numpy().astype(dtype))


def normalise(frames):
    """Scale each of the frames (n, 1024) to mean 0 and standard deviation 1; return float32.

    This makes the network invariant to loudness. A silent frame stays zero.
    """
    frames = frames - frames.mean(axis=1, keepdims=True, dtype=np.float32)
    frames /= np.clip(frames.std(axis=1, keepdims=True), 1e-8, None)
    return frames.astype(np.float32, copy=False)


def activation(audio, model, hop_size=HOP_SIZE, center=True, progress=False):
    """Return how much each frame of audio resembles each pitch.

    The result equals that of `crepe.get_activation`. `fast.crepe` computes it if it supports the
    hop size; otherwise the plain network does.

    Args:
      audio: (n_samples,) at 16 kHz.
      model: `Crepe`, from `load`.
      hop_size: samples from one frame to the next; 64 gives 250 frames a second.
      center: pad with 512 zeros at both ends, which centres frame i on sample i * hop_size; the
        result then has 1 + n_samples // hop_size frames.
      progress: True for a progress bar, or a tqdm-compatible callable.

    Returns:
      (n_frames, 360) float32 in 0..1.

    Raises:
      CourseError: the audio is shorter than one frame.
    """
    return np.concatenate(list(_activations(audio, model, hop_size, center, progress)))


def to_f0(activation, viterbi=True):
    """Convert the network's activation to pitch and confidence.

    Args:
      activation: (n_frames, 360), from `activation`.
      viterbi: follow the most likely path through the frames (`viterbi.follow`) instead of taking
        each frame's maximum.

    Returns:
      f0_hz: (n_frames,) float64.
      f0_confidence: (n_frames,) float32 in 0..1, the maximum of each frame.
    """
    return _to_f0([activation], viterbi)


def pitch(audio, model, hop_size=HOP_SIZE, progress=False):
    """Estimate pitch and confidence of audio: `activation`, then `to_f0` with Viterbi.

    The result is the same, but the whole activation of long audio, 360 numbers per frame, is never
    in memory at once.

    Args:
      audio, model, hop_size, progress: as in `activation`.

    Returns:
      f0_hz, f0_confidence: as from `to_f0`.

    Raises:
      CourseError: the audio is shorter than one frame.
    """
    return _to_f0(_activations(audio, model, hop_size, True, progress), use_viterbi=True)


def _activations(audio, model, hop_size, center, progress):
    """Yield the activation (n, 360) of each batch of frames in turn."""
    from tqdm import tqdm

    audio = np.asarray(audio, np.float32)
    if center:
        audio = np.pad(audio, FRAME_SIZE // 2)
    if len(audio) < FRAME_SIZE:
        raise CourseError(
            f"CREPE needs at least {FRAME_SIZE} samples (64 ms) but got {len(audio)}: "
            "use longer audio."
        )
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME_SIZE)[::hop_size]
    multiplier = model.network.get_layer("conv1").filters // _FILTERS[0]
    n_batch = max(32, _BATCH * SIZES["tiny"] // multiplier)
    run_fast = None
    if fast_crepe.fits(hop_size):
        run_fast = fast_crepe.prepare(model.network, hop_size, n_batch)
    starts = range(0, len(frames), n_batch)
    bar = progress if callable(progress) else tqdm
    for start in bar(starts, desc="pitch (CREPE)", unit="batch", disable=not progress):
        batch = frames[start : start + n_batch]
        if run_fast:
            activation, inexact = run_fast(batch)
            if inexact.any():
                activation[inexact] = model.run(normalise(batch[inexact]))
        else:
            activation = model.run(normalise(batch))
        yield activation


def _to_f0(activations, use_viterbi):
    """Return the result of `to_f0` for an activation that comes in batches (n, 360)."""
    if use_viterbi:
        paths = viterbi.follow(activations)
    else:
        paths = ((batch, batch.argmax(axis=1)) for batch in activations)
    cents, confidence = zip(
        *((_local_average_cents(batch, bins), batch.max(axis=1)) for batch, bins in paths),
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


def _read(path):
    """Read a Keras network from a `.h5` or `.h5.bz2` file of weights."""
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
            f"There are no CREPE weights at {path}: give the path of a .h5 or .h5.bz2 file, or "
            f"one of course, {', '.join(SIZES)}."
        ) from error
    except (OSError, KeyError, ValueError, EOFError, StopIteration) as error:
        raise CourseError(
            f"{path} does not contain CREPE weights ({one_line(error)}): download it again, or use "
            'the weights called "course".'
        ) from error
    return network


def _fetch(size):
    """Return the path of an official weight file in the cache, downloading it if necessary."""
    path = _paths.cache() / "crepe" / f"model-{size}.h5.bz2"
    address = _URL.format(size=size)
    download.fetch(address, path, "git:" + _BLOB_IDS[size], f"CREPE's {size} weights")
    return path
