"""Make the notebooks that a class gets, without solutions: build/handouts/.

    python scripts/make_handouts.py

A handout is the course's own notebook, with its exercises and their self-check, less two things: the
solutions, and what the exercises' cells printed. The folder is laid out as the copies of `make lab`
are, so the links between notebooks, start page and glossary work.
"""

import re
import shutil

import nbformat
from build_notebooks import NOTEBOOKS, ROOT, START

from ddsp_course import files

HANDOUTS = ROOT / "build" / "handouts"
SOLUTION = re.compile(r"<details>\s*<summary>Solution</summary>.*?</details>\s*", re.DOTALL)


def without_solutions(notebook):
    """Return a notebook without solutions and without what its exercises printed.

    Args:
      notebook: node of nbformat, which is changed.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = SOLUTION.sub("", cell.source).strip()
        elif "exercise" in cell.metadata.get("tags", []):
            cell.outputs, cell.execution_count = [], None
    notebook.cells = [cell for cell in notebook.cells if cell.source]
    return notebook


def make(folder):
    """Write all handouts to a folder, which is replaced if it is there."""
    with files.whole_folder(folder) as part:
        for path in [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("[0-9]*/*.ipynb")]:
            handout = part / path.relative_to(ROOT)
            handout.parent.mkdir(parents=True, exist_ok=True)
            notebook = without_solutions(nbformat.read(path, as_version=4))
            nbformat.validate(notebook)
            handout.write_text(nbformat.writes(notebook) + "\n", "utf-8")
        for page in (ROOT / "GLOSSARY.md", START):
            shutil.copy(page, part / page.relative_to(ROOT))


if __name__ == "__main__":
    make(HANDOUTS)
    print(f"Wrote {HANDOUTS.relative_to(ROOT)}.")
