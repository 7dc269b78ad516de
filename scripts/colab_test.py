"""Run each notebook in a fresh environment with Colab's own versions.

    python scripts/colab_test.py [NOTEBOOK ...]

For each notebook (or each one named), this creates build/colab with Python 3.13 and the packages of
scripts/colab.txt, without anything of the course. It then checks that the first cell installs only
missing packages and replaces none, and that the notebook runs. The knobs of explorables are turned
with Colab's ipywidgets. This needs uv, as `make lock` does, and the package index. If uv finds no
Python 3.13, set COLAB_PYTHON to its path.
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
    """Return the path of uv: the user's own, or the one in .venv."""
    beside = Path(sys.executable).with_name("uv")
    found = shutil.which("uv") or (str(beside) if beside.exists() else None)
    if found is None:
        raise SystemExit("colab-test needs uv: install it with `pip install uv`.")
    return found


def make_environment():
    """Create a fresh environment and return its Python."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    python = WORK / "venv" / "bin" / "python"
    base = os.environ.get("COLAB_PYTHON", "3.13")
    for command in (
        ["venv", "-q", "--seed", "--python", base, str(WORK / "venv")],
        ["pip", "install", "-q", "--python", str(python), "--no-deps", "-r", str(PINS)],
    ):
        # Outside the project, because uv would apply the project's settings.
        if subprocess.run([uv(), *command], cwd=tempfile.gettempdir(), check=False).returncode:
            raise SystemExit(
                "colab-test could not create Colab's environment: install Python 3.13 or set "
                "COLAB_PYTHON to its path, and check that the package index can be reached."
            )
    # The course recognises Colab by this module, which Colab's kernel loads before the first cell.
    # Nothing is recorded here, so the notebooks use their examples.
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
    """Return {name: version} for the packages of an environment."""
    command = [uv(), "pip", "list", "-q", "--format", "json", "--python", str(python)]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {package["name"]: package["version"] for package in packages}


def run_notebook(path):
    """Run a notebook in Colab's environment; return each cell's seconds, and texts on stderr."""
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
    # In the first cell, pip may comment on this machine's settings.
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
            raise SystemExit(f"The first cell replaced packages of Colab's: {changed}.")
        if stderr:
            raise SystemExit(f"Cells wrote to stderr: {stderr}")
    print("The notebooks run with Colab's versions, and no package was replaced.")


if __name__ == "__main__":
    main()
