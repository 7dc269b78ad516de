"""Timbre transfer: pitch and loudness of any length to sound, through a trained model.

The model plays windows of 8 s, one after the other, so that an hour needs no more memory than
a minute. Each window begins a second early, for the network's memory to settle, and arrives at
the join in the phase in which the window before it got there.
Explained in notebooks/02_timbre_transfer/06_understanding_the_model.ipynb.
"""

import numpy as np

from ddsp_course import _tensorflow
from ddsp_course.errors import CourseError
from ddsp_course.features import FLOOR_DB, HOP_SIZE, SAMPLE_RATE

WINDOW = 2000  # frames; 8 s
WARM_UP = 250  # frames; as long as the sequences that the bundled models were trained on
FADE = 160  # samples; 10 ms


def timbre_transfer(audio, instrument="violin", progress=False, **adjustments):
    """Play a recording on another instrument, all steps in one call.

    Args:
      audio: (n_samples,) at 16 kHz.
      instrument: `instruments.Instrument`, or what `instruments.load` takes.
      progress: show progress bars.
      **adjustments: see `conditioning.adjust`.

    Returns:
      played: (n_samples,) float32.
      heard: `features.Features` of the recording.
      adjusted: the same after `conditioning.adjust`.

    Raises:
      AudioError, SilenceError, NoPitchError: see `features.extract`.
      InstrumentError: see `instruments.load`.
    """
    from ddsp_course import conditioning, features, instruments

    if not isinstance(instrument, instruments.Instrument):
        instrument = instruments.load(instrument)
    heard = features.extract(
        audio, loudness_definition=instrument.loudness_definition, progress=progress
    )
    adjusted = conditioning.adjust(heard, instrument.statistics, **adjustments)
    return resynthesize(instrument, adjusted, progress), heard, adjusted


def resynthesize(instrument, features, progress=False):
    """Play features of any length on an instrument.

    Args:
      instrument: `instruments.Instrument`.
      features: `features.Features`; its `loudness_db` counts, not the loudness of its audio.
      progress: show a progress bar; or what to call in place of tqdm.

    Returns:
      (n_samples,) float32, as long as `features.audio`.

    Raises:
      CourseError: the loudness is by another definition than the instrument learned, or pitch
        or loudness are not numbers.
    """
    return mix(*parts(instrument, features, progress))


def parts(instrument, features, progress=False):
    """Play features of any length, harmonics and noise apart and without the reverb.

    Args and errors as in `resynthesize`.

    Returns:
      harmonic, noise: (n_samples,) float32 each. Noise is all that is not the harmonic
        synthesizer's; the sum is the instrument without its reverb.
      impulse_response: (n,) float32 of the instrument's reverb, or None where it has none.
    """
    from tqdm import tqdm

    definition = instrument.loudness_definition
    if features.loudness_definition != definition:
        raise CourseError(
            f"{instrument.name} reads loudness by the definition {definition}, and these features "
            f"have {features.loudness_definition}: use features.with_loudness(features, "
            f'"{definition}").'
        )
    if not (np.isfinite(features.f0_hz).all() and np.isfinite(features.loudness_db).all()):
        raise CourseError("Pitch or loudness is not a number somewhere: extract them again.")
    # ddsp divides decibels by 80 on their way into the network, and ddsp 1.6 did by 120.
    loudness = features.loudness_db * (FLOOR_DB["ddsp2"] / FLOOR_DB[definition])
    n_frames = len(features.f0_hz)
    advance = WINDOW - WARM_UP
    # The first window needs no warm-up, and yet gets one: a second of rest lets the network
    # begin from silence, as it did in training.
    f0_hz = np.pad(features.f0_hz, (WARM_UP, WINDOW), mode="edge")
    loudness = np.pad(loudness, (WARM_UP, WINDOW), constant_values=FLOOR_DB["ddsp2"])
    # One row without the reverb, and one of it that is the harmonics alone.
    played = np.zeros((2, (n_frames + WINDOW) * HOP_SIZE), np.float32)
    fade = np.linspace(0, 1, FADE, dtype=np.float32)
    phase = None
    starts = range(0, n_frames, advance)
    bar = progress if callable(progress) else tqdm
    for start in bar(starts, desc=instrument.name, unit="window", disable=not progress):
        window_f0 = f0_hz[start : start + WINDOW].astype(np.float32)
        if phase is not None:
            window_f0 = _arrive_in_phase(window_f0, phase)
        rows = _play_window(instrument.model, window_f0, loudness[start : start + WINDOW])
        # The window's sound from the end of its warm-up, and a fade over from the one before.
        fresh = rows[:, WARM_UP * HOP_SIZE - (FADE if phase is not None else 0) :]
        at = start * HOP_SIZE - (FADE if phase is not None else 0)
        if phase is not None:
            fresh[:, :FADE] = played[:, at : at + FADE] * (1 - fade) + fresh[:, :FADE] * fade
        played[:, at : at + fresh.shape[1]] = fresh
        phase = _cycles(window_f0, WINDOW * HOP_SIZE - 1)
    dry, harmonic = played[:, : len(features.audio)]
    return harmonic, dry - harmonic, instrument.model.course_impulse_response


