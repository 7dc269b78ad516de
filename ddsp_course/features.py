"""Extract what timbre transfer keeps of a recording: pitch, confidence and loudness at 250 Hz.

Explained in notebooks/02_timbre_transfer/04_pitch.ipynb and 05_loudness.ipynb.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from ddsp_course import crepe, listening, swiftf0
from ddsp_course._tensorflow import ddsp
from ddsp_course.errors import AudioError, CourseError, NoPitchError, SilenceError
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE

_FLOORS_DB = {"ddsp1": -120.0, "ddsp2": -80.0}
# The lowest `Features.loudness_db`.
FLOOR_DB = _FLOORS_DB["ddsp2"]
# -100 dBFS, where 24 bits can still hold a tone. Below -84 dBFS, 16 bits hold only dither.
SILENT_PEAK = 1e-5
# Audio without a pitch that stays below -60 dBFS is microphone noise.
_NOISE_PEAK = 1e-3
# Below -40 dBFS the ends of notes fall under FLOOR_DB, so such a take is raised to -20 dBFS.
_QUIET_PEAK, _RAISED_PEAK = 1e-2, 0.1
_BLOCK = 5000  # frames of spectra in memory at once
_SURE = 0.5
# Each tracker's name, the end of its range (CREPE's last bin), and the notes that it can follow.
_TRACKERS = {
    "crepe": ("CREPE", 10 * 2 ** (crepe.CENTS[-1] / 1200), "C1 (33 Hz) and B6 (1976 Hz)"),
    "swiftf0": ("SwiftF0", swiftf0.HIGHEST_HZ, "G1 (49 Hz) and B6 (1976 Hz)"),
}
_MISSING_DB = 25  # a fundamental this far below its octave counts as missing


@dataclass(frozen=True)
class Features:
    """A recording and its features; frame i describes the audio around sample i * 64.

    Attributes:
      audio: (n_samples,) float32 at 16 kHz, raised if it was very quiet; see `raise_quiet`.
      f0_hz: (n_frames,) float32, n_frames = ceil(n_samples / 64).
      f0_confidence: (n_frames,) float32 in 0..1.
      loudness_db: (n_frames,) float32, -80 to about 0, as ddsp 2 defines it; see `loudness_db`.
      note_mask: (n_frames,) bool, where a note sounds; None until `conditioning.adjust`.
    """

    audio: np.ndarray
    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    note_mask: np.ndarray | None = None


def extract(audio, crepe_weights="course", progress=False, pitch="crepe"):
    """Measure a recording's pitch and loudness.

    A very quiet take is raised first, because loudness has a floor; see `raise_quiet`.

    Args:
      audio: (n_samples,) at 16 kHz, one voice or one instrument.
      crepe_weights: see `crepe.load`.
      progress: True for CREPE's progress bar, or a tqdm-compatible callable.
      pitch: "crepe", with Viterbi, or "swiftf0"; see `swiftf0.pitch`.

    Returns:
      `Features`.

    Raises:
      CourseError: there is no such tracker, or SwiftF0 is not installed.
      AudioError: the audio is shorter than 64 ms, or has NaN or infinite samples.
      SilenceError: the peak is below -100 dBFS, or below -60 dBFS and the audio has no pitch.
      NoPitchError: the audio is loud enough, but hardly any of it has a pitch.

    Warns:
      UserWarning: the take was raised; several notes seem to sound at once; or some notes lie above
        the tracker's range.
    """
    if pitch not in _TRACKERS:
        raise CourseError(
            f"There is no pitch tracker called {pitch}: choose one of {', '.join(_TRACKERS)}."
        )
    tracker, highest_hz, notes = _TRACKERS[pitch]
    audio = np.asarray(audio, np.float32)
    if audio.ndim != 1 or len(audio) < crepe.FRAME_SIZE:
        raise AudioError(
            f"The recording has shape {audio.shape}, but must be one row of at least "
            f"{crepe.FRAME_SIZE} samples (64 ms): use a longer one."
        )
    if not np.isfinite(audio).all():
        raise AudioError("The recording contains NaN or infinite samples: load or record it again.")
    audio, peak, raised_db = raise_quiet(audio)
    if peak < SILENT_PEAK:
        raise SilenceError(
            f"The recording is silent (its peak is {peak:.1g} of full scale): check the "
            "microphone and record again."
        )
    n_frames = -(-len(audio) // HOP_SIZE)
    if pitch == "crepe":
        curves = crepe.pitch(audio, crepe.load(crepe_weights), HOP_SIZE, progress)
    else:
        curves = swiftf0.pitch(audio)
    f0_hz, f0_confidence = (curve[:n_frames].astype(np.float32) for curve in curves)
    loudness = loudness_db(audio)
    if not has_pitch(loudness, f0_confidence):
        if peak < _NOISE_PEAK:
            raise SilenceError(
                f"The recording is nearly silent (its peak is {_db(peak):.0f} dBFS) and has no "
                f"pitch between {notes}: check the microphone and record again."
            )
        raise NoPitchError(
            "The recording has no pitch that an instrument could follow: use one voice, or one "
            f"instrument playing single notes, between {notes}."
        )
    if raised_db:
        warnings.warn(
            f"The recording is very quiet (its peak is {_db(peak):.0f} dBFS), so it was raised by "
            f"{raised_db:.0f} dB together with its noise: record closer or with more gain if you "
            "can.",
            stacklevel=2,
        )
    share = listening.share_of_several(*listening.several_notes(audio, f0_hz, f0_confidence))
    if share > listening.SEVERAL_SHARE:
        warnings.warn(
            f"{share:.0%} of the notes sound like several at once (a chord, a second voice, "
            "ringing strings, a loud hum), and only one can be followed, not always the same one: "
            "use one voice, or one instrument that plays one note at a time.",
            stacklevel=2,
        )
    above = _lies_an_octave_higher(audio, f0_hz, f0_confidence, highest_hz)
    if above.any():
        share = above.sum() / (f0_confidence > _SURE / 2).sum()
        warnings.warn(
            f"{share:.0%} of the notes lie above {highest_hz:.0f} Hz, the end of {tracker}'s range. "
            "It found them an octave too low, so they were moved up to where their harmonics lie.",
            stacklevel=2,
        )
    return Features(audio, np.where(above, 2 * f0_hz, f0_hz), f0_confidence, loudness)


def raise_quiet(audio):
    """Raise a take whose peak is below -40 dBFS to -20 dBFS.

    Louder or silent audio is returned unchanged. The peak is measured without the DC offset, and a
    raised take has none.

    Args:
      audio: (n_samples,).

    Returns:
      audio: (n_samples,) float32.
      peak: the peak of the input without its DC offset.
      raised_db: the gain in dB; 0 if the take was loud enough, or silent.
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
    """Return whether at least 5 % of the loud frames have a pitch.

    Frames are loud within 30 dB of the loudest frame. Because that may be a click or a cough, the
    loudest tenth of the recording serves as a second reference.
    """
    return any(
        (f0_confidence[loudness > reference - 30] > _SURE).mean() >= 0.05
        for reference in (loudness.max(), np.quantile(loudness, 0.9))
    )


