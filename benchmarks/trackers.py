"""Compare pitch trackers on sounds that the course's was not trained on: assets/crepe/scores.md.

    make bench-pitch

Each tracker runs in an environment of its own, which uv makes and keeps in its cache. The sounds are
a third soundfont's, whose pitch comes from the score, and recordings (of ../shared) resynthesised at
a pitch that is therefore known. Where ../shared is missing, only the soundfont is left.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import mir_eval
import numpy as np
from scipy.stats import rankdata

from ddsp_course import _paths, audio, files
from ddsp_course.units import HOP_SIZE, SAMPLE_RATE

ROOT = _paths.ASSETS.parent
sys.path.insert(0, str(ROOT / "scripts"))
import train_crepe

WORKER = Path(__file__).with_name("one_tracker.py")
TORCH = ("torch==2.11.0", "torchaudio==2.11.0")
# What each tracker needs; None for what the course's own environment has.
PACKAGES = {
    "course": None,
    "course, Viterbi": None,
    "official tiny": ("torchcrepe==0.0.24", *TORCH),
    "official full": ("torchcrepe==0.0.24", *TORCH),
    "SwiftF0": ("swift-f0==0.3.0",),
    "PESTO": ("pesto-pitch==2.0.1", *TORCH),
    "pYIN": None,
}
SOUNDFONT = "timgm6mb"
PROGRAMS = [p for p in train_crepe.PROGRAMS if p not in train_crepe.UNPITCHED][::5]
PROGRAM_S = 6
# File in ../shared/recordings, and the seconds that are used.
RECORDINGS = {
    "speech": ("speech.ogg", 0, 12),
    "trumpet": ("trumpet.ogg", 0, 12),
    "violin": ("john_garner/john-garner_bwv1002_mov6.mp3", 10, 40),
}
NOISE_DB = (None, 10)
# From SwiftF0's lowest to CREPE's highest.
RANGE_HZ = (46.875, 1975.5)
ALL = "mean of all"


def sounds():
    """Return {name: (audio (n_samples,), f0_hz (n_frames,))}; f0_hz is NaN where it is uncertain."""
    made = [comparable(*train_crepe.play_program(p, 9, SOUNDFONT, PROGRAM_S)) for p in PROGRAMS]
    found = {SOUNDFONT: tuple(map(np.concatenate, zip(*made, strict=True)))}
    for name, (path, start_s, end_s) in RECORDINGS.items():
        path = ROOT.parent / "shared" / "recordings" / path
        if not path.exists():
            print(f"{path} is missing: the table will lack {name}.", file=sys.stderr)
            continue
        sound = audio.load(path)[start_s * SAMPLE_RATE : end_s * SAMPLE_RATE]
        sound = sound[: len(sound) // HOP_SIZE * HOP_SIZE]
        rng = np.random.default_rng(21)
        found[f"{name}, resynthesised"] = comparable(*train_crepe.play_again(rng, sound))
    return found


def comparable(sound, f0_hz):
    """Return audio and pitch that suit every tracker.

    Not all normalise what they are given, so the peak is 0.9; and pitches outside a tracker's range
    are uncertain.
    """
    outside = (f0_hz > 0) & ((f0_hz < RANGE_HZ[0]) | (f0_hz > RANGE_HZ[1]))
    return sound * np.float32(0.9 / np.abs(sound).max()), np.where(outside, np.nan, f0_hz)


def in_noise(sound, snr_db):
    """Return audio (n_samples,) with white noise at a level relative to the whole of it."""
    if snr_db is None:
        return sound
    noise = np.random.default_rng(11).standard_normal(len(sound))
    power = (sound.astype(np.float64) ** 2).mean()
    return (sound + noise * np.sqrt(power / 10 ** (snr_db / 10))).astype(np.float32)


def run(tracker, path, work):
    """Return what one_tracker.py writes for a file of sounds."""
    packages, result = PACKAGES[tracker], work / f"{tracker}.npz"
    command = [sys.executable]
    if packages is not None:
        uv = Path(sys.executable).with_name("uv")
        command = [str(uv), "run", "--no-project", "--isolated", "--python", sys.executable]
        for package in (*packages, "numpy"):
            command += ["--with", package]
        command += ["python"]
    subprocess.run([*command, str(WORKER), tracker, str(path), str(result)], check=True)
    with np.load(result) as found:
        return dict(found)


def measure(found, key, truth):
    """Return a row's figures: `mir_eval`'s accuracies, shares of confident frames, and the AUC."""
    times = np.arange(len(truth)) * HOP_SIZE / SAMPLE_RATE
    # Trackers with longer steps are read between them, as `mir_eval.melody` does.
    cents = np.interp(times, found[f"{key}|times"], train_crepe.cents_of(found[f"{key}|f0_hz"]))
    sure = np.interp(times, found[f"{key}|times"], found[f"{key}|confidence"])
    certain = ~np.isnan(truth)
    voiced = truth[certain] > 0
    a, b, sure = train_crepe.cents_of(truth[certain][voiced]), cents[certain][voiced], sure[certain]
    yes = np.ones(len(a), bool)
    figures = [
        mir_eval.melody.raw_pitch_accuracy(yes, a, yes, b, cent_tolerance=tolerance)
        for tolerance in (50, 25, 10)
    ]
    figures.append(mir_eval.melody.raw_chroma_accuracy(yes, a, yes, b, cent_tolerance=50))
    figures += [(sure[voiced] > 0.5).mean(), (sure[~voiced] > 0.5).mean()]
    return [*figures, chance_apart(sure[voiced], sure[~voiced])]


def chance_apart(high, low):
    """Return the chance that one of `high` exceeds one of `low` (Mann-Whitney U)."""
    ranks = rankdata(np.concatenate([high, low]))[: len(high)].sum()
    return (ranks - len(high) * (len(high) + 1) / 2) / (len(high) * len(low))


def table(truths, results, seconds):
    """Return the Markdown table of all trackers' figures."""
    columns = (
        "| sounds | noise | tracker | 50 cents | 25 | 10 | chroma | confident: voiced | unvoiced "
        "| AUC | seconds per second |"
    )
    lines = [columns, "|---|---|---|---|---|---|---|---|---|---|---|"]
    for noise_db in NOISE_DB:
        label = "none" if noise_db is None else f"{noise_db} dB SNR"
        rows = {
            name: {
                tracker: measure(found, f"{name}|{noise_db}", truth)
                for tracker, found in results.items()
            }
            for name, truth in truths.items()
        }
        rows[ALL] = {
            tracker: np.mean([row[tracker] for row in rows.values()], axis=0) for tracker in results
        }
        for name, row in rows.items():
            for tracker, figures in row.items():
                speed = f"{results[tracker]['seconds'] / seconds:.3f}" if name == ALL else ""
                cells = [name, label, tracker, *(f"{figure:.3f}" for figure in figures), speed]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main():
    made = sounds()
    truths = {name: truth for name, (_, truth) in made.items()}
    noisy = {
        f"{name}|{noise_db}": in_noise(sound, noise_db)
        for name, (sound, _) in made.items()
        for noise_db in NOISE_DB
    }
    seconds = sum(map(len, noisy.values())) / SAMPLE_RATE
    with tempfile.TemporaryDirectory() as work:
        np.savez(Path(work) / "sounds.npz", **noisy)
        results = {t: run(t, Path(work) / "sounds.npz", Path(work)) for t in PACKAGES}
    text = table(truths, results, seconds)
    with files.whole_file(_paths.ASSETS / "crepe" / "scores.md") as part:
        part.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
