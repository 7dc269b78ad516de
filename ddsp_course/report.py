"""Report which exercises learners have solved, from the outputs saved in their notebooks.

`ddsp-course report FOLDER -o report.csv` reads every notebook in a folder. It runs nothing, so it
believes what is saved: an output that was typed in by hand counts, and a cell that was edited and
not run again keeps its old output. No notebook explains this module; docs/teaching.md does, because
it is for teachers.
"""

import csv
import json
import os
import re
from pathlib import Path

from ddsp_course import _paths, exercises, files
from ddsp_course.errors import CourseError

COLUMNS = ("file", "learner", "notebook", "exercise", "state", "note")
# From worst to best: of several cells that check one exercise, the best counts.
MISSING, NOT_TRIED, TRIED, SOLVED = STATES = ("missing", "not tried", "tried", "solved")
NOT_READ = "not read"
# The course's own notebooks have 2 MB; one with a few long recordings in it has some tens.
LARGEST_BYTES = 100_000_000
CHECK = re.compile(r"""\bcheck\(\s*(["'])([A-Za-z_]\w*\.\w+)\1""")
COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)


def of_folder(folder, leave_out=None):
    """Return the rows of a report on every notebook in a folder and the folders in it.

    The learner is the first folder below `folder` in which a notebook lies, or else the name of the
    file. Hidden files and folders, such as .ipynb_checkpoints, are skipped.

    Args:
      folder: path of a folder, or of one notebook.
      leave_out: path of a file to ignore, such as an earlier report; None: ignore none.

    Returns:
      List of dicts with the keys COLUMNS, sorted by file. A notebook has one row per exercise (the
      app has none). A file that cannot be read, and a learner without a notebook, has one row whose
      state is NOT_READ and whose note says why.

    Raises:
      CourseError: the folder cannot be read or is empty.
    """
    folder = files.user_path(folder)
    if not folder.exists():
        raise CourseError(
            f"There is no folder {folder}: give the one with the learners' notebooks."
        )
    if not os.access(folder, os.R_OK):
        raise CourseError(f"{folder} cannot be read: make it readable for you.")
    root = folder.parent if folder.is_file() else folder
    paths = [folder] if folder.is_file() else _inside(folder)
    if leave_out is not None:
        paths = [path for path in paths if path.resolve() != Path(leave_out).resolve()]
    if not paths:
        raise CourseError(f"{folder} is empty: give the folder with the learners' notebooks.")
    handed_in = {}
    for path in paths:
        within = path.relative_to(root)
        learner = within.parts[0] if len(within.parts) > 1 else within.stem
        handed_in.setdefault(learner, []).append(path)

    course, rows = handed_out(), []
    for learner, all_of_them in handed_in.items():
        notebooks = [path for path in all_of_them if path.suffix.lower() == ".ipynb"]
        for path in notebooks or all_of_them[:1]:
            where = {"file": path.relative_to(root).as_posix(), "learner": learner}
            try:
                rows += [where | row for row in of_notebook(path, course)]
            except CourseError as error:
                nothing = {"notebook": "", "exercise": "", "state": NOT_READ, "note": str(error)}
                rows.append(where | nothing)
    return sorted(rows, key=lambda row: row["file"])  # stable: exercises stay in their order


def of_notebook(path, course):
    """Return the rows of one notebook, without the keys "file" and "learner".

    Args:
      path: Path.
      course: from `handed_out`.

    Raises:
      CourseError: it is not a notebook of the course, or cannot be read.
    """
    cells = read(path)
    found = states(cells, starters(course))
    if not found:
        if course.get(path.stem) == {}:
            return []  # the app
        raise CourseError(
            f"{path.name} has none of the course's exercises: ask for the notebook with them."
        )
    # Whatever its file is called. Exercises that were pasted in from another notebook count, too.
    notebook = max(course, key=lambda one: len(found.keys() & course[one].keys()))
    known = [*course[notebook], *(name for name in found if name not in course[notebook])]
    note = ""
    if not any(said for _, _, said in cells) and TRIED in found.values():
        note = "no outputs are saved: ask the learner to run it and save it again."
    return [
        {"notebook": notebook, "exercise": name, "state": found.get(name, MISSING), "note": note}
        for name in known
    ]


def handed_out():
    """Return {notebook: {exercise: code of its cell}} of the course's own notebooks.

    Raises:
      CourseError: they do not lie beside the package.
    """
    folder = _paths.ASSETS.parent / "notebooks"
    found = {}
    for path in sorted([*folder.glob("*.ipynb"), *folder.glob("[0-9]*/*.ipynb")]):
        code = [source for kind, source, _ in read(path) if kind == "code"]
        found[path.relative_to(folder).with_suffix("").as_posix()] = {
            name: source for source in code for name in checked(source)
        }
    if not found:
        raise CourseError(
            f"The course's notebooks are not in {folder}: run this from a clone of the course."
        )
    return found


def starters(course):
    """Return {exercise: code of its cell} of all notebooks; `course` is from `handed_out`."""
    return {name: code for exercises_of in course.values() for name, code in exercises_of.items()}


