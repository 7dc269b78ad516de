"""What timbre transfer keeps of a recording: pitch, confidence and loudness, 250 times a second.

Explained in notebooks/02_timbre_transfer/04_pitch.ipynb and 05_loudness.ipynb.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from ddsp_course import crepe, listening
from ddsp_course._tensorflow import ddsp
from ddsp_course.errors import AudioError, CourseError, NoPitchError, SilenceError
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE

_FLOORS_DB = {"ddsp1": -120.0, "ddsp2": -80.0}
# The lowest `Features.loudness_db`.
FLOOR_DB = _FLOORS_DB["ddsp2"]
# Of full scale: -100 dBFS, where 24 bits still hold a tone. 16 bits have only dither below -84.
SILENT_PEAK = 1e-5
# What has no pitch and stays below -60 dBFS is the noise of a microphone that hears nothing.
_NOISE_PEAK = 1e-3
# Below -40 dBFS the ends of notes lie under FLOOR_DB, and so such a take is raised to -20 dBFS.
_QUIET_PEAK, _RAISED_PEAK = 1e-2, 0.1
_BLOCK = 5000  # frames of spectra that lie in memory at once
_SURE = 0.5
_HIGHEST_HZ = 10 * 2 ** (crepe.CENTS[-1] / 1200)  # CREPE's last bin
_MISSING_DB = 25  # below its octave a fundamental is not there


@dataclass(frozen=True)
class Features:
    """A recording and its features, frame i standing for the audio around sample i * 64.

    Attributes:
      audio: (n_samples,) float32, at 16 kHz, raised if it was very quiet; see `raise_quiet`.
      f0_hz: (n_frames,) float32, n_frames = ceil(n_samples / 64).
      f0_confidence: (n_frames,) float32 in 0..1.
      loudness_db: (n_frames,) float32, -80 to about 0, by ddsp 2's definition; see `loudness_db`.
      note_mask: (n_frames,) bool, where a note sounds; None until `conditioning.adjust`.
    """

    audio: np.ndarray
    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    note_mask: np.ndarray | None = None


def extract(audio, crepe_weights="course", progress=False):
    """Measure a recording's pitch (CREPE with Viterbi) and loudness.

    A very quiet take is raised first, since loudness has a floor; see `raise_quiet`.

    Args:
      audio: (n_samples,) at 16 kHz, one voice or one instrument.
      crepe_weights: what `crepe.load` takes.
      progress: True for a progress bar; or a callable that stands in for tqdm.

    Returns:
      `Features`.

    Raises:
      AudioError: shorter than 64 ms, or with samples that are not numbers.
      SilenceError: no sample is beyond -100 dBFS, or none beyond -60 dBFS and there is no pitch.
      NoPitchError: there is sound, but next to none of it has a pitch.

    Warns:
      UserWarning: it was raised; several notes seem to sound at once; some of it lies above the
        highest pitch that CREPE knows.
    """
    audio = np.asarray(audio, np.float32)
    if audio.ndim != 1 or len(audio) < crepe.FRAME_SIZE:
        raise AudioError(
            f"The recording has the shape {audio.shape}, and at least {crepe.FRAME_SIZE} samples "
            "(64 ms) in one row are needed: give a longer one."
        )
    if not np.isfinite(audio).all():
        raise AudioError(
            "The recording holds samples that are not numbers (NaN or infinite): load or record "
            "it again."
        )
    audio, peak, raised_db = raise_quiet(audio)
    if peak < SILENT_PEAK:
        raise SilenceError(
            f"The recording is silent (its peak is {peak:.1g} of full scale): check the "
            "microphone and record again."
        )
    n_frames = -(-len(audio) // HOP_SIZE)
    pitch = crepe.pitch(audio, crepe.load(crepe_weights), HOP_SIZE, progress)
    f0_hz, f0_confidence = (curve[:n_frames].astype(np.float32) for curve in pitch)
    loudness = loudness_db(audio)
    if not has_pitch(loudness, f0_confidence):
        if peak < _NOISE_PEAK:
            raise SilenceError(
                f"The recording is nearly silent (its peak is {_db(peak):.0f} dBFS), and has no "
                "pitch between C1 (33 Hz) and B6 (1976 Hz): check the microphone and record again."
            )
        raise NoPitchError(
            "The recording has no pitch that an instrument could follow: use one voice or one "
            "instrument that plays single notes between C1 (33 Hz) and B6 (1976 Hz)."
        )
    if raised_db:
        warnings.warn(
            f"The recording is very quiet (its peak is {_db(peak):.0f} dBFS): it was raised by "
            f"{raised_db:.0f} dB, and its noise with it. Record closer or with more gain if you "
            "can.",
            stacklevel=2,
        )
    share = listening.share_of_several(*listening.several_notes(audio, f0_hz, f0_confidence))
    if share > listening.SEVERAL_SHARE:
        warnings.warn(
            f"{share:.0%} of the notes sound like several at once (a chord, a second voice, strings "
            "that ring on, a loud hum): only one can be followed, and which one may change. Use "
            "one voice, or one instrument that plays one note at a time.",
            stacklevel=2,
        )
    above = _lies_an_octave_higher(audio, f0_hz, f0_confidence)
    if above.any():
        share = above.sum() / (f0_confidence > _SURE / 2).sum()
        warnings.warn(
            f"{share:.0%} of the notes lie above {_HIGHEST_HZ:.0f} Hz, a little over B6, where CREPE's "
            "range ends: it heard them an octave lower, and they were put back where their "
            "harmonics say.",
            stacklevel=2,
        )
    return Features(audio, np.where(above, 2 * f0_hz, f0_hz), f0_confidence, loudness)


def raise_quiet(audio):
    """Raise a take whose peak is below -40 dBFS to -20 dBFS.

    What is louder stays as it is. A constant part (DC) does not count, and is not raised.

    Args:
      audio: (n_samples,).

    Returns:
      audio: (n_samples,) float32.
      peak: of what was given, without its constant part.
      raised_db: 0 for what was loud enough, or silent.
    """
    audio = np.asarray(audio, np.float32)
    middle = audio.mean(dtype=np.float64)
    peak = float(np.abs(audio - middle).max())
    if not SILENT_PEAK <= peak < _QUIET_PEAK:
        return audio, peak, 0.0
    gain = _RAISED_PEAK / peak
    return ((audio - middle) * gain).astype(np.float32), peak, _db(gain)


def _db(amplitude):
    return 20 * np.log10(amplitude)


def has_pitch(loudness, f0_confidence):
    """Return whether enough of what is loud has a pitch.

    Loud is what is within 30 dB of the loudest; and, since a click or a cough may be that, within
    30 dB of what a tenth of the recording exceeds.
    """
    return any(
        (f0_confidence[loudness > reference - 30] > _SURE).mean() >= 0.05
        for reference in (loudness.max(), np.quantile(loudness, 0.9))
    )


def _lies_an_octave_higher(audio, f0_hz, f0_confidence):
    """Return in which frames a pitch above CREPE's range was taken for the one an octave below.

    Such a note has nothing at the pitch that was found, and its strongest harmonic at twice that.

    Args:
      audio: (n_samples,).
      f0_hz, f0_confidence: (n_frames,).

    Returns:
      (n_frames,) bool.
    """
    # CREPE may be half as sure of what it does not know.
    sure = f0_confidence > _SURE / 2
    candidates = np.flatnonzero(sure & (2 * f0_hz > 0.98 * _HIGHEST_HZ))
    is_above = np.zeros(len(f0_hz))
    window = np.hanning(crepe.FRAME_SIZE)
    padded = np.pad(audio, crepe.FRAME_SIZE // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, crepe.FRAME_SIZE)[::HOP_SIZE]
    for i in candidates:
        magnitude = np.abs(np.fft.rfft(frames[i] * window))
        place = np.round(f0_hz[i] * np.array([1, 2]) * crepe.FRAME_SIZE / SAMPLE_RATE).astype(int)
        here, octave = (magnitude[at - 2 : at + 3].max() for at in place)
        is_above[i] = here < 10 ** (-_MISSING_DB / 20) * octave
    # A frame alone is chance.
    return np.convolve(is_above, np.ones(5), "same") >= 3


def floor_db(definition):
    """Return the lowest loudness of a definition in dB: silence. See `loudness_db`.

    Raises:
      CourseError: there is no such definition.
    """
    if definition not in _FLOORS_DB:
        raise CourseError(
            f"There is no definition of loudness called {definition}: choose one of "
            f"{', '.join(_FLOORS_DB)}."
        )
    return _FLOORS_DB[definition]


def loudness_db(audio, definition="ddsp2"):
    """Return the A-weighted loudness of a recording, as a model was trained to read it.

    Args:
      audio: (n_samples,) at 16 kHz.
      definition: "ddsp2" is `ddsp.spectral_ops.compute_loudness` of ddsp 2 and later: mean
        weighted power of 512-sample frames, in dB, not below -80. "ddsp1" is that of ddsp 1.6,
        with which the official models of 2021 were trained: mean over frequency of weighted
        decibels of 2048-sample frames less 20.7, not below -120.

    Returns:
      (n_frames,) float32, n_frames = ceil(n_samples / 64).

    Raises:
      CourseError: there is no such definition.
    """
    floor_db(definition)  # named where it is unknown
    size, loudness_of = (512, _loudness_ddsp2) if definition == "ddsp2" else (2048, _loudness_ddsp1)
    audio = np.asarray(audio, np.float32)
    n_frames = -(-len(audio) // HOP_SIZE)
    # ddsp 2 centres its frames, ddsp 1.6 lets them begin at the moment that they stand for.
    before = size // 2 if definition == "ddsp2" else 0
    after = (n_frames - 1) * HOP_SIZE + size - before - len(audio)
    padded = np.pad(audio, (before, max(0, after)))
    result = np.empty(n_frames, np.float32)
    for start in range(0, n_frames, _BLOCK):
        end = min(start + _BLOCK, n_frames)
        block = padded[start * HOP_SIZE : (end - 1) * HOP_SIZE + size]
        result[start:end] = loudness_of(block)
    return result


def loudness_as(features, definition):
    """Return the loudness of features as a model reads it that was trained with a definition.

    The recording is measured by that definition. Whatever has been changed since it was measured
    (matched, shifted, turned down) changes the result by as many decibels.

    Args:
      features: `Features`.
      definition: see `loudness_db`.

    Returns:
      (n_frames,) float32, not below the definition's floor.
    """
    if definition == "ddsp2":
        return features.loudness_db
    change = features.loudness_db - loudness_db(features.audio)
    loudness = loudness_db(features.audio, definition) + change
    return np.maximum(loudness, floor_db(definition))


def _loudness_ddsp2(audio):
    with np.errstate(divide="ignore"):  # the A-weight of 0 Hz, which is then clipped
        loudness = ddsp.spectral_ops.compute_loudness(
            audio, SAMPLE_RATE, FRAME_RATE, padding="valid"
        )
    return np.asarray(loudness)


def _loudness_ddsp1(audio):
    import librosa
    from scipy.signal import get_window

    frames = np.lib.stride_tricks.sliding_window_view(audio, 2048)[::HOP_SIZE]
    magnitude = np.abs(np.fft.rfft(frames * get_window("hann", 2048), axis=1))
    with np.errstate(divide="ignore"):
        weight_db = librosa.A_weighting(librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=2048))
    weighted_db = 20 * np.log10(np.maximum(magnitude, 1e-10)) + weight_db - 20.7
    return np.maximum(weighted_db, floor_db("ddsp1")).mean(axis=1)
