"""Move a recording's pitch and loudness into the range that an instrument was trained on.

The steps are those of "Modify conditioning" in Magenta's timbre transfer notebook. Explained in
notebooks/02_timbre_transfer/00_demo.ipynb.
"""

import dataclasses
import warnings

import numpy as np

from ddsp_course._tensorflow import ddsp
from ddsp_course.features import FLOOR_DB, loudness_as
from ddsp_course.units import hz_to_midi, midi_to_hz

# The steepest slope of the loudness match, in dB per dB. Measured with the course's violin: the
# limit changes the notes of the bundled phrase and voice by 0.5 dB (RMS), and 90 % of an organ's
# frames, whose loudness ripples by 4 dB, stay within 6 dB where they would otherwise span 27.
STEEPEST = 3.0
_STEP_DB = 0.25


def detect_notes(loudness_db, f0_confidence, note_threshold=1.0):
    """Find where notes sound, with `ddsp.training.postprocessing.detect_notes`.

    Args:
      loudness_db: (n_frames,).
      f0_confidence: (n_frames,) in 0..1.
      note_threshold: a higher threshold finds fewer notes.

    Returns:
      note_mask: (n_frames,) bool.
      note_on_ratio: (n_frames,) in 0..1, how close each frame comes to counting as a note.
    """
    mask, ratio = ddsp.training.postprocessing.detect_notes(
        np.asarray(loudness_db, np.float32)[None],
        np.asarray(f0_confidence, np.float32)[None],
        note_threshold,
    )
    return np.asarray(mask)[0].astype(bool), np.clip(np.asarray(ratio)[0], 0, 1)


def shift_octaves(f0_hz, octaves):
    """Return `f0_hz` (n_frames,) transposed by any number of octaves, whole or fractional."""
    return (np.asarray(f0_hz) * 2.0**octaves).astype(np.float32)


def shift_register(f0_hz, note_mask, mean_pitch):
    """Transpose a melody by whole octaves, as close as possible to an instrument's mean pitch.

    Magenta's notebooks round shifts below 1.5 octaves up, which moves some melodies that are
    already in the right register. This function chooses the nearest octave.

    Args:
      f0_hz: (n_frames,).
      note_mask: (n_frames,) bool, the frames whose pitch counts.
      mean_pitch: the instrument's mean pitch, a MIDI number.

    Returns:
      (n_frames,) float32 in Hz.
    """
    return shift_octaves(f0_hz, np.round((mean_pitch - hz_to_midi(f0_hz)[note_mask].mean()) / 12))


def match_loudness(loudness_db, note_mask, quantiles_db):
    """Match the loudness distribution of a recording's notes to an instrument's.

    The quietest note frame becomes as loud as the quietest in the instrument's training data, the
    median as loud as the median there, and so on, but a difference of 1 dB grows to at most
    `STEEPEST` dB. The limit keeps inaudible ripple, as in a steady tone, inaudible: matching ranks
    alone would stretch it over the instrument's whole range. Frames outside notes are shifted by
    the notes' mean change.

    Args:
      loudness_db: (n_frames,).
      note_mask: (n_frames,) bool, true in at least one frame.
      quantiles_db: (n,), the instrument's loudness at evenly spaced quantiles 0..1.

    Returns:
      (n_frames,) float32 in dB.
    """
    notes = np.float64(loudness_db[note_mask])
    ordered = np.sort(notes)
    n_steps = max(1, int(np.ceil(np.ptp(ordered) / _STEP_DB)))
    levels = np.linspace(ordered[0], ordered[-1], n_steps + 1)
    # Equal values share their mean rank.
    below = np.searchsorted(ordered, levels, "left")
    upto = np.searchsorted(ordered, levels, "right")
    rank = (below + upto - 1) / 2 / max(1, len(ordered) - 1)
    goal = np.interp(rank, np.linspace(0, 1, len(quantiles_db)), quantiles_db)
    rise = np.minimum(np.diff(goal), STEEPEST * np.diff(levels))
    curve = np.r_[0, np.cumsum(rise)]
    curve += np.median(quantiles_db) - np.interp(np.median(ordered), levels, curve)
    matched = np.interp(notes, levels, curve)
    result = loudness_db + (matched.mean() - notes.mean())
    result[note_mask] = matched
    return result.astype(np.float32)


