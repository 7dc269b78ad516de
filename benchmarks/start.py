"""Time the way from an empty shell to the first audio, and measure an installation's size.

.venv/bin/python benchmarks/start.py
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from side_by_side import child

RUNS = 3
PROGRAMS = {
    "import ddsp_course": "import ddsp_course",
    "import tensorflow, alone": "import ddsp_course, tensorflow",
    "import ddsp and ddsp.training": (
        "import ddsp_course, logging, warnings\n"
        "logging.disable(logging.ERROR)\n"
        "warnings.simplefilter('ignore')\n"
        "import ddsp, ddsp.training"
    ),
    "load a violin": "from ddsp_course import instruments\ninstruments.load('violin')",
}


def first_sound():
    """Print the seconds of each step of a first transfer in this process, as JSON."""
    began = time.perf_counter()
    marks = {}

    def mark(name):
        nonlocal began
        marks[name] = time.perf_counter() - began
        began = time.perf_counter()

    from side_by_side import phrase

    from ddsp_course import conditioning, features, instruments

    sound = phrase(5)
    violin = instruments.load("violin")
    mark("load the first instrument")
    heard = features.extract(sound)
    mark("features of 5 s, first time")
    features.extract(sound)
    mark("features of 5 s, second time")
    violin.play(conditioning.adjust(heard, violin.statistics))
    mark("play 5 s")
    instruments.load("trumpet")
    mark("load another instrument")
    print(json.dumps(marks))


def rows():
    """Return {"steps": {step: median seconds of several processes}, "installed_mb": ...}."""
    taken = {name: [] for name in PROGRAMS}
    steps = []
    for _ in range(RUNS):
        for name, program in PROGRAMS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
            taken[name].append(time.perf_counter() - began)
        steps.append(child(__file__, "first"))
    for name in steps[0]:
        taken[name] = [step[name] for step in steps]
    steps = {name: statistics.median(each) for name, each in taken.items()}
    return {"steps": steps, "installed_mb": installed_mb()}


def installed_mb():
    """Return {package folder: MB} for this environment's six largest, and the total as "all"."""
    packages = Path(sys.prefix).glob("lib/python*/site-packages/*")
    sizes = {
        path.name: sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6
        for path in packages
        if path.is_dir()
    }
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:6]
    return {"all": sum(sizes.values()), **dict(largest)}


def table(rows):
    lines = ["| from an empty shell | seconds |", "|---|---|"]
    lines += [f"| {step} | {seconds:.2f} |" for step, seconds in rows["steps"].items()]
    total, *largest = rows["installed_mb"].items()
    told = ", ".join(f"{name} {size:.0f}" for name, size in largest)
    return "\n".join([*lines, "", f"Installed: {total[1]:.0f} MB, of which {told}."])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        first_sound()
    else:
        print(table(rows()))
