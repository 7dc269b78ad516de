"""Open JupyterLab at the start page, with the learner's own copies of the notebooks: `make lab`.

    python scripts/lab.py [JupyterLab's own options]

my_course/ holds the copies, so that running a notebook changes no file of the course's own.
Each time, copies that the learner has not changed are brought up to date. One that has been
changed stays as it is, and the course's newer edition of it appears beside it as NAME_new. Copies
of what the course no longer has go, unless they have been changed.
my_course/.jupyter/editions.json says which edition of a file each copy was made from.

JupyterLab takes assets/jupyter/labconfig for its defaults, which the learner's settings override.
"""

import hashlib
import itertools
import json
import os
import re
import sys
from pathlib import Path

from ddsp_course import files

ROOT = Path(__file__).resolve().parent.parent
OWN = ROOT / "my_course"
EDITIONS = Path(".jupyter", "editions.json")


def bring_up_to_date(course: Path, own: Path) -> list[Path]:
    """Copy what a learner opens from `course` to `own`, over nothing that the learner has changed.

    Returns:
      The new editions that had to be put beside a changed copy, as paths in `own`.

    Raises:
      OSError: a file cannot be read or written; those that are there stay as they were.
    """
    (own / EDITIONS).parent.mkdir(parents=True, exist_ok=True)
    try:
        editions = json.loads((own / EDITIONS).read_text("utf-8"))
    except (OSError, ValueError):
        editions = {}  # then a copy counts as changed unless it is the course's newest edition
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
    """Put a file of the course's where the learner has not changed anything, and note its edition.

    Returns:
      Its path in `own`, or None if the learner has this edition already.
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
    """Return the name of which a copy is a newer edition, or its own."""
    return copy.with_stem(re.sub(r"_new(_\d+)?$", "", copy.stem))


def fingerprint(content: bytes) -> str:
    """Return a SHA-256 that differs where a learner would miss something: a notebook's is its cells'.

    JupyterLab counts runs and notes the version of Python in a notebook that is only opened.
    """
    try:
        cells = json.loads(content)["cells"]
        for one in (part for cell in cells for part in (cell, *cell.get("outputs", ()))):
            one.pop("execution_count", None)
        content = json.dumps(cells, sort_keys=True).encode()
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # a page, or no notebook any more: each byte counts
    return hashlib.sha256(content).hexdigest()


def command(own: Path, *options: str) -> tuple[list[str], dict[str, str]]:
    """Return what starts JupyterLab at the start page in `own`, and its environment."""
    words = [
        sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={own}",
        "--LabApp.default_url=/lab/tree/notebooks/START.md",
        # The tabs of last time are the course's, not those of the learner's other projects.
        f"--LabApp.workspaces_dir={own / '.jupyter' / 'workspaces'}",
    ]  # fmt: skip
    places = [str(ROOT / "assets" / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH")]
    environment = {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, places))}
    return [*words, *options], os.environ | environment


def main() -> None:
    """Bring my_course/ up to date and become JupyterLab."""
    try:
        beside = bring_up_to_date(ROOT, OWN)
    except OSError as error:
        sys.exit(
            f"make lab: your copies of the notebooks could not be written ({error}): make "
            f"{OWN} writable for you and try again."
        )
    for copy in beside:
        print(f"You have changed {original(copy)}; the course's newer edition is {copy.name}.")
    words, environment = command(OWN, *sys.argv[1:])
    os.execve(words[0], words, environment)


if __name__ == "__main__":
    main()
