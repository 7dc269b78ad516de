"""Train the course's instruments: a soundfont's phrases -> an instrument in Magenta's format.

    python scripts/train_instruments.py [NAME ...]             # from scratch, or resume
    python scripts/train_instruments.py --evaluate [NAME ...]  # only score those in assets/

The steps are those of notebooks/03_train_your_own, with two soundfonts instead of recordings. The
scores on held-out phrases go to scores.json beside the weights.
"""

import argparse
from pathlib import Path

from ddsp_course import _paths, instruments
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


def prepare(program, dataset):
    """Return a dataset of an instrument, which is made if it is not there."""
    if not dataset.exists():
        data.prepare_program(*program, dataset, SOUNDFONTS, PHRASES, progress=True)
    return dataset


def make(name, work, folder):
    """Train an instrument in `work`, and write it to `folder`, replacing the old one."""
    dataset = prepare(INSTRUMENTS[name], work / "dataset")
    run.train(dataset, work / "run", steps=STEPS)
    run.train(dataset, work / "run", steps=STEPS + CALM_STEPS, gin_lines=CALM)
    run.export(dataset, work / "run", folder)


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
