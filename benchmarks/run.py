"""Run the benchmarks and write their tables into benchmarks/README.md and README.md.

    .venv/bin/python benchmarks/run.py [--from-results] [NAME ...]

With names (pitch, loudness, playing, whole, start) only these run, and the other results stay.
With --from-results nothing runs, and the tables are rewritten from results.json.
"""

import argparse
import importlib
import json
import os
import platform
import re

import start
from side_by_side import number, table

from ddsp_course import _paths, files

ROOT = _paths.ASSETS.parent
RESULTS = ROOT / "benchmarks" / "results.json"
# Modules of this folder, whose `rows` runs the benchmark.
COMPARED = ("pitch", "loudness", "playing", "whole")
NAMES = (*COMPARED, "start")
MARKS = ("<!-- benchmarks: made by benchmarks/run.py -->", "<!-- /benchmarks -->")
HEADS = "| | ddsp | this course | speed-up |"
# The stages that README.md shows, and their names there.
SUMMARY = {
    "pitch: network and Viterbi": "Find the pitch (CREPE and Viterbi)",
    "playing an instrument": "Play an instrument",
    "live playing, blocks of 256": "Play live, in blocks of 256 samples",
    "whole transfer, 30 s of audio": "Transfer a recording of 30 s, start to finish",
}
# benchmarks/training.py stores no results: this row, like its tables in benchmarks/README.md, is
# copied by hand from its output. The speed-up comes from the seconds before rounding.
TRAINING = {
    "stage": "One training step, on 4 s of audio",
    "plain": 0.316,
    "course": 0.065,
    "speed-up": 4.8,
}


def machine():
    """Return the number of cores and the processor's name."""
    with open("/proc/cpuinfo") as file:
        name = re.search(r"model name\s*: (.+)", file.read())
    return f"{os.cpu_count()} CPU cores ({name[1] if name else platform.machine()})"


def measured_on(results):
    """Return the machine that the results come from, as `machine` named it."""
    return re.search(r"\d+ CPU cores \(.+\)", results["head"])[0]


def full_tables(results):
    """Return the tables of all results, with remarks."""
    rows = [row for name in COMPARED for row in results[name]]
    return "\n".join(
        [
            f"Measured on {measured_on(results)}, in seconds of work per second of audio:",
            "",
            table(rows),
            "",
            start.table(results["start"]),
        ]
    )


def summary(results):
    """Return README.md's table: the rows of `SUMMARY`, and the training step."""
    rows = {row["stage"]: row for name in COMPARED for row in results[name]}
    rows = [rows[stage] | {"stage": title} for stage, title in SUMMARY.items()]
    cores, _, _ = measured_on(results).partition(" (")
    lines = [
        f"Seconds of work per second of audio (for training, per step), on {cores}:",
        "",
        HEADS,
        "|---|---|---|---|",
    ]
    for row in [*rows, TRAINING]:
        plain, course = row.get("plain"), row["course"]
        times = row.get("speed-up") or (plain and plain / course)
        lines.append(
            f"| {row['stage']} | {number(plain) or '–'} | {number(course)} | "
            f"{f'{times:.1f}' if times else '–'} |"
        )
    return "\n".join(lines)


def insert(path, text):
    """Put `text` between the marks of the file at `path`."""
    before, rest = path.read_text("utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    with files.whole_file(path) as part:
        part.write_text(f"{before}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{after}", "utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--from-results", action="store_true", help="run nothing, and rewrite the tables"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    args = parser.parse_args()
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    if not args.from_results:
        results["head"] = f"Measured on {machine()}."
        for name in args.names or NAMES:
            results[name] = importlib.import_module(name).rows()
            print(name, "is done.", flush=True)
        with files.whole_file(RESULTS) as part:
            part.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    text = full_tables(results)
    insert(ROOT / "benchmarks" / "README.md", text)
    insert(ROOT / "README.md", summary(results))
    print(text)


if __name__ == "__main__":
    main()
