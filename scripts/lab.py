"""Open JupyterLab at the start page, with the learner's own copies of the notebooks: `make lab`.

    python scripts/lab.py [JupyterLab's own options]

The copies are in my_course/, so running a notebook does not change the course's own files. Each
time, copies that the learner has not changed are updated. A changed copy is left alone, and the
course's newer edition appears beside it as NAME_new. Copies of files that the course no longer has
are removed, unless they have been changed. my_course/.jupyter/editions.json records the edition
that each copy was made from.

JupyterLab's defaults come from assets/jupyter/labconfig; the learner's settings override them.
"""

import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from ddsp_course import files

ROOT = Path(__file__).resolve().parent.parent
OWN = ROOT / "my_course"
EDITIONS = Path(".jupyter", "editions.json")


def bring_up_to_date(course: Path, own: Path) -> list[Path]:
    """Copy the learner's files from `course` to `own`, without overwriting any changes.

    Returns:
      New editions that were put beside a changed copy, as paths in `own`.

    Raises:
      OSError: a file cannot be read or written; existing files are left alone.
    """
    (own / EDITIONS).parent.mkdir(parents=True, exist_ok=True)
    try:
        editions = json.loads((own / EDITIONS).read_text("utf-8"))
    except (OSError, ValueError):
        editions = {}  # every copy other than the newest edition then counts as changed
    pages = [course / "GLOSSARY.md", course / "notebooks" / "START.md"]
    notebooks = [*(course / "notebooks").glob("*.ipynb"), *(course / "notebooks").glob("*/*.ipynb")]
    names = [source.relative_to(course) for source in (*pages, *sorted(notebooks))]
    taken = {name: hand_out(course / name, own, name, editions) for name in names}
    for copy in [Path(copy) for copy in editions if original(Path(copy)) not in names]:
        edition = editions.pop(copy.as_posix())
        if (own / copy).exists() and fingerprint((own / copy).read_bytes()) == edition:
            (own / copy).unlink()
    with files.whole_file(own / EDITIONS) as part:
        part.write_text(json.dumps(editions, indent=1, sort_keys=True), "utf-8")
    return [copy for name, copy in taken.items() if copy not in (None, name)]


def hand_out(source: Path, own: Path, name: Path, editions: dict[str, str]) -> Path | None:
    """Copy one of the course's files without overwriting changes, and record its edition.

    Returns:
      Its path in `own`, or None if the learner already has this edition.
    """
    content = source.read_bytes()
    edition = fingerprint(content)
    for number in itertools.count():
        suffix = ("", "_new")[number] if number < 2 else f"_new_{number}"
        copy = name.with_stem(name.stem + suffix)
        known = editions.get(copy.as_posix())
        there = fingerprint((own / copy).read_bytes()) if (own / copy).exists() else None
        if there is not None and known == edition:
            return None
        if there in (None, known, edition):
            (own / copy).parent.mkdir(parents=True, exist_ok=True)
            if there != edition:
                with files.whole_file(own / copy) as part:
                    part.write_bytes(content)
            editions[copy.as_posix()] = edition
            return copy


def original(copy: Path) -> Path:
    """Return a copy's original name, without the suffix of a newer edition."""
    return copy.with_stem(re.sub(r"_new(_\d+)?$", "", copy.stem))


def fingerprint(content: bytes) -> str:
    """Return the SHA-256 of what matters to a learner; for a notebook, that is its cells.

    Merely opening a notebook makes JupyterLab change execution counts and the Python version in it.
    """
    try:
        cells = json.loads(content)["cells"]
        for one in (part for cell in cells for part in (cell, *cell.get("outputs", ()))):
            one.pop("execution_count", None)
        content = json.dumps(cells, sort_keys=True).encode()
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # not a notebook: every byte counts
    return hashlib.sha256(content).hexdigest()


def command(own: Path, *options: str) -> tuple[list[str], dict[str, str]]:
    """Return the command that opens JupyterLab at the start page in `own`, and its environment."""
    words = [
        sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={own}",
        "--LabApp.default_url=/lab/tree/notebooks/START.md",
        # Restores the course's tabs, not those of the learner's other projects.
        f"--LabApp.workspaces_dir={own / '.jupyter' / 'workspaces'}",
    ]  # fmt: skip
    places = [str(ROOT / "assets" / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH")]
    environment = {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, places))}
    return [*words, *options], os.environ | environment


def main() -> None:
    """Update my_course/, then replace this process with JupyterLab."""
    try:
        beside = bring_up_to_date(ROOT, OWN)
    except OSError as error:
        sys.exit(
            f"make lab: your copies of the notebooks could not be written ({error}): make "
            f"{OWN} writable and try again."
        )
    for copy in beside:
        print(f"You have changed {original(copy)}, so the course's new edition is {copy.name}.")
    words, environment = command(OWN, *sys.argv[1:])
    if os.name == "nt":
        # There execve would leave the terminal before JupyterLab is there.
        sys.exit(subprocess.call(words, env=environment))
    os.execve(words[0], words, environment)


if __name__ == "__main__":
    main()
