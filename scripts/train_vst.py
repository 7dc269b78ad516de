"""Train instruments for DDSP-VST: a soundfont's phrases -> build/vst/NAME.tflite.

    python scripts/train_vst.py [NAME ...]  # the violin if none is named; from scratch, or resume

The dataset is one of train_instruments.py. The scores are of what the plugin would play of the
held-out phrases, and go to scores.json in build/vst/NAME/instrument.
"""

import argparse
from pathlib import Path

from train_instruments import CALM, INSTRUMENTS, SOUNDFONTS, prepare

from ddsp_course import vst
from ddsp_course.training import run, scores

# A step takes three times as long as one of train_instruments.py.
STEPS, CALM_STEPS = 6000, 1000
PROGRAMS = {"violin": (40, 55, 96), **INSTRUMENTS}
# A soundfont plays in no room.
SETTINGS = [run.VST_SETTINGS, run.VST_SETTINGS.with_name("vst_dry.gin")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMS))
    parser.add_argument("--work", type=Path, default=Path("build/vst"))
    arguments = parser.parse_args()
    for name in arguments.names or ["violin"]:
        if name not in PROGRAMS:
            parser.error(f"there is no {name}: choose from {', '.join(PROGRAMS)}")
        make(name, arguments.work / name, arguments.work / f"{name}.tflite")


def make(name, work, path):
    """Train an instrument in `work`, write it to `path` for the plugin, and score that."""
    dataset = prepare(PROGRAMS[name], Path("build/instruments") / name / "dataset")
    run.train(dataset, work / "run", steps=STEPS, gin_files=SETTINGS)
    run.train(dataset, work / "run", steps=STEPS + CALM_STEPS, gin_files=SETTINGS, gin_lines=CALM)
    run.export(dataset, work / "run", work / "instrument")
    vst.to_vst(work / "instrument", path)
    phrases = scores.program_phrases(*PROGRAMS[name], SOUNDFONTS)
    measured = scores.measure(vst.Plugin(path), phrases, progress=True)
    scores.write(work / "instrument", measured)
    print(path, measured)


if __name__ == "__main__":
    main()