def _lies_an_octave_higher(audio, f0_hz, f0_confidence, highest_hz):
    """Return the frames in which a tracker found a pitch above its range an octave too low.

    Such a note has no energy at the pitch that was found, and its fundamental at twice that.

    Args:
      audio: (n_samples,).
      f0_hz, f0_confidence: (n_frames,).
      highest_hz: the end of the tracker's range.

    Returns:
      (n_frames,) bool.
    """
    # CREPE may be only half as confident outside its range.
    sure = f0_confidence > _SURE / 2
    candidates = np.flatnonzero(sure & (2 * f0_hz > 0.98 * highest_hz))
    is_above = np.zeros(len(f0_hz))
    window = np.hanning(crepe.FRAME_SIZE)
    padded = np.pad(audio, crepe.FRAME_SIZE // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, crepe.FRAME_SIZE)[::HOP_SIZE]
    for i in candidates:
        magnitude = np.abs(np.fft.rfft(frames[i] * window))
        place = np.round(f0_hz[i] * np.array([1, 2]) * crepe.FRAME_SIZE / SAMPLE_RATE).astype(int)
        here, octave = (magnitude[at - 2 : at + 3].max() for at in place)
        is_above[i] = here < 10 ** (-_MISSING_DB / 20) * octave
    # A single frame may be chance.
    return np.convolve(is_above, np.ones(5), "same") >= 3


def floor_db(definition):
    """Return the lowest loudness of a definition in dB, that of silence; see `loudness_db`.

    Raises:
      CourseError: there is no such definition.
    """
    if definition not in _FLOORS_DB:
        raise CourseError(
            f"There is no loudness definition called {definition}: choose one of "
            f"{', '.join(_FLOORS_DB)}."
        )
    return _FLOORS_DB[definition]


def loudness_db(audio, definition="ddsp2"):
    """Measure the A-weighted loudness of a recording, with the definition a model was trained on.

    Args:
      audio: (n_samples,) at 16 kHz.
      definition: "ddsp2" is `ddsp.spectral_ops.compute_loudness` of ddsp 2 and later: the mean
        weighted power of 512-sample frames in dB, at least -80. "ddsp1" is that of ddsp 1.6, which
        the official models of 2021 were trained with: the mean over frequency of the weighted
        decibels of 2048-sample frames, minus 20.7, at least -120.

    Returns:
      (n_frames,) float32, n_frames = ceil(n_samples / 64).

    Raises:
      CourseError: there is no such definition.
    """
    floor_db(definition)  # raises if it is unknown
    size, loudness_of = (512, _loudness_ddsp2) if definition == "ddsp2" else (2048, _loudness_ddsp1)
    audio = np.asarray(audio, np.float32)
    n_frames = -(-len(audio) // HOP_SIZE)
    # ddsp 2 centres each frame on its time stamp; in ddsp 1.6 the frame starts there.
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
    """Convert the loudness of features to another definition.

    The recording is measured again with that definition. Changes made to its loudness since then
    (matching, shifting, quieting) are added in dB.

    Args:
      features: `Features`.
      definition: see `loudness_db`.

    Returns:
      (n_frames,) float32, at least the definition's floor.
    """
    if definition == "ddsp2":
        return features.loudness_db
    change = features.loudness_db - loudness_db(features.audio)
    loudness = loudness_db(features.audio, definition) + change
    return np.maximum(loudness, floor_db(definition))


def _loudness_ddsp2(audio):
    with np.errstate(divide="ignore"):  # the A-weighting of 0 Hz is -inf dB, and then clipped
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
