"""Measure each notebook's run time and peak memory, and write the table notebooks/BUDGET.md.

The start page, notebooks/START.md, also shows the times and is updated.

    python scripts/measure_notebooks.py

Run it on an idle machine with 2 cores. Notebooks over budget are reported here and in the table.
"""

import os
import sys
import tempfile
import threading
import time

import nbformat
import psutil
from build_notebooks import NOTEBOOKS, ROOT, SECONDS_A_CELL, START, start_page
from nbclient import NotebookClient

from ddsp_course import files

BUDGET_S = 60
TRAINING_BUDGET_S = 300
LOOK_EVERY_S = 0.1


def measure(path):
    """Return (seconds for all cells, peak resident memory of the kernel in MB)."""
    notebook = nbformat.read(path, as_version=4)
    took, peak, started = [], [0], []
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=SECONDS_A_CELL, kernel_name="python3",
            resources={"metadata": {"path": folder}},
            on_cell_execute=lambda cell, cell_index: started.append(time.perf_counter()),
            on_cell_executed=lambda cell, cell_index, execute_reply: took.append(
                time.perf_counter() - started[-1]
            ),
        )  # fmt: skip
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(over, peak), daemon=True)
        watcher.start()
        try:
            client.execute()
        finally:
            over.set()
            watcher.join()
    return sum(took), peak[0] / 1e6


def _watch(over, peak):
    """Record the peak total memory of this process's children in peak[0]."""
    while not over.wait(LOOK_EVERY_S):
        total = 0
        for child in psutil.Process().children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.Error:  # it has just ended
                continue
        peak[0] = max(peak[0], total)


def main() -> int:
    rows, beyond = [], []
    for path in sorted(NOTEBOOKS.rglob("*.ipynb")):
        name = path.relative_to(NOTEBOOKS)
        seconds, megabytes = measure(path)
        budget = TRAINING_BUDGET_S if name.parts[0] == "03_train_your_own" else BUDGET_S
        fits = "" if seconds <= budget else f", over its {budget} s"
        if fits:
            beyond.append(name.as_posix())
        rows.append(
            f"| [{name.as_posix()}]({name.as_posix()}) | {seconds:.0f} s{fits} | {megabytes:.0f} MB |"
        )
        print(rows[-1], flush=True)
    text = (
        "# How long each notebook runs\n\n"
        "The time for all cells, without reading, and the kernel's peak memory, as measured by "
        f"`make budget` on {os.cpu_count()} CPU cores.\n\n"
        "| notebook | run time | peak memory |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    )
    with files.whole_file(NOTEBOOKS / "BUDGET.md") as part:
        part.write_text(text, "utf-8")
    START.write_text(start_page(), "utf-8")
    if beyond:
        print(f"Over budget: {', '.join(beyond)}.", file=sys.stderr)
    print((NOTEBOOKS / "BUDGET.md").relative_to(ROOT))
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