def tuning(f0_hz, f0_confidence, note_mask):
    """Return how far a player is from concert pitch, in semitones (-0.5..0.5).

    This is the offset of the semitone grid that fits the notes best, weighted by confidence; it
    follows `get_tuning_factor` in ddsp's colab_utils.

    Args:
      f0_hz, f0_confidence: (n_frames,).
      note_mask: (n_frames,) bool, the frames whose pitch counts.
    """
    midi = hz_to_midi(f0_hz)[note_mask]
    turn = np.exp(2j * np.pi * midi) * f0_confidence[note_mask]
    # A circular mean, because 0.49 and -0.49 semitones are neighbours.
    return float(np.angle(turn.sum()) / (2 * np.pi))


def pull_to_semitones(f0_hz, f0_confidence, note_mask, amount=1.0):
    """Pull the pitch of notes towards the nearest semitone of the player's own tuning.

    Args:
      f0_hz, f0_confidence: (n_frames,).
      note_mask: (n_frames,) bool.
      amount: 0 changes nothing; 1 removes all vibrato and glides.

    Returns:
      (n_frames,) float32 in Hz; frames outside notes are unchanged.
    """
    midi = hz_to_midi(f0_hz)
    offset = tuning(f0_hz, f0_confidence, note_mask)
    nearest = np.round(midi - offset) + offset
    pulled = np.where(note_mask, midi + amount * (nearest - midi), midi)
    return midi_to_hz(pulled).astype(np.float32)


def adjust(
    features,
    statistics,
    pitch_shift=0.0,
    loudness_shift=0.0,
    autotune=0.0,
    quiet=20.0,
    note_threshold=1.0,
    match=True,
):
    """Take all steps: notes, register, loudness, quiet, tuning, and the learner's own shifts.

    If no note is found, only the learner's own shifts are applied, with a warning.

    Args:
      features: `features.Features`.
      statistics: `Instrument.statistics`, or None if the instrument has none.
      pitch_shift: octaves to add at the end.
      loudness_shift: dB to add at the end.
      autotune: 0..1, see `pull_to_semitones`.
      quiet: dB to subtract between notes.
      note_threshold: see `detect_notes`.
      match: match register and loudness to the instrument's.

    Returns:
      `Features` with new `f0_hz` and `loudness_db`, and with `note_mask`.

    Warns:
      UserWarning: no note is found.
    """
    f0_hz = np.array(features.f0_hz, np.float32)
    loudness = np.array(features.loudness_db, np.float32)
    mask, ratio = detect_notes(loudness, features.f0_confidence, note_threshold)
    if mask.any():
        if match and statistics is not None:
            f0_hz = shift_register(f0_hz, mask, statistics.mean_pitch)
            # The instrument's quantiles use the loudness definition it was trained with.
            own = loudness_as(features, statistics.loudness_definition)
            change = loudness - own
            loudness = match_loudness(own, mask, statistics.loudness_quantiles_db) + change
        loudness -= np.where(mask, 0, quiet * (1 - ratio)).astype(np.float32)
        if autotune:
            f0_hz = pull_to_semitones(f0_hz, features.f0_confidence, mask, autotune)
    else:
        warnings.warn(
            "No note was found (notes are too short, or their pitch is too uncertain), so register "
            "and loudness are not matched to the instrument's: hold notes for at least a tenth of "
            "a second, or lower note_threshold.",
            stacklevel=2,
        )
    return dataclasses.replace(
        features,
        f0_hz=shift_octaves(f0_hz, pitch_shift),
        loudness_db=np.maximum(loudness + loudness_shift, FLOOR_DB).astype(np.float32),
        note_mask=mask,
    )
