"""Score how well an instrument plays audio it was not trained on, with the paper's metrics.

Engel et al., ICLR 2020, table 1: loudness L1, f0 L1 and f0 outliers, computed with ddsp's own code
(`ddsp.training.metrics`), and the multi-scale spectral loss that training minimises.
Explained in notebooks/03_train_your_own/00_train.ipynb.
"""

import json
from pathlib import Path

import numpy as np

from ddsp_course import crepe, crepe_package, features, files
from ddsp_course._tensorflow import ddsp
from ddsp_course.errors import TrainingError
from ddsp_course.features import FLOOR_DB
from ddsp_course.training import data, soundfonts
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE

FILE = "scores.json"
# ddsp's metrics count pieces: each one's pitch is either right or an outlier.
PIECE_S = 1
_TRACE_DB = -45
# Half a semitone below CREPE's last bin.
_HIGHEST_HZ = 10 * 2 ** ((crepe.CENTS[-1] - 50) / 1200)


def measure(instrument, phrases, crepe_weights="course", progress=False):
    """Let an instrument play phrases, and compare the result with their audio.

    Args:
      instrument: `instruments.Instrument`.
      phrases: iterable of `features.Features` with the true `f0_hz`, each a whole number of seconds
        long.
      crepe_weights: weights for measuring the pitch of the result; see `crepe.load`.
      progress: show a progress bar.

    Returns:
      dictionary of
      seconds: amount of audio;
      spectral_loss: `ddsp.losses.SpectralLoss`, L1 of magnitudes and of their logarithms;
      loudness_l1_db: mean loudness difference over all frames in dB;
      f0_l1: mean pitch difference in semitones, over frames with a confidence of at least 0.85 in
        the phrase, without outliers;
      f0_outliers: share of one-second pieces whose mean difference exceeds an octave;
      f0_off: share of those frames that are more than a semitone off, including transitions between
        notes and CREPE's own mistakes;
      rest_peak_db: highest level of the result in the phrase's rests (loudness at the floor), as
        RMS of about 10 ms in dBFS; None if there are no rests.
    """
    from tqdm.auto import tqdm

    metrics = ddsp.training.metrics
    spectral = ddsp.losses.SpectralLoss(loss_type="L1", mag_weight=1.0, logmag_weight=1.0)
    pitch = metrics.F0CrepeMetrics(SAMPLE_RATE, FRAME_RATE)
    model = crepe.load(crepe_weights)
    losses, loudness, off, rests, seconds = [], [], [], [-np.inf], 0
    with crepe_package.using(model):
        for phrase in tqdm(phrases, desc="scores", unit="phrase", disable=not progress):
            played = instrument.play(phrase)
            losses.append(float(spectral(phrase.audio[None], played[None])))
            distance_db = np.abs(features.loudness_db(played) - phrase.loudness_db)
            loudness.append(distance_db.mean())
            sure = phrase.f0_confidence >= metrics.MIN_F0_CONFIDENCE
            f0_hz, _ = crepe.pitch(played, model)
            distance = np.abs(12 * np.log2(f0_hz[: len(sure)] / phrase.f0_hz))
            off.append(distance[sure] > 1)
            rests.append(_rest_peak(played, phrase.loudness_db))
            pieces, n = _pieces(phrase, played)
            seconds += n
            pitch.update_state(pieces, pieces["played"])
    rest = max(rests)
    return {
        "seconds": seconds,
        "spectral_loss": round(float(np.mean(losses)), 3),
        "loudness_l1_db": round(float(np.mean(loudness)), 3),
        "f0_l1": round(float(pitch.metrics["f0_dist"].result()), 4),
        "f0_outliers": round(float(pitch.metrics["outlier_ratio"].result()), 4),
        "f0_off": round(float(np.concatenate(off).mean()), 4),
        "rest_peak_db": round(float(rest), 1) if np.isfinite(rest) else None,
    }


def program_phrases(program, lowest, highest, soundfont=("fluidr3",), n_phrases=10):
    """Yield phrases of a soundfont's instrument that `data.prepare_program` never trains on.

    Args:
      program, lowest, highest, soundfont: as in `data.prepare_program`.
      n_phrases: number of 10 s phrases.

    Yields:
      `features.Features` with the true f0_hz and CREPE's confidence. As in the paper, frames do not
      count where CREPE is uncertain about the phrase itself, such as between two notes, or where
      the pitch is outside its range.
    """
    model = crepe.load()
    for seed in range(data.HELD_OUT_SEED, data.HELD_OUT_SEED + n_phrases):
        name = soundfont[seed % len(soundfont)]
        sound, f0_hz = soundfonts.phrase(program, lowest, highest, seed, name)
        loudness_db = features.loudness_db(sound)
        f0_confidence = crepe.activation(sound, model).max(axis=1)[: len(f0_hz)]
        # In a recording, noise masks quieter audio. A soundfont has none, so CREPE still finds a
        # pitch in the last trace of a note.
        f0_confidence[loudness_db < _TRACE_DB] = 0
        # A violin's highest notes lie above CREPE's range.
        f0_confidence[f0_hz > _HIGHEST_HZ] = 0
        yield features.Features(sound, f0_hz, f0_confidence, loudness_db)


def held_out_phrases(dataset):
    """Return a dataset's held-out part as `features.Features` of one second each.

    Raises:
      TrainingError: the dataset has no held-out part.
    """
    from ddsp_course.training import run

    if not list(Path(dataset).glob("held_out*.tfrecord*")):
        raise TrainingError(
            f"{dataset} has no held-out part (held_out*.tfrecord) to score with: prepare it with "
            "held_out above 0, and with more than one recording or a longer one."
        )
    run.configure()
    rows = run.provider(dataset, "held_out").get_batch(1, shuffle=False, repeats=1)
    return [
        features.Features(
            *(row[key].numpy()[0] for key in ("audio", "f0_hz", "f0_confidence", "loudness_db"))
        )
        for row in rows
    ]


def write(folder, scores):
    """Write scores beside an instrument's other files, as JSON."""
    path = Path(folder) / FILE
    with files.whole_file(path) as part:
        part.write_text(json.dumps(scores, indent=2) + "\n", "utf-8")


def _pieces(phrase, played):
    """Return (a batch of one-second pieces, their number), in the format of ddsp's metrics."""
    n = len(played) // (PIECE_S * SAMPLE_RATE)
    frames, samples = n * PIECE_S * FRAME_RATE, n * PIECE_S * SAMPLE_RATE
    return {
        "f0_hz": phrase.f0_hz[:frames].reshape(n, -1),
        "f0_confidence": phrase.f0_confidence[:frames].reshape(n, -1),
        "played": played[:samples].reshape(n, -1),
    }, n


def _rest_peak(played, loudness_db):
    """Return the RMS level in dB of the loudest moment in the rests; -inf without rests."""
    frames = played[: len(loudness_db) * HOP_SIZE].reshape(-1, HOP_SIZE)
    level = np.convolve((frames**2).mean(axis=1), np.ones(3) / 3, "same")
    # At least a tenth of a second into the rest, past the release of the last note.
    rest = np.convolve(loudness_db <= FLOOR_DB + 1, np.ones(51), "same") > 50.5
    return 10 * np.log10(level[rest].max() + 1e-20) if rest.any() else -np.inf