def read(path):
    """Return a notebook's cells as a list of (cell_type, source, what it `printed`), all text.

    Raises:
      CourseError: the file is not a notebook, is damaged or far too large.
    """
    try:
        if not path.is_file():
            raise CourseError(f"{path.name} is a folder or cannot be opened: look at it yourself.")
        if path.suffix.lower() != ".ipynb":
            raise CourseError(f"{path.name} is not a notebook: ask for the .ipynb file.")
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise CourseError(
                f"{path.name} has {size / 1e6:.0f} MB, more than {LARGEST_BYTES / 1e6:.0f}: ask "
                "the learner to clear the outputs of recordings and save it again."
            )
        content = path.read_bytes()
    except OSError as error:
        raise CourseError(
            f"{path.name} cannot be read ({error.strerror}): make it readable for you."
        ) from error
    if not content.strip():
        raise CourseError(f"{path.name} is empty: ask the learner to save and send it again.")
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CourseError(
            f"{path.name} is not a notebook, or is damaged: ask the learner to download and send "
            "it again."
        ) from error
    if isinstance(notebook, dict) and "worksheets" in notebook:
        raise CourseError(
            f"{path.name} has the notebook format of before 2015: open and save it in JupyterLab."
        )
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise CourseError(f"{path.name} has no cells, so it is not a notebook: ask for another.")
    return [
        (cell.get("cell_type"), _text(cell.get("source")), printed(cell))
        for cell in _dicts(notebook["cells"])
    ]


def printed(cell):
    """Return what a code cell printed, however JupyterLab, Colab or VS Code split it."""
    pieces = []
    for output in _dicts(cell.get("outputs")):
        if output.get("output_type") == "stream":
            if output.get("name") != "stderr":
                pieces.append(_text(output.get("text")))
        elif isinstance(data := output.get("data"), dict):
            pieces.append(f"\n{_text(data.get('text/plain'))}\n")
    return "".join(pieces)


def checked(source):
    """Return the names of the exercises that a code cell checks, in order."""
    return [name for _, name in CHECK.findall(COMMENT.sub("", source))]


def states(cells, starters):
    """Return {exercise: state} of the course's exercises that a notebook's code cells check.

    Args:
      cells: from `read`.
      starters: {exercise: code of its cell as handed out}.
    """
    found = {}
    for kind, source, said in cells:
        names = checked(source) if kind == "code" else []
        verdicts = _verdicts(said)
        if len(set(names)) == 1:
            right = [any(verdicts)] * len(names)
        else:  # several exercises in one cell print in turn; an error may have ended it early
            right = [*verdicts, *[False] * len(names)]
        for name, solved in zip(names, right, strict=False):
            if name in starters:
                untouched = _as_handed_out(source, said, starters[name])
                state = SOLVED if solved else NOT_TRIED if untouched else TRIED
                found[name] = max(state, found.get(name, MISSING), key=STATES.index)
    return found


def summary(rows):
    """Return a line per file: "anna/03_core.ipynb  3 of 5 solved, 1 tried, 1 not tried"."""
    by_file = {}
    for row in rows:
        by_file.setdefault(row["file"], []).append(row)
    longest = max(map(len, by_file), default=0)
    lines = []
    for name, group in by_file.items():
        found = [row["state"] for row in group]
        said = f"{found.count(SOLVED)} of {len(found)} solved"
        for state in (TRIED, NOT_TRIED, MISSING):
            said += f", {found.count(state)} {state}" if state in found else ""
        if found == [NOT_READ]:
            said = NOT_READ
        lines.append(
            f"{name.ljust(longest)}  {said}" + f" ({group[0]['note']})" * bool(group[0]["note"])
        )
    return "\n".join(lines)


def write(rows, path):
    """Write a report as a CSV file that spreadsheets open with its accents intact.

    Raises:
      OSError: it cannot be written; what was there is left as it was.
    """
    with (
        files.whole_file(path) as part,
        # Excel takes a file without the mark of UTF-8 for one in an old encoding.
        open(part, "w", encoding="utf-8-sig", errors="backslashreplace", newline="") as file,
    ):
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows({key: _plain(value) for key, value in row.items()} for row in rows)


def _inside(folder):
    """Return, sorted, all files in a folder that are not hidden.

    Folders that are called as notebooks, or cannot be opened, are among them.
    """
    found = []

    def closed(error):
        found.append(Path(error.filename))

    for place, folders, names in os.walk(folder, onerror=closed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        odd = [name for name in folders if name.lower().endswith(".ipynb")]
        found += [Path(place, name) for name in (*names, *odd) if not name.startswith(".")]
    return sorted(found)


def _verdicts(said):
    """Return, for each verdict of a check that a cell printed, whether the answer was right."""
    lines = [line.strip() for line in said.splitlines()]
    return [
        line == exercises.RIGHT
        for line in lines
        if line == exercises.RIGHT or line.startswith(exercises.NOT_YET)
    ]


def _as_handed_out(source, said, starter):
    """Say whether a cell was left alone, in this edition of the course or in another."""
    left_out = exercises.NOT_YET + exercises.NO_ANSWER
    return source.split() == starter.split() or ("..." in source and left_out in said)


def _text(value):
    """Return text that a notebook may keep as one string or as a list of lines."""
    parts = value if isinstance(value, list) else [value]
    return "".join(part for part in parts if isinstance(part, str))


def _dicts(value):
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _plain(value):
    """Return text that no spreadsheet takes for a formula: learners choose their files' names."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
