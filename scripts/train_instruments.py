"""Train the course's instruments: a soundfont's phrases -> an instrument in Magenta's format.

    python scripts/train_instruments.py [NAME ...]           # from scratch, or on from where it was
    python scripts/train_instruments.py --evaluate [NAME ...]  # the scores of what assets/ holds

The same steps as in notebooks/03_train_your_own, with two soundfonts for recordings.
"""

import argparse
import shutil
from pathlib import Path

from ddsp_course import _paths
from ddsp_course.training import data, run, scores

# General MIDI program (from 0), lowest and highest pitch.
INSTRUMENTS = {
    "violin": (40, 55, 96),
    "trumpet": (56, 52, 86),
    "flute": (73, 59, 96),
    "tenor_saxophone": (66, 44, 76),
}
SOUNDFONTS = ("fluidr3", "musescore")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(INSTRUMENTS))
    parser.add_argument("--work", type=Path, default=Path("build/instruments"))
    parser.add_argument("--to", type=Path, default=_paths.ASSETS / "instruments")
    parser.add_argument("--phrases", type=int, default=100)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--evaluate", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.names or INSTRUMENTS:
        if name not in INSTRUMENTS:
            parser.error(f"there is no {name}: choose of {', '.join(INSTRUMENTS)}")
        if not arguments.evaluate:
            make(name, arguments)
        scores.write(
            arguments.to / name, scores.of_program(arguments.to / name, *INSTRUMENTS[name])
        )


def make(name, arguments):
    work = arguments.work / name
    dataset = work / "dataset"
    if not dataset.exists():
        data.prepare_program(*INSTRUMENTS[name], dataset, SOUNDFONTS, arguments.phrases)
    run.train(dataset, work / "run", steps=arguments.steps)
    run.export(dataset, work / "run", work / "instrument")
    target = arguments.to / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(work / "instrument", target)


if __name__ == "__main__":
    main()
