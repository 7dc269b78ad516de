"""Run all benchmarks; write results.json and results.md beside this file, and README's table.

.venv/bin/python benchmarks/run.py [NAME ...]

With names (pitch, loudness, playing, whole, start) these alone run, and the others' results stay.
"""

import argparse
import json
import os
import platform
import re

import loudness
import pitch
import playing
import start
import whole
from side_by_side import table

from ddsp_course import _paths

HERE = _paths.ASSETS.parent / "benchmarks"
PARTS = {
    "pitch": pitch,
    "loudness": loudness,
    "playing": playing,
    "whole": whole,
    "start": start,
}
MARKS = ("<!-- benchmarks: made by benchmarks/run.py -->", "<!-- /benchmarks -->")
HEAD = (
    "Seconds of work for a second of sound, medians of several runs in turn, on {cores} CPU cores "
    "({machine}); plain is ddsp 3.7.0 as Magenta's notebook calls it, and CREPE as the package "
    "`crepe` 0.0.16 calls it, with the same weights."
)


def machine():
    """Return the processor's name."""
    with open("/proc/cpuinfo") as file:
        name = re.search(r"model name\s*: (.+)", file.read())
    return name[1] if name else platform.machine()


def markdown(results):
    """Return the tables of all results."""
    rows = [row for name in PARTS if name != "start" for row in results[name]]
    return "\n\n".join([results["head"], table(rows), start.table(results["start"])])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PARTS))
    names = parser.parse_args().names or PARTS
    stored = HERE / "results.json"
    results = json.loads(stored.read_text("utf-8")) if stored.exists() else {}
    results["head"] = HEAD.format(cores=os.cpu_count(), machine=machine())
    for name in names:
        results[name] = PARTS[name].rows()
        print(name, "is done.", flush=True)
    text = markdown(results)
    stored.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    (HERE / "results.md").write_text(text + "\n", "utf-8")
    readme = HERE.parent / "README.md"
    before, rest = readme.read_text("utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    readme.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
