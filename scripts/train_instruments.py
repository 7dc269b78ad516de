"""Train the course's instruments: a soundfont's phrases -> an instrument in Magenta's format.

    python scripts/train_instruments.py [NAME ...]             # from scratch, or resume
    python scripts/train_instruments.py --evaluate [NAME ...]  # only score those in assets/

The steps are those of notebooks/03_train_your_own, with two soundfonts instead of recordings. At last
most of the phrases are heard in a room (`soundfonts.in_a_room`). The scores on held-out phrases go to
scores.json beside the weights.
"""

import argparse
from pathlib import Path

from ddsp_course import _paths, instruments
from ddsp_course._tensorflow import tf
from ddsp_course.training import data, run, scores

# General MIDI program (from 0), lowest and highest pitch.
INSTRUMENTS = {
    "trumpet": (56, 52, 86),
    "flute": (73, 59, 96),
    "tenor_saxophone": (66, 44, 76),
}
STEPS = 12000
# At the end the learning rate falls fast, to average out the noise of the last steps.
CALM_STEPS, CALM = 2000, ["Trainer.lr_decay_rate = 0.7"]
# A second run, with two thirds of the phrases in rooms.
ROOMS, ROOM_STEPS = 2 / 3, 3000
GENTLE = ["Trainer.learning_rate = 0.0006", "Trainer.lr_decay_rate = 0.5"]
SOUNDFONTS = ("fluidr3", "musescore")
PHRASES = 130


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(INSTRUMENTS))
    parser.add_argument("--work", type=Path, default=Path("build/instruments"))
    parser.add_argument("--to", type=Path, default=_paths.ASSETS / "instruments")
    parser.add_argument("--evaluate", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.names or INSTRUMENTS:
        if name not in INSTRUMENTS:
            parser.error(f"there is no {name}: choose from {', '.join(INSTRUMENTS)}")
        if not arguments.evaluate:
            make(name, arguments.work / name, arguments.to / name)
        evaluate(name, arguments.to / name)


def prepare(program, dataset, rooms=0.0):
    """Return a dataset of an instrument, which is made if it is not there."""
    if not dataset.exists():
        data.prepare_program(*program, dataset, SOUNDFONTS, PHRASES, rooms=rooms, progress=True)
    return dataset


def make(name, work, folder):
    """Train an instrument in `work`, and write it to `folder`, replacing the old one."""
    dataset = prepare(INSTRUMENTS[name], work / "dataset")
    run.train(dataset, work / "run", steps=STEPS)
    run.train(dataset, work / "run", steps=STEPS + CALM_STEPS, gin_lines=CALM)
    in_rooms = prepare(INSTRUMENTS[name], work / "dataset_rooms", ROOMS)
    begin_again(in_rooms, work / "run", work / "run_rooms")
    run.train(in_rooms, work / "run_rooms", steps=ROOM_STEPS, gin_lines=GENTLE)
    # The statistics are the dry phrases', because an echo hides how softly a note was played.
    run.export(dataset, work / "run_rooms", folder)


def begin_again(dataset, old, new):
    """Save the weights of a run as step 0 of a new one, unless that has begun.

    In its first steps the noise is muted again (`run.HARMONICS_FIRST`), and harmonics that the noise
    had masked since the first run's beginning come back.
    """
    # A folder alone may be left from a save that was cut off; `run.train` would begin at random there.
    if tf.train.latest_checkpoint(str(new)) is None:
        run.configure(gin_lines=GENTLE)
        trainer, _ = run._begin(dataset, old, run.get_strategy("one"))
        trainer.optimizer.iterations.assign(0)
        trainer.save(str(new))


class Recording:
    """An "instrument" that returns its input: its f0 L1 is CREPE's own error."""

    def play(self, phrase):
        return phrase.audio


def evaluate(name, folder):
    """Score an instrument and write the result."""
    phrases = list(scores.program_phrases(*INSTRUMENTS[name], SOUNDFONTS))
    measured = scores.measure(instruments.load(folder), phrases, progress=True)
    measured["f0_l1_of_recordings"] = scores.measure(Recording(), phrases, progress=True)["f0_l1"]
    scores.write(folder, measured)
    print(name, measured)


if __name__ == "__main__":
    main()
