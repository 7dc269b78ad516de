"""Synthesise audio from pitch and loudness curves of any length with a trained model.

The model plays windows of 8 s in turn, so an hour needs no more memory for it than a minute. Each
window continues with the network state, phase and noise of the one before, which gives the same
result as one long window.
Explained in notebooks/02_timbre_transfer/07_understanding_the_model.ipynb.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gin
import numpy as np

from ddsp_course._tensorflow import ddsp, tf, without_remarks
from ddsp_course.errors import CourseError
from ddsp_course.fast import gru, oscillator
from ddsp_course.features import FLOOR_DB, floor_db
from ddsp_course.units import HOP_SIZE

WINDOW = 2000  # frames; 8 s
REST = 250  # frames of silence before the audio, in which the network settles
MARGIN = 16  # frames discarded at both ends of a window, because filters reach over the edges
FADE = 160  # samples; 10 ms


@dataclass(frozen=True)
class Player:
    """A model compiled to play windows, each of which continues the one before.

    Attributes:
      play: function (f0_hz (n_frames,), loudness_db (n_frames,) in -80..0, noise (n_frames * 64,)
        in -1..1, state) -> (audio (2, n_frames * 64), state). The first row of the audio is
        everything except the reverb, the second the harmonics alone.
      state: state for the first window: the states of the network's GRUs, and the phases of the
        oscillators in cycles.
      n_frames: frames per window.
      advance: frames from the start of one window to the start of the next.
      seamless: whether state and phase carry over, which makes windows join without a seam.
      impulse_response: (n,) float32 of the model's reverb, or None if it has none.
    """

    play: Callable
    state: Any
    n_frames: int
    advance: int
    seamless: bool
    impulse_response: np.ndarray | None


def compile_player(model, n_frames=None, advance=None):
    """Compile a model: pitch and loudness curves in, audio out.

    The model is compiled with gin's current settings, which are global and must be its own. The
    compiled function no longer depends on them, so several instruments can play side by side.
    Models with identical settings share a function, so the second one costs next to nothing.

    Args:
      model: `ddsp.training.models.Autoencoder`, built with gin's current settings. It is not
        changed, and the player keeps the weights that it has now.
      n_frames: frames per window; None means `WINDOW`.
      advance: frames from one window to the next; None discards `MARGIN` at both ends, and a
        further second at the start if the model has a state that cannot carry over.

    Returns:
      `Player`.
    """
    n_frames = n_frames or WINDOW
    recurrent = [layer for layer in model.submodules if isinstance(layer, tf.keras.layers.RNN)]
    harmonics = [layer for layer in model.submodules if isinstance(layer, ddsp.synths.Harmonic)]
    has_state = set(recurrent) == set(gru.grus(model))
    # A network whose state does not carry over needs a second to settle, which is discarded.
    advance = advance or n_frames - MARGIN - (MARGIN if has_state else REST)
    key = (gin.config_str(), n_frames, advance)
    if key not in _compiled:
        _compiled[key] = _compile(model, n_frames, advance)
    function, state = _compiled[key]
    weights = [tf.identity(weight) for _, _, weight in _weights(model)]

    def play(f0_hz, loudness_db, noise, state):
        curves = [tf.constant(curve[None], tf.float32) for curve in (f0_hz, loudness_db, noise)]
        audio, state = function(*curves, state, weights)
        return np.array(audio), state

    rest = np.zeros(n_frames, np.float32)
    # The first call compiles, so it must happen while gin has the model's settings.
    with without_remarks():
        play(rest, rest, np.zeros(n_frames * HOP_SIZE, np.float32), state)
    impulse_response = None
    last = model.processor_group.processors[-1]
    if isinstance(last, ddsp.effects.Reverb):
        impulse_response = np.array(last.get_controls(tf.zeros([1, 1]))["ir"][0])
    seamless = has_state and set(harmonics) == set(oscillator.oscillators(model))
    return Player(play, state, n_frames, advance, seamless, impulse_response)


def model_loudness(loudness_db, definition):
    """Rescale loudness of a given definition to the range that today's ddsp feeds a network.

    ddsp divides decibels by 80 before the network; ddsp 1.6 divided them by 120.

    Args:
      loudness_db: any shape, measured with that definition.
      definition: see `features.loudness_db`.

    Returns:
      same shape, -80 (silence) to about 0.

    Raises:
      CourseError: there is no such definition.
    """
    return loudness_db * (FLOOR_DB / floor_db(definition))


def synthesize(player, f0_hz, loudness_db, n_samples, title="audio", progress=False):
    """Play curves of any length; return harmonics and noise separately, without reverb.

    Args:
      player: `Player`.
      f0_hz: (n_frames,) in Hz.
      loudness_db: (n_frames,), see `model_loudness`.
      n_samples: length of the result, at most n_frames * 64.
      title: title of the progress bar.
      progress: True for a progress bar, or a tqdm-compatible callable.

    Returns:
      harmonic, noise: (n_samples,) float32 each. Noise is everything except the harmonic
        synthesizer; the sum is the instrument without its reverb.

    Raises:
      CourseError: pitch or loudness is NaN or infinite.
    """
    from tqdm import tqdm

    if not (np.isfinite(f0_hz).all() and np.isfinite(loudness_db).all()):
        raise CourseError("Pitch or loudness contains NaN or infinity: extract them again.")
    n_frames, window, advance = len(f0_hz), player.n_frames, player.advance
    first = REST + MARGIN
    f0_hz = np.pad(f0_hz, (first, window), mode="edge")
    loudness_db = np.pad(loudness_db, (first, window), constant_values=FLOOR_DB)
    # The part of a window that no earlier one has played, except the margin at its end.
    is_new = slice((window - MARGIN - advance) * HOP_SIZE, None)
    # Row 0 is noise, row 1 harmonics.
    played = np.zeros((2, (first + n_frames + window) * HOP_SIZE), np.float32)
    fade = np.linspace(0, 1, FADE, dtype=np.float32)
    state = player.state
    rng = np.random.default_rng(0)
    noise = rng.uniform(-1, 1, window * HOP_SIZE).astype(np.float32)
    bar = progress if callable(progress) else tqdm
    starts = range(0, REST + n_frames, advance)
    for start in bar(starts, desc=title, unit="window", disable=not progress):
        frames = slice(start, start + window)
        rows, state = player.play(f0_hz[frames], loudness_db[frames], noise, state)
        rows[0] -= rows[1]
        new, at = rows[:, is_new], start * HOP_SIZE + is_new.start
        if start:
            # The two agree here, except with synthesizers and networks that are not seamless.
            new[:, :FADE] = played[:, at : at + FADE] * (1 - fade) + new[:, :FADE] * fade
        played[:, at : at + new.shape[1]] = new
        next_noise = rng.uniform(-1, 1, advance * HOP_SIZE).astype(np.float32)
        noise = np.concatenate([noise[advance * HOP_SIZE :], next_noise])
    filtered_noise, harmonic = played[:, first * HOP_SIZE :][:, :n_samples]
    return harmonic, filtered_noise


def mix(harmonic, noise, impulse_response=None, levels=(1.0, 1.0, 1.0)):
    """Mix the parts of an instrument's audio.

    Args:
      harmonic, noise: (n_samples,), from `synthesize`.
      impulse_response: (n,) of the instrument's reverb or any other; None for no reverb.
      levels: gains of harmonics, noise and reverb.

    Returns:
      (n_samples,) float32; the reverb's tail is cut off at the end.
    """
    dry = levels[0] * harmonic
    dry += levels[1] * noise
    if impulse_response is None or not levels[2]:
        return dry.astype(np.float32, copy=False)
    from scipy.signal import oaconvolve

    # Like ddsp.effects.Reverb: the first sample would repeat the dry audio.
    wet = oaconvolve(dry, np.r_[0.0, impulse_response[1:]].astype(np.float32))
    return (dry + levels[2] * wet[: len(dry)]).astype(np.float32)


# XLA keeps compiled code until the program ends, so caching it costs nothing more.
_compiled = {}


def _compile(model, n_frames, advance):
    """Return a compiled function of curves, noise, state and weights, and the first state."""
    oscillators = oscillator.oscillators(model)
    noises = [layer for layer in model.submodules if type(layer) is ddsp.synths.FilteredNoise]
    grus = gru.grus(model)
    last = model.processor_group.processors[-1]
    harmonics = (one for one in model.submodules if isinstance(one, ddsp.synths.Harmonic))
    harmonic_name = next((layer.name for layer in harmonics), None)

    # AutoGraph cannot parse the replaced methods, and ddsp does not need it.
    @tf.function(jit_compile=True, autograph=False)
    def window(f0_hz, loudness_db, noise, state, weights):
        states, phases = [], []
        stand_ins = [(model.preprocessor, "resample", lambda curve: curve[..., None])]
        for layer, value in zip(grus, state[0], strict=True):
            stand_ins.append((layer, "call", _continuing_gru(layer, value, advance, states)))
        for layer, phase in zip(oscillators, state[1], strict=True):
            stand_in = _continuing_oscillator(layer, phase, n_frames, advance, phases)
            stand_ins.append((layer, "get_signal", stand_in))
        for layer in noises:
            stand_ins.append((layer, "get_signal", _filter_of(layer, noise)))
        with _replaced(stand_ins), _weighted(model, weights):
            outputs = model({"f0_hz": f0_hz, "loudness_db": loudness_db}, training=False)
        if isinstance(last, ddsp.effects.Reverb):
            dry = outputs[last.name]["controls"]["audio"]
        else:
            dry = model.get_audio_from_outputs(outputs)
        harmonic = outputs[harmonic_name]["signal"] if harmonic_name else tf.zeros_like(dry)
        return tf.concat([dry, harmonic], axis=0), (states, phases)

    state = (
        [tf.zeros((1, layer.units)) for layer in grus],
        [tf.zeros((), tf.float64) for _ in oscillators],
    )
    return window, state


def _continuing_gru(layer, state, advance, states):
    """Return a `call` that starts from a state; it appends the state `advance` frames later."""

    def call(sequences, **_):
        path = gru.gru_states(layer, sequences, state)
        states.append(path[:, advance - 1])
        return path

    return call


def _continuing_oscillator(layer, phase, n_frames, advance, phases):
    """Return a `get_signal` that starts at a phase; it appends the phase `advance` frames later."""

    def get_signal(amplitudes, harmonic_distribution, f0_hz):
        _, _, before = oscillator.cycles(f0_hz, HOP_SIZE)
        phases.append((phase + before[0, advance]) % 1.0)
        amplitudes *= harmonic_distribution
        return oscillator.harmonic_synthesis(
            f0_hz,
            amplitudes,
            n_frames * HOP_SIZE,
            phase=phase,
            amp_resample_method=layer.amp_resample_method,
        )

    return get_signal


def _filter_of(layer, noise):
    """Return a `get_signal` that filters the given noise instead of generating its own."""

    def get_signal(magnitudes):
        return ddsp.core.frequency_filter(noise, magnitudes, window_size=layer.window_size)

    return get_signal


@contextlib.contextmanager
def _replaced(stand_ins):
    """Replace methods of layers while a block runs, given (layer, name, replacement) for each."""
    with contextlib.ExitStack() as undo:
        for layer, name, stand_in in stand_ins:
            setattr(layer, name, stand_in)
            undo.callback(delattr, layer, name)
        yield


@contextlib.contextmanager
def _weighted(model, weights):
    """Replace a model's weights while a block runs."""
    with contextlib.ExitStack() as undo:
        for (layer, name, weight), value in zip(_weights(model), weights, strict=True):
            # Bypasses Keras, which would remove the weight from its list.
            vars(layer)[name] = value
            undo.callback(vars(layer).__setitem__, name, weight)
        yield


def _weights(model):
    """Return [(layer, name, variable)] for all weights of a model, in the order of its layers."""
    return [
        (layer, name, value)
        for layer in model.submodules
        for name, value in sorted(vars(layer).items())
        if isinstance(value, tf.Variable)
    ]
