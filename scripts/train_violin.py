"""Train the course's violin on a violinist: John Garner plays Bach -> an instrument.

    python scripts/train_violin.py [--recordings FOLDER]  # from scratch, or resume

The recordings, three movements of the Partita No. 1 in B minor (BWV 1002), are under CC BY 3.0 and
come from their public address, or from a folder that has them. The course holds none of them. Two
movements are learned from. The third is held out, and its scores go to scores.json beside the
weights.

A violinist plays double stops, and a model of one voice can only learn to be wrong there. Moments of
0.2 s and more in which `listening.several_notes` finds several notes are cut out.

The room is learned apart from the instrument, as noise in 16 bands that fades as it likes (ddsp's
`FilteredNoiseReverb`). One room drawn from it is written as the impulse response of a `Reverb`.
"""

import argparse
from pathlib import Path

import numpy as np

from ddsp_course import _paths, audio, crepe, download, features, files, instruments, listening
from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.training import data, run, scores
from ddsp_course.units import SAMPLE_RATE
from ddsp_course.untrusted import GIN_FILE

ADDRESS = (
    "https://raw.githubusercontent.com/salu133445/bach-violin-dataset/"
    "18f4c6143739f8ff13fdf219527bdc391031cf18/bach-violin/audio/john-garner/"
)
MOVEMENTS = {
    "john-garner_bwv1002_mov7.mp3": "git:17eb694dccd6c9553695550caa1861b6c0ca379b",
    "john-garner_bwv1002_mov8.mp3": "git:ca5c9c47ea66436c89117a1f221128e0cc739bbd",
}
HELD_OUT = {"john-garner_bwv1002_mov6.mp3": "git:63d6bbd919675c20314f12ad79e02408407671d1"}
ATTRIBUTION = """\
John Garner, CC BY 3.0

These weights were trained on John Garner's recordings of J. S. Bach's Partita No. 1 in B minor, BWV
1002, movements 7 and 8, with the chords cut out. Musopen published them under the Creative Commons
Attribution 3.0 licence (https://creativecommons.org/licenses/by/3.0/). They come from the Bach
Violin Dataset (https://github.com/salu133445/bach-violin-dataset). The course holds none of them.
"""
CHORD_S = 0.2
# The room rings for a second, and an example lacks the room of whatever came before it. Of one
# second, little would be right.
EXAMPLE_S = 2
SETTINGS = [run.SETTINGS.with_name("room.gin")]
LONG = [
    f"TFRecordProvider.example_secs = {EXAMPLE_S}",
    f"F0LoudnessPreprocessor.time_steps = {EXAMPLE_S * 250}",
    f"Harmonic.n_samples = {EXAMPLE_S * SAMPLE_RATE}",
    f"FilteredNoise.n_samples = {EXAMPLE_S * SAMPLE_RATE}",
    # Without it the loudness is 1.6 dB off on average.
    "SpectralLoss.loudness_weight = 0.2",
    "Trainer.lr_decay_rate = 0.8",
]
STEPS, CALM_STEPS = 2600, 500
CALM = ["Trainer.lr_decay_rate = 0.3"]
PHRASE_S = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=Path, help="a folder that has the three movements")
    parser.add_argument("--work", type=Path, default=Path("build/violin"))
    parser.add_argument("--to", type=Path, default=_paths.ASSETS / "instruments" / "violin")
    arguments = parser.parse_args()
    folder = arguments.recordings or fetch(arguments.work / "recordings")
    dataset = prepare(folder, arguments.work)
    train(dataset, arguments.work / "run")
    run.export(dataset, arguments.work / "run", arguments.work / "instrument")
    fix_room(arguments.work / "instrument", arguments.to)
    measured = scores.measure(instruments.load(arguments.to), held_out(folder), progress=True)
    scores.write(arguments.to, measured)
    print(measured)


def fetch(folder):
    """Return a folder with the recordings, downloaded unless they are there."""
    for name, digest in {**MOVEMENTS, **HELD_OUT}.items():
        download.fetch(ADDRESS + name, folder / name, digest, name)
    return folder


def prepare(folder, work):
    """Return the dataset in `work`, which is made of the recordings in `folder` if it is not there."""
    dataset, solo = work / "dataset", work / "solo"
    if dataset.exists():
        return dataset
    if not solo.exists():
        with files.whole_folder(solo) as part:
            for name in MOVEMENTS:
                for i, piece in enumerate(without_chords(audio.load(folder / name))):
                    audio.write(part / f"{Path(name).stem}_{i:02d}.wav", piece)
    # Pieces that are still mostly chords (shorter ones, one after the other) are skipped.
    return data.prepare_recordings(
        solo, dataset, held_out=0, progress=True, skip_bad=True, example_s=EXAMPLE_S
    )


def without_chords(sound):
    """Yield the parts of a recording (n_samples,) between its chords, if an example fits in."""
    _, several = listening.several_notes(sound, *crepe.pitch(sound, crepe.load("course")))
    edges = np.flatnonzero(np.diff(np.r_[False, several, False]))
    chords = [pair for pair in edges.reshape(-1, 2) if np.diff(pair) * listening.STEP_S >= CHORD_S]
    # What lies between the end of one chord and the beginning of the next.
    between = np.r_[0, np.ravel(chords), len(several)].reshape(-1, 2) * listening.STEP_S
    for start_s, end_s in between:
        if end_s - start_s >= EXAMPLE_S:
            yield sound[int(start_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE)]


def train(dataset, work):
    run.train(dataset, work, steps=STEPS, gin_files=SETTINGS, gin_lines=LONG)
    run.train(dataset, work, steps=STEPS + CALM_STEPS, gin_files=SETTINGS, gin_lines=LONG + CALM)


def fix_room(trained, folder):
    """Write an instrument again, with one impulse response in place of the room's noise."""
    tf.keras.utils.set_random_seed(0)
    instrument = instruments.load(trained)
    settings = instrument.gin_text.replace("@effects.FilteredNoiseReverb", "@effects.Reverb")
    lines = [one for one in settings.splitlines() if not one.startswith("FilteredNoiseReverb.")]
    lines += [
        f"Reverb.reverb_length = {len(instrument.player.impulse_response)}",
        "Reverb.name = 'reverb'",
        "Reverb.trainable = True",
    ]
    instruments.configure("\n".join(lines))
    model = ddsp.training.models.Autoencoder()
    frames = np.zeros([1, instrument.player.n_frames, 1], np.float32)
    model({"f0_hz": frames, "loudness_db": frames}, training=False)
    room = model.processor_group.processors[-1]
    room.trainable_weights[0].assign(instrument.player.impulse_response)
    network = instrument.model.decoder.trainable_weights
    for weight, learned in zip(model.decoder.trainable_weights, network, strict=True):
        weight.assign(learned)
    with files.whole_folder(folder) as part:
        for path in trained.iterdir():
            if not path.name.startswith("ckpt-"):
                (part / path.name).write_bytes(path.read_bytes())
        (part / GIN_FILE).write_text("\n".join(lines) + "\n")
        (part / instruments.ATTRIBUTION_FILE).write_text(ATTRIBUTION)
        tf.train.Checkpoint(model=model).write(str(part / f"ckpt-{STEPS + CALM_STEPS}"))


def held_out(folder):
    """Yield the held-out movement as `features.Features` of 20 s each."""
    (name,) = HELD_OUT
    sound = audio.load(folder / name)
    size = PHRASE_S * SAMPLE_RATE
    for start in range(0, len(sound) - size + 1, size):
        yield features.extract(sound[start : start + size])


if __name__ == "__main__":
    main()
