"""How well an instrument plays what it was not trained on, by the measures of the paper.

Engel et al., ICLR 2020, table 1: loudness L1, f0 L1 and f0 outliers, by ddsp's own code
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
# ddsp's measures count by pieces: a piece's pitch is right, or it is an outlier.
PIECE_S = 1
_TRACE_DB = -45
# Half a semitone below CREPE's last bin.
_HIGHEST_HZ = 10 * 2 ** ((crepe.CENTS[-1] - 50) / 1200)


def measure(instrument, phrases, crepe_weights="course", progress=False):
    """Let an instrument play phrases whose sound is known, and compare.

    Args:
      instrument: `instruments.Instrument`.
      phrases: iterable of `features.Features` with the true `f0_hz`, of whole seconds each.
      crepe_weights: what `crepe.load` takes; hears the pitch of what is played.
      progress: show a progress bar.

    Returns:
      dictionary of
      seconds: how much was played;
      spectral_loss: `ddsp.losses.SpectralLoss`, L1 of magnitudes and of their logarithms;
      loudness_l1_db: mean distance of the loudness of all frames, in dB;
      f0_l1: mean distance of the pitch in semitones, over frames whose confidence is above 0.85
        in the phrase, without outliers;
      f0_outliers: share of the pieces of a second whose mean distance exceeds an octave;
      f0_off: share of those frames that are farther than a semitone away, which counts what is
        heard between two notes, and CREPE's own mistakes, too;
      rest_peak_db: level of what is played where the phrase rests (its loudness is at the floor),
        RMS of the loudest 10 ms, in dB of full scale; None where it never rests.
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
    """Yield phrases of a soundfont's instrument that `data.prepare_program` never learns from.

    Args:
      program, lowest, highest, soundfont: as in `data.prepare_program`.
      n_phrases: of 10 s each.

    Yields:
      `features.Features` with the true f0_hz, and CREPE's confidence: as in the paper, frames in
      which it is not sure of the phrase itself (between two notes, say) do not count, and nor do
      those whose pitch is beyond its range.
    """
    model = crepe.load()
    for seed in range(data.HELD_OUT_SEED, data.HELD_OUT_SEED + n_phrases):
        name = soundfont[seed % len(soundfont)]
        sound, f0_hz = soundfonts.phrase(program, lowest, highest, seed, name)
        loudness_db = features.loudness_db(sound)
        f0_confidence = crepe.activation(sound, model).max(axis=1)[: len(f0_hz)]
        # A recording's own noise covers what is quieter; a soundfont is silent, and CREPE hears
        # the last trace of a note in it.
        f0_confidence[loudness_db < _TRACE_DB] = 0
        # A violin's highest notes lie above all that CREPE can name.
        f0_confidence[f0_hz > _HIGHEST_HZ] = 0
        yield features.Features(sound, f0_hz, f0_confidence, loudness_db)


def held_out_phrases(dataset):
    """Return what a dataset keeps for evaluation, as `features.Features` of a second each.

    Raises:
      TrainingError: the dataset keeps nothing.
    """
    from ddsp_course.training import run

    if not list(Path(dataset).glob("held_out*.tfrecord*")):
        raise TrainingError(
            f"{dataset} holds no held_out*.tfrecord to measure with: prepare it with held_out "
            "above 0 and more than one recording (or a longer one)."
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
    """Return (a batch of one-second pieces, their number), as ddsp's metrics take it."""
    n = len(played) // (PIECE_S * SAMPLE_RATE)
    frames, samples = n * PIECE_S * FRAME_RATE, n * PIECE_S * SAMPLE_RATE
    return {
        "f0_hz": phrase.f0_hz[:frames].reshape(n, -1),
        "f0_confidence": phrase.f0_confidence[:frames].reshape(n, -1),
        "played": played[:samples].reshape(n, -1),
    }, n


def _rest_peak(played, loudness_db):
    """Return the RMS level in dB of the loudest frame of the rests; -inf where there is none."""
    frames = played[: len(loudness_db) * HOP_SIZE].reshape(-1, HOP_SIZE)
    level = np.convolve((frames**2).mean(axis=1), np.ones(3) / 3, "same")
    # A tenth of a second within the rest, so that the last note's own release does not count.
    rest = np.convolve(loudness_db <= FLOOR_DB + 1, np.ones(51), "same") > 50.5
    return 10 * np.log10(level[rest].max() + 1e-20) if rest.any() else -np.inf
