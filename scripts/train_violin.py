"""Train the course's violin on a violinist: John Garner plays Bach -> an instrument.

    python scripts/train_violin.py [--recordings FOLDER]  # from scratch, or resume

The recordings, three movements of the Partita No. 1 in B minor (BWV 1002), are under CC BY 3.0 and
come from their public address, or from a folder that has them. The course holds none of them. Two
movements are learned from. The third is held out, and its scores go to scores.json beside the
weights.

A violinist plays double stops, and a model of one voice can only learn to be wrong there. Moments of
0.2 s and more in which `listening.several_notes` finds several notes are cut out.

The room is learned apart from the instrument, as the impulse response of a reverb: at first freely,
then with a fade. The instrument gets it as the impulse response of ddsp's own `Reverb`.
"""

import argparse
import shutil
from pathlib import Path

import gin
import numpy as np

from ddsp_course import _paths, audio, crepe, download, features, files, instruments, listening
from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.training import data, run, scores
from ddsp_course.units import FRAME_RATE, SAMPLE_RATE
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
1002, movements 7 and 8, with the chords cut out. Musopen published the recordings under the Creative
Commons Attribution 3.0 licence (https://creativecommons.org/licenses/by/3.0/). The course takes them
from the Bach Violin Dataset (https://github.com/salu133445/bach-violin-dataset) and holds none.
"""
CHORD_S = 0.2
# The room rings for a second, and an example lacks the room of whatever came before it. Of one
# second, little would be right.
EXAMPLE_S = 2
SETTINGS = [run.SETTINGS.with_name("reverb.gin")]
LONG = [
    f"TFRecordProvider.example_secs = {EXAMPLE_S}",
    f"F0LoudnessPreprocessor.time_steps = {EXAMPLE_S * FRAME_RATE}",
    f"Harmonic.n_samples = {EXAMPLE_S * SAMPLE_RATE}",
    f"FilteredNoise.n_samples = {EXAMPLE_S * SAMPLE_RATE}",
    # Without it the loudness is 1.6 dB off on average.
    "SpectralLoss.loudness_weight = 0.2",
    "Trainer.lr_decay_rate = 0.8",
]
CALM = ["Trainer.lr_decay_rate = 0.3"]
FADING = [
    (run.SETTINGS.with_name("reverb.gin").read_text("utf-8"))
    .replace("@effects.Reverb", "@FadingReverb")
    .replace("Reverb.", "FadingReverb."),
    # From step 3,100 to 4,100, the learning rate falls from 0.0004 to 0.00004.
    "Trainer.learning_rate = 0.5",
    "Trainer.lr_decay_rate = 0.1",
]
# (steps, settings) of the stages.
STAGES = [(2600, LONG), (3100, LONG + CALM), (4100, LONG + FADING)]
T60_S = 1.5
PHRASE_S = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=Path, help="a folder that has the three movements")
    parser.add_argument("--work", type=Path, default=Path("build/violin"))
    parser.add_argument("--to", type=Path, default=_paths.ASSETS / "instruments" / "violin")
    arguments = parser.parse_args()
    folder = arguments.recordings or fetch(arguments.work / "recordings")
    dataset = prepare(folder, arguments.work)
    for steps, settings in STAGES:
        run.train(
            dataset, arguments.work / "run", steps=steps, gin_files=SETTINGS, gin_lines=settings
        )
    export(dataset, arguments.work, arguments.to)
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


@gin.register
class FadingReverb(ddsp.effects.Reverb):
    """ddsp's reverb, times a fade of 60 dB in `T60_S`.

    Adam moves each of the 16,000 samples equally far. Without the fade the tail fills with noise
    that hardly dies away: nearly as loud after a second as after a fifth.
    """

    def get_controls(self, audio, ir=None):
        controls = super().get_controls(audio, ir)
        return {**controls, "ir": controls["ir"] * fade(controls["ir"].shape[-1])}


def fade(n):
    """Return n gains, from 1, that fall by 60 dB in `T60_S`."""
    return 10 ** (-3 / T60_S / SAMPLE_RATE * np.arange(n, dtype=np.float32))


def export(dataset, work, folder):
    """Write the instrument, whose reverb is ddsp's own with the faded impulse response."""
    run.export(dataset, work / "run", work / "instrument")
    with files.whole_folder(folder) as part:
        shutil.copytree(work / "instrument", part, dirs_exist_ok=True)
        text = (part / GIN_FILE).read_text("utf-8")
        text = text.replace("@FadingReverb", "@effects.Reverb").replace("FadingReverb", "Reverb")
        (part / GIN_FILE).write_text(text, "utf-8")
        (part / instruments.ATTRIBUTION_FILE).write_text(ATTRIBUTION, "utf-8")
        model = instruments.load(part).model
        (impulse_response,) = model.processor_group.processors[-1].trainable_weights
        impulse_response.assign(impulse_response * fade(impulse_response.shape[0]))
        (checkpoint,) = part.glob("ckpt-*.index")
        tf.train.Checkpoint(model=model).write(str(checkpoint.with_suffix("")))


def held_out(folder):
    """Yield the held-out movement as `features.Features` of 20 s each."""
    (name,) = HELD_OUT
    sound = audio.load(folder / name)
    size = PHRASE_S * SAMPLE_RATE
    for start in range(0, len(sound) - size + 1, size):
        yield features.extract(sound[start : start + size])


if __name__ == "__main__":
    main()