def mix(harmonic, noise, impulse_response=None, levels=(1.0, 1.0, 1.0)):
    """Add up the parts of an instrument's sound.

    Args:
      harmonic, noise, impulse_response: from `parts`, or a room of your own.
      levels: factors of harmonics, noise and reverb.

    Returns:
      (n_samples,) float32, as long as `harmonic`: where the sound ends, its reverb does, too.
    """
    dry = levels[0] * harmonic + levels[1] * noise
    if impulse_response is None or not levels[2]:
        return dry.astype(np.float32)
    from scipy.signal import oaconvolve

    # ddsp.effects.Reverb: the first sample would be the dry sound once more.
    wet = oaconvolve(dry, np.r_[0.0, impulse_response[1:]].astype(np.float32))
    return (dry + levels[2] * wet[: len(dry)]).astype(np.float32)


def prepare(model):
    """Compile a model's way from features to sound, under gin's current settings.

    gin's settings are global. What a compiled function does no longer depends on them, so
    several instruments can play side by side.
    """
    tf = _tensorflow.load()
    ddsp = _tensorflow.load_ddsp()
    processors = model.processor_group.processors
    synths = [one.name for one in processors if isinstance(one, ddsp.synths.Harmonic)]
    last = processors[-1]
    has_reverb = isinstance(last, ddsp.effects.Reverb)
    spec = tf.TensorSpec((1, WINDOW), tf.float32)

    def run(f0_hz, loudness_db):
        outputs = model({"f0_hz": f0_hz, "loudness_db": loudness_db}, training=False)
        if has_reverb:
            dry = outputs[last.name]["controls"]["audio"]
        else:
            dry = model.get_audio_from_outputs(outputs)
        harmonic = outputs[synths[0]]["signal"] if synths else tf.zeros_like(dry)
        return tf.concat([dry, harmonic], axis=0)

    model.course_play = tf.function(run).get_concrete_function(spec, spec)
    model.course_impulse_response = None
    if has_reverb:
        model.course_impulse_response = np.array(last.get_controls(tf.zeros([1, 1]))["ir"][0])


def _play_window(model, f0_hz, loudness_db):
    """Return (2, n_samples): the sound without its reverb, and its harmonics alone."""
    tf = _tensorflow.load()
    f0_hz = tf.constant(f0_hz[None], tf.float32)
    return np.array(model.course_play(f0_hz, tf.constant(loudness_db[None], tf.float32)))


def _cycles(f0_hz, n_samples):
    """Return the cycles that the fundamental turns in the first samples of a window, mod 1."""
    return _samples(f0_hz)[:n_samples].sum() / SAMPLE_RATE % 1.0


def _samples(frames):
    """Return frames (n_frames,) at the sample rate, as the Harmonic synthesizer resamples f0."""
    ddsp = _tensorflow.load_ddsp()
    frames = np.asarray(frames, np.float32)[None, :, None]
    resampled = ddsp.core.resample(frames, frames.shape[1] * HOP_SIZE)
    return np.asarray(resampled, np.float64)[0, :, 0]


def _arrive_in_phase(f0_hz, phase):
    """Bend a window's warm-up, which is not heard, so that its end is at `phase` (cycles).

    Every harmonic's phase is a multiple of the fundamental's, so that they all arrive. The
    bend turns the phase by half a cycle at most, over a second: half a hertz on average.
    """
    behind = phase - _cycles(f0_hz, WARM_UP * HOP_SIZE - 1)
    behind -= np.round(behind)
    bump = np.zeros(len(f0_hz))
    # The resampling reaches a frame further, and the fade begins three frames early.
    bump[: WARM_UP - 8] = np.hanning(WARM_UP - 8)
    bent = f0_hz + bump * behind * SAMPLE_RATE / _samples(bump).sum()
    return bent.astype(np.float32)
