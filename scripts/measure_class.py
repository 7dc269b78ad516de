"""Measure what a class needs of one server: several kernels run one notebook at the same time.

    python scripts/measure_class.py [--learners 3] [--notebook 02_timbre_transfer/00_demo] [--cells 12]

A kernel's memory has a part of its own (USS) and a part that it shares with other kernels, chiefly
the libraries' code, which the machine holds once. The script prints both, computes from them the
memory for twenty learners, and prints a kernel's processor time. docs/teaching.md quotes the figures.

Linux only: it reads /proc/PID/smaps_rollup.
"""

import argparse
import concurrent.futures
import copy
import re
import tempfile
import threading
import time

import nbformat
import psutil
from build_notebooks import NOTEBOOKS, SECONDS_A_CELL
from nbclient import NotebookClient

CLASS = 20
LOOK_EVERY_S = 1


def memory_mb(pid):
    """Return a process's resident memory and its own part of it (RSS, USS)."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        kb = dict(re.findall(r"^(\w+):\s+(\d+) kB$", rollup.read(), re.MULTILINE))
    own = int(kb["Private_Clean"]) + int(kb["Private_Dirty"])
    return 1024 * int(kb["Rss"]) / 1e6, 1024 * own / 1e6


def together_mb(measured):
    """Return the memory of several kernels: all their own parts, and the shared part once.

    Their proportional shares (PSS) would add up to less where other programs, too, have the
    libraries open.
    """
    return sum(own for _, own in measured) + max((rss - own for rss, own in measured), default=0)


def run(cells, ready):
    """Run cells in a kernel of its own, wait for the others, and keep it until all were measured.

    Args:
      cells: notebook to run, a node of nbformat.
      ready: Barrier that is passed twice: when all kernels are idle, and when all were measured.
    """
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            cells, timeout=SECONDS_A_CELL, kernel_name="python3",
            resources={"metadata": {"path": folder}},
        )  # fmt: skip
        try:
            with client.setup_kernel():
                for index, cell in enumerate(cells.cells):
                    client.execute_cell(cell, index)
                ready.wait()
                ready.wait()
        except Exception:
            ready.abort()  # the others would wait for ever
            raise


def kernels():
    """Return the processes of the kernels that this process has started."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "ipykernel_launcher" in " ".join(child.cmdline())]


def watch(over, peak):
    """Keep the highest memory of the kernels together in peak[0], until `over` is set."""
    while not over.wait(LOOK_EVERY_S):
        try:
            peak[0] = max(peak[0], together_mb([memory_mb(kernel.pid) for kernel in kernels()]))
        except (OSError, KeyError, psutil.Error):  # one is just starting
            continue


def main():
    parser = argparse.ArgumentParser(description="Measure what a class needs of one server.")
    parser.add_argument("--learners", type=int, default=3)
    parser.add_argument("--notebook", default="02_timbre_transfer/00_demo")
    parser.add_argument("--cells", type=int, help="run only this many code cells")
    args = parser.parse_args()

    notebook = nbformat.read(NOTEBOOKS / f"{args.notebook}.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"][: args.cells]
    ready, over, peak = threading.Barrier(args.learners + 1), threading.Event(), [0]
    threading.Thread(target=watch, args=(over, peak), daemon=True).start()
    started = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(args.learners) as pool:
        runs = [pool.submit(run, copy.deepcopy(notebook), ready) for _ in range(args.learners)]
        ready.wait()
        took = time.perf_counter() - started
        over.set()
        measured = [memory_mb(kernel.pid) for kernel in kernels()]
        cpu_s = [sum(kernel.cpu_times()[:2]) for kernel in kernels()]
        ready.wait()
        for one in runs:
            one.result()

    for rss, own in measured:
        print(f"kernel: RSS {rss:.0f} MB, its own (USS) {own:.0f} MB, shared {rss - own:.0f} MB")
    each = sum(own for _, own in measured) / len(measured)
    shared = max(rss - own for rss, own in measured)
    print(f"{len(measured)} kernels, {len(notebook.cells)} code cells, {took:.0f} s")
    print(f"together: idle {together_mb(measured):.0f} MB, at the most {peak[0]:.0f} MB")
    print(f"processor time of a kernel: {sum(cpu_s) / len(cpu_s):.0f} s")
    print(f"{CLASS} idle kernels, extrapolated: {(CLASS * each + shared) / 1000:.1f} GB")


if __name__ == "__main__":
    main()
