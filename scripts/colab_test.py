"""Run the notebooks with Colab's own versions: of each first its first cell, then all of it.

    python scripts/colab_test.py [NOTEBOOK ...]

Makes build/colab with Python 3.13 and the packages of scripts/colab.txt, in which nothing of
the course's is installed, and proves that the first cell adds what is missing, replaces
nothing, and leaves an environment in which the notebook runs, for each notebook by itself (or
for those that are named). The knobs of explorables are turned, with Colab's ipywidgets. Needs
uv, as `make lock` does, and the package index. COLAB_PYTHON is the path of a Python 3.13, where
uv does not find one.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from ddsp_course import explore

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
PINS = ROOT / "scripts" / "colab.txt"
WORK = ROOT / "build" / "colab"


def uv():
    """Return how to call uv: the learner's, or the one that the set-up put in .venv."""
    beside = Path(sys.executable).with_name("uv")
    found = shutil.which("uv") or (str(beside) if beside.exists() else None)
    if found is None:
        raise SystemExit("colab-test needs uv: install it with `pip install uv`.")
    return found


def make_environment():
    """Make the environment anew and return its Python."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    python = WORK / "venv" / "bin" / "python"
    base = os.environ.get("COLAB_PYTHON", "3.13")
    for command in (
        ["venv", "-q", "--seed", "--python", base, str(WORK / "venv")],
        ["pip", "install", "-q", "--python", str(python), "--no-deps", "-r", str(PINS)],
    ):
        # Elsewhere than in the project, whose own settings uv would follow.
        if subprocess.run([uv(), *command], cwd=tempfile.gettempdir(), check=False).returncode:
            raise SystemExit(
                "colab-test could not make Colab's environment: install Python 3.13 or say "
                "where it is (COLAB_PYTHON=/path/to/it), and check that the package index can be "
                "reached."
            )
    # Colab is known by its module, which its kernel has loaded before the first cell. Nobody
    # records here: "Run all" goes on with the examples.
    packages = next((WORK / "venv" / "lib").glob("python*")) / "site-packages"
    (packages / "google" / "colab").mkdir(parents=True)
    (packages / "google" / "colab" / "__init__.py").touch()
    (packages / "google" / "colab" / "output.py").write_text(
        "def register_callback(function_name, callback): pass\n"
    )
    (packages / "colab.pth").write_text("import google.colab\n")
    spec = WORK / "jupyter" / "kernels" / "colab"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        json.dumps(
            {
                "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                "display_name": "Colab",
                "language": "python",
            }
        )
    )
    return python


def installed(python):
    """Return {name: version} of an environment."""
    command = [uv(), "pip", "list", "-q", "--format", "json", "--python", str(python)]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {package["name"]: package["version"] for package in packages}


def run_notebook(path):
    """Run a notebook with the kernel of Colab's environment; return seconds of each cell."""
    os.environ[explore.TURN_KNOBS] = "1"
    os.environ["JUPYTER_PATH"] = str(WORK / "jupyter")
    os.environ["DDSP_COURSE_REPO"] = ROOT.as_uri()
    notebook = nbformat.read(path, as_version=4)
    room = WORK / "content"
    room.mkdir()
    times, started = [], []
    client = NotebookClient(
        notebook, timeout=900, kernel_name="colab", resources={"metadata": {"path": str(room)}},
        on_cell_execute=lambda cell, cell_index: started.append(time.perf_counter()),
        on_cell_executed=lambda cell, cell_index, execute_reply: times.append(
            time.perf_counter() - started[-1]
        ),
    )  # fmt: skip
    client.execute()
    # pip, in the first cell, may speak of this machine's own settings.
    rest = [cell for cell in notebook.cells if cell.cell_type == "code"][1:]
    stderr = [
        output.text for cell in rest for output in cell.outputs if output.get("name") == "stderr"
    ]
    return times, stderr


def main():
    for path in [Path(name).resolve() for name in sys.argv[1:]] or NOTEBOOKS:
        python = make_environment()
        before = installed(python)
        times, stderr = run_notebook(path)
        after = installed(python)
        changed = {name: (v, after.get(name)) for name, v in before.items() if after.get(name) != v}
        added = sorted(set(after) - set(before))
        print(f"{path.relative_to(ROOT)}")
        print(f"First cell: {times[0]:.1f} s; it added {', '.join(added) or 'nothing'}.")
        print(f"All {len(times)} cells: {sum(times):.1f} s.", flush=True)
        if changed:
            raise SystemExit(f"The first cell replaced what Colab has: {changed}.")
        if stderr:
            raise SystemExit(f"Cells wrote to stderr: {stderr}")
    print("The notebooks run with Colab's versions, and none of them was replaced.")


if __name__ == "__main__":
    main()
