"""What timbre transfer keeps of a recording: pitch, confidence and loudness, 250 times a second.

Explained in notebooks/02_timbre_transfer/04_features.ipynb.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from ddsp_course import _tensorflow, crepe
from ddsp_course.errors import AudioError, NoPitchError, SilenceError

SAMPLE_RATE = 16000
FRAME_RATE = 250
HOP_SIZE = SAMPLE_RATE // FRAME_RATE
# The lowest loudness of each definition, and what a model's input is divided by.
FLOOR_DB = {"ddsp1": -120.0, "ddsp2": -80.0}

_BLOCK = 5000  # frames of spectra that lie in memory at once
_SILENCE = 1e-3  # peak; -60 dBFS
_SURE = 0.5


@dataclass(frozen=True)
class Features:
    """A recording and its features, frame i standing for the sound around sample i * 64.

    Attributes:
      audio: (n_samples,) float32.
      f0_hz: (n_frames,) float32, n_frames = ceil(n_samples / 64).
      f0_confidence: (n_frames,) float32 in 0..1.
      loudness_db: (n_frames,) float32, from the definition's floor up to about 0.
      loudness_definition: "ddsp2" or "ddsp1", see `loudness_db`.
      note_mask: (n_frames,) bool, where a note sounds; None until `conditioning.adjust`.
      sample_rate, frame_rate: in Hz.
    """

    audio: np.ndarray
    f0_hz: np.ndarray
    f0_confidence: np.ndarray
    loudness_db: np.ndarray
    loudness_definition: str = "ddsp2"
    note_mask: np.ndarray | None = None
    sample_rate: int = SAMPLE_RATE
    frame_rate: int = FRAME_RATE


def extract(audio, crepe_weights="course", loudness_definition="ddsp2", progress=False):
    """Measure a recording's pitch (CREPE with Viterbi) and loudness.

    Args:
      audio: (n_samples,) at 16 kHz, one voice or one instrument.
      crepe_weights: what `crepe.load` takes.
      loudness_definition: "ddsp2" or "ddsp1", as the instrument wants it.
      progress: show a progress bar; or what to call in place of tqdm.

    Returns:
      `Features`.

    Raises:
      AudioError: shorter than 64 ms, or with samples that are not numbers.
      SilenceError: no sample is beyond -60 dBFS.
      NoPitchError: there is sound, but next to none of it has a pitch.
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
    peak = np.abs(audio).max()
    if peak < _SILENCE:
        raise SilenceError(
            f"The recording is silent (its peak is {peak:.1g} of full scale): check the "
            "microphone and record again."
        )
    n_frames = -(-len(audio) // HOP_SIZE)
    heard = crepe.pitch(audio, crepe.load(crepe_weights), HOP_SIZE, progress)
    f0_hz, f0_confidence = (row[:n_frames].astype(np.float32) for row in heard)
    loudness = loudness_db(audio, loudness_definition)
    loud = loudness > loudness.max() - 30
    if (f0_confidence[loud] > _SURE).mean() < 0.05:
        raise NoPitchError(
            "The recording has no pitch that an instrument could follow (it sounds like noise): "
            "use one voice or one instrument that sings or plays notes."
        )
    return Features(audio, f0_hz, f0_confidence, loudness, loudness_definition)


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
    """
    size, loudness_of = {"ddsp1": (2048, _loudness_ddsp1), "ddsp2": (512, _loudness_ddsp2)}[
        definition
    ]
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


def with_loudness(features, definition):
    """Return `features` with loudness measured anew by another definition."""
    return dataclasses.replace(
        features,
        loudness_db=loudness_db(features.audio, definition),
        loudness_definition=definition,
    )


def _loudness_ddsp2(audio):
    ddsp = _tensorflow.load_ddsp()
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
    return np.maximum(weighted_db, FLOOR_DB["ddsp1"]).mean(axis=1)
