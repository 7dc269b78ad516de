"""Run the tests of the widgets, including those in a browser, with Colab's ipywidgets 7.7.

    python scripts/widgets7_test.py [PYTEST ARGUMENT ...]

Creates build/widgets7 with the packages of scripts/widgets7.txt, which include anywidget 0.9; all
other packages come from .venv. Colab's own page is not available offline, but JupyterLab 3.6 runs
the same widgets. This needs the package index.
"""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "scripts" / "widgets7.txt"
WORK = ROOT / "build" / "widgets7"
TESTS = [f"tests/test_{name}.py" for name in ("record", "explore", "widgets", "browser", "access")]
# Voila and the photographs of whole notebooks need JupyterLab 4.
NEWER = "page_of_its_own or notebook_runs or voila or page_is"


def make_environment():
    """Create a fresh environment and return its Python."""
    venv.create(WORK, clear=True, symlinks=True)
    python = WORK / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps"]
    if subprocess.run([*install, "-r", str(PINS)], check=False).returncode:
        raise SystemExit(
            "widgets7-test could not install the packages of scripts/widgets7.txt: check that the "
            "package index can be reached."
        )
    # Packages from a .pth file come after the environment's own, which therefore take precedence.
    # addsitedir also reads .venv's own .pth files (setuptools' `distutils`, the course).
    packages = next((WORK / "lib").glob("python*")) / "site-packages"
    beside = sysconfig.get_path("purelib")
    (packages / "venv.pth").write_text(f"import site; site.addsitedir({beside!r})\n")
    return python


def main():
    pytest = [str(make_environment()), "-m", "pytest", "-rs", "-k", f"not ({NEWER})"]
    sys.exit(subprocess.run([*pytest, *TESTS, *sys.argv[1:]], cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
