"""For teachers: handouts without solutions, the report on learners' notebooks, docs/teaching.md."""

import csv
import functools
import json
import os
import re
import sys

import nbformat
import pytest
from conftest import ROOT, is_root, left_in

from ddsp_course import exercises, report
from ddsp_course.cli import main
from ddsp_course.errors import CourseError

sys.path.insert(0, str(ROOT / "scripts"))
import build_notebooks
import make_handouts

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*/*.ipynb"))
FIRST = ROOT / "notebooks" / "01_ddsp_library" / "00_first_sounds.ipynb"
MAP = ROOT / "notebooks" / "01_ddsp_library" / "01_library_map.ipynb"
SOLUTION = re.compile(r"<summary>Solution</summary>\n\n```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def opened(path):
    return nbformat.read(path, as_version=4)


def exercises_in(notebook):
    """Return {name: cell} of a notebook's exercises."""
    found = [cell for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])]
    return {report.checked(cell.source)[0]: cell for cell in found}


@functools.cache
def starters():
    return report.starters(report.handed_out())


def stream(*pieces):
    return [{"output_type": "stream", "name": "stdout", "text": piece} for piece in pieces]


# --- handouts


@each_notebook
def test_handout_has_no_solution_and_is_valid(path):
    solutions = [code for cell in opened(path).cells for code in SOLUTION.findall(cell.source)]
    handout = make_handouts.without_solutions(opened(path))
    nbformat.validate(handout)
    assert len(solutions) == len(exercises_in(opened(path))) >= 3
    text = "\n".join(cell.source for cell in handout.cells)
    assert "Solution" not in text and "<details" not in text
    for solution in solutions:
        assert solution.strip() not in text


@each_notebook
def test_handout_keeps_exercises_and_everything_else(path):
    before, after = opened(path), make_handouts.without_solutions(opened(path))
    assert list(exercises_in(after)) == list(exercises_in(before))
    kept = {cell.id: cell for cell in after.cells}
    for cell in before.cells:
        if "exercise" in cell.metadata.get("tags", []):
            assert kept[cell.id].source == cell.source and kept[cell.id].metadata == cell.metadata
            assert kept[cell.id].outputs == [] and kept[cell.id].execution_count is None
        elif "<summary>Solution" not in cell.source:
            assert kept[cell.id] == cell


def test_text_after_a_solution_stays_and_a_cell_with_nothing_else_goes():
    solution = "<details><summary>Solution</summary>\n\n```python\nx = 1\n```\n\n</details>"
    hint = "<details><summary>A hint</summary>\n\nThink.\n\n</details>"
    cells = [solution, f"Before.\n\n{solution}\n\nAfter.\n\n{solution}", hint]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_markdown_cell, cells)))
    left = [cell.source for cell in make_handouts.without_solutions(notebook).cells]
    assert left == ["Before.\n\nAfter.", hint]


def test_handouts_lie_as_the_course_does_and_their_links_lead_to_files(tmp_path):
    folder = tmp_path / "handouts"
    make_handouts.make(folder)
    for path in NOTEBOOKS:
        handout = folder / path.relative_to(ROOT)
        assert set(report.states(report.read(handout), starters()).values()) == {"not tried"}
    pages = [folder / "notebooks" / "START.md", *folder.rglob("*.ipynb")]
    assert len(pages) == len(NOTEBOOKS) + 2  # the start page and the app
    for page in pages:
        text = page.read_text("utf-8")
        if page.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        for link in LINK.findall(text):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), (page, link)


# --- what a check prints, and what the report reads


def state_of(name, source, *outputs):
    cell = {"cell_type": "code", "source": source, "outputs": list(outputs)}
    cells = [("code", source, report.printed(cell))]
    return report.states(cells, starters()).get(name)


@pytest.mark.parametrize(
    ("answer", "state"), [("zero", "solved"), ("one", "tried"), (2.5, "tried"), (None, "tried")]
)
def test_what_a_check_prints_is_what_the_report_reads(answer, state, capsys):
    exercises.check("first_sounds.flipped", answer)
    source = f'exercises.check("first_sounds.flipped", {answer!r})'
    assert state_of("first_sounds.flipped", source, *stream(capsys.readouterr().out)) == state


def test_three_dots_are_not_a_try_in_this_edition_or_in_another(capsys):
    exercises.check("first_sounds.flipped", ...)
    said = stream(capsys.readouterr().out)
    name = "first_sounds.flipped"
    assert state_of(name, starters()[name], *said) == "not tried"
    assert (
        state_of(name, f'ends_at = ...\nexercises.check("{name}", ends_at)', *said) == "not tried"
    )
    # Edited, and not run again.
    assert (
        state_of(name, f'final_gain = "one"\nexercises.check("{name}", final_gain)', *said)
        == "tried"
    )


def test_report_knows_every_exercise_of_the_course():
    known = report.handed_out()
    for path in NOTEBOOKS:
        name = path.relative_to(ROOT / "notebooks").with_suffix("").as_posix()
        assert list(known[name]) == list(exercises_in(opened(path)))
    assert len(starters()) > 80


@pytest.mark.parametrize(
    "outputs",
    [
        stream("Right!\n"),
        stream(["Right!\n"]),
        stream("I think: ", "yes\nRi", "ght!\n"),
        stream("Right!\r\n"),
        stream("Right!"),
        [{"output_type": "display_data", "data": {"text/plain": "Right!", "text/html": "Right!"}}],
        [{"output_type": "execute_result", "data": {"text/plain": ["Right!\n"]}}, *stream("bye")],
        [
            *stream("Right!\n"),
            {"output_type": "error", "ename": "E", "evalue": "", "traceback": []},
        ],
        [{"output_type": "stream", "text": "Right!\n"}, None, 3, {"data": 4}],
    ],
)
def test_verdict_is_read_however_a_program_saved_it(outputs):
    source = 'answer = 1\nexercises.check("first_sounds.fifth", answer)'
    assert state_of("first_sounds.fifth", source, *outputs) == "solved"


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        stream("Not yet: all Right!\n"),
        stream("Right! or is it?\n"),
        [{"output_type": "stream", "name": "stderr", "text": "Right!\n"}],
        [{"output_type": "display_data", "data": {"text/html": "Right!"}}],
        [
            {
                "output_type": "error",
                "ename": "NameError",
                "evalue": "Right!",
                "traceback": ["Right!"],
            }
        ],
    ],
)
def test_anything_else_is_a_try(outputs):
    source = 'answer = 1\nexercises.check("first_sounds.fifth", answer)'
    assert state_of("first_sounds.fifth", source, *outputs) == "tried"


def test_checks_in_one_cell_are_told_apart_by_their_order():
    source = "\n".join(
        f"exercises.check('first_sounds.{name}', {name})" for name in ("fifth", "vibrato", "faults")
    )
    said = stream("Not yet: too low.\nRight!\n")  # and then an error
    states = [
        state_of(f"first_sounds.{name}", source, *said) for name in ("fifth", "vibrato", "faults")
    ]
    assert states == ["tried", "solved", "tried"]
    loop = 'for answer in (1, 2):\n    exercises.check("first_sounds.fifth", answer)'
    assert state_of("first_sounds.fifth", loop, *stream("Not yet: no.\nRight!\n")) == "solved"


def test_check_in_a_comment_or_in_text_does_not_count():
    source = '# exercises.check("first_sounds.fifth", tone)\nprint("Right!")'
    assert state_of("first_sounds.fifth", source, *stream("Right!\n")) is None
    cells = [("markdown", 'exercises.check("first_sounds.fifth", tone)', "Right!\n")]
    assert report.states(cells, starters()) == {}


# --- a class


def filled(path, answers):
    """Return a notebook as JSON in which exercises have been worked on.

    Args:
      answers: {exercise: what its check printed}; the others stay as they were handed out.
    """
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:
        if "exercise" in cell["metadata"].get("tags", []):
            code = "".join(cell["source"])
            (name,) = report.checked(code)
            if name in answers:
                cell["source"] = code.replace("...", "answer").splitlines(keepends=True)
                cell["outputs"] = answers[name]
    return notebook


RIGHT, WRONG = stream(["Right!\n"]), stream(["Not yet: an octave too high.\n"])
ALL_OF_FIRST = dict.fromkeys(exercises_in(opened(FIRST)), RIGHT)


def jupyterlab():
    """Everything is solved; a recording hangs below one answer."""
    audio = {"output_type": "display_data", "data": {"text/html": ["<audio>"]}, "metadata": {}}
    return filled(FIRST, ALL_OF_FIRST | {"first_sounds.fifth": [*RIGHT, audio]})


def colab():
    """Colab's metadata, text in single strings, an error, two wrong answers."""
    error = {"output_type": "error", "ename": "NameError", "evalue": "f0_hz", "traceback": ["..."]}
    answers = {
        "first_sounds.flipped": stream("Right!\n"),
        "first_sounds.fifth": stream("hm\n", "Ri", "ght!\n"),
        "first_sounds.vibrato": WRONG,
        "first_sounds.gain": [error],
    }
    notebook = filled(FIRST, answers) | {"nbformat_minor": 0}
    notebook["metadata"]["colab"] = {"provenance": []}
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        cell.pop("id")
    return notebook


def vs_code():
    """A cell was deleted, one was duplicated and solved in the copy, and the order is another."""
    notebook = filled(FIRST, ALL_OF_FIRST | {"first_sounds.fifth": WRONG})
    cells = {
        name: cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        for name in report.checked("".join(cell["source"]))
    }
    notebook["cells"].remove(cells["first_sounds.faults"])
    copy = cells["first_sounds.fifth"] | {
        "outputs": RIGHT,
        "metadata": {"vscode": {"languageId": "python"}},
    }
    notebook["cells"] = [copy, *reversed(notebook["cells"])]
    return notebook


def cleared():
    """Worked on, and saved with all outputs cleared."""
    notebook = filled(FIRST, ALL_OF_FIRST)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return notebook


def renamed_check():
    """A letter is missing in an exercise's name, and an exercise of another notebook was pasted in."""
    notebook = filled(MAP, {"library_map.chord": RIGHT})
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("library_map.homes", "library_map.home")
    pasted = 'exercises.check("core.descent", "near 260 Hz")'
    notebook["cells"].append(
        {"cell_type": "code", "source": pasted, "outputs": RIGHT, "metadata": {}}
    )
    return notebook


def foreign():
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('print("Right!")')])


def old():
    cell = {"cell_type": "code", "input": ["print(1)"], "language": "python", "outputs": []}
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [cell]}]}


def states(**counts):
    return {name.replace("_", " "): number for name, number in counts.items()}


# Ten learners: what they handed in, the notebook that it is, and the states of its exercises.
CLASS = {
    "anna/00_first_sounds.ipynb": (jupyterlab, states(solved=6)),
    "ben/Copy of first sounds (1).ipynb": (colab, states(solved=2, tried=2, not_tried=2)),
    "chloé/notebooks/01_ddsp_library/00_first_sounds.ipynb": (
        vs_code,
        states(solved=5, missing=1),
    ),
    "dan/00_first_sounds.ipynb": (cleared, states(tried=6)),
    "eve.ipynb": (lambda: json.loads(FIRST.read_text("utf-8")), states(not_tried=6)),
    "finn/01_library_map.ipynb": (renamed_check, states(solved=2, not_tried=2, missing=1)),
    "gita/homework.ipynb": (PDF, states(not_read=1)),
    "hugo/statistics.ipynb": (foreign, states(not_read=1)),
    "ines/00_first_sounds.ipynb": (FIRST.read_bytes()[:200_000], states(not_read=1)),
    "=jo/old.ipynb": (old, states(not_read=1)),
}


def hand_in(folder, name, made):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made if isinstance(made, bytes) else json.dumps(made()).encode())


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handed_in")
    for name, (made, _) in CLASS.items():
        hand_in(folder, name, made)
    hand_in(folder, "anna/.ipynb_checkpoints/00_first_sounds-checkpoint.ipynb", colab)
    hand_in(folder, "anna/my_take.wav", b"RIFF")
    hand_in(folder, ".DS_Store", b"\0")
    return folder


def counted(rows):
    found = {}
    for row in rows:
        of_file = found.setdefault(row["file"], {})
        of_file[row["state"]] = of_file.get(row["state"], 0) + 1
    return found


def test_class_of_ten(handed_in):
    rows = report.of_folder(handed_in)
    assert counted(rows) == {name: expected for name, (_, expected) in CLASS.items()}
    learners = {row["file"]: row["learner"] for row in rows}
    assert learners["chloé/notebooks/01_ddsp_library/00_first_sounds.ipynb"] == "chloé"
    assert learners["eve.ipynb"] == "eve"
    found = {(row["learner"], row["exercise"]): row for row in rows}
    assert found["ben", "first_sounds.fifth"]["state"] == "solved"
    assert found["ben", "first_sounds.gain"]["state"] == "tried"
    assert found["ben", "first_sounds.gain"]["notebook"] == "01_ddsp_library/00_first_sounds"
    assert found["chloé", "first_sounds.faults"]["state"] == "missing"
    assert found["finn", "library_map.homes"]["state"] == "missing"
    assert found["finn", "core.descent"]["state"] == "solved"
    for row in rows:
        assert bool(row["note"]) == (row["learner"] == "dan" or row["state"] == "not read")


def test_file_that_cannot_be_read_gets_a_sentence_that_names_it(handed_in):
    unread = [row for row in report.of_folder(handed_in) if row["state"] == "not read"]
    assert len(unread) == 4
    for row in unread:
        assert row["file"].rpartition("/")[2] in row["note"]
        assert (row["notebook"], row["exercise"]) == ("", "")
        said, _, todo = row["note"].rpartition(": ")
        assert said and todo.endswith(".") and "\n" not in row["note"] and len(row["note"]) < 150


def test_command_writes_a_row_per_exercise_and_prints_a_line_per_file(handed_in, tmp_path, capsys):
    table = tmp_path / "report.csv"
    assert main(["report", str(handed_in), "-o", str(table)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    for name in CLASS:
        assert sum(line.startswith(name) for line in said.out.splitlines()) == 1
    with open(table, encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file))
    rows = report.of_folder(handed_in)
    assert list(read[0]) == list(report.COLUMNS)
    # No spreadsheet takes "=jo" for a formula.
    assert [row["file"].removeprefix("'") for row in read] == [row["file"] for row in rows]
    assert read[0]["learner"] == "'=jo"
    assert [row["state"] for row in read] == [row["state"] for row in rows]
    assert left_in(tmp_path) == ["report.csv"]


def test_report_inside_the_folder_is_not_taken_for_a_learner(tmp_path):
    hand_in(tmp_path, "anna.ipynb", jupyterlab)
    table = tmp_path / "report.csv"
    for _ in range(2):
        assert main(["report", str(tmp_path), "--output", str(table)]) == 0
        assert table.read_text("utf-8-sig").count("\n") == 7  # a heading, and six exercises


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("homework.pdf", PDF),
        ("empty.ipynb", b""),
        ("blank.ipynb", b" \n"),
        ("list.ipynb", b"[]"),
        ("deep.ipynb", b"[" * 200_000),
        ("number.ipynb", b"1" * 10_000),
        ("latin.ipynb", '{"cells": ["é"]}'.encode("latin-1")),
        ("odd.ipynb", b'{"cells": {"0": {}}}'),
        ("no_cells.ipynb", b'{"cells": [], "nbformat": 4}'),
        ("odd_cells.ipynb", b'{"cells": [null, [], {"source": 3, "outputs": {"a": 1}}]}'),
    ],
)
def test_wrong_file_stops_no_other(tmp_path, name, content):
    hand_in(tmp_path, f"wrong/{name}", content)
    hand_in(tmp_path, "anna.ipynb", jupyterlab)
    expected = {"anna.ipynb": {"solved": 6}, f"wrong/{name}": {"not read": 1}}
    assert counted(report.of_folder(tmp_path)) == expected


def test_folder_called_like_a_notebook_huge_file_and_pipe_get_a_sentence(tmp_path):
    (tmp_path / "folder.ipynb").mkdir()
    with open(tmp_path / "huge.ipynb", "wb") as huge:
        huge.truncate(report.LARGEST_BYTES + 1)  # takes no room on most disks
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.ipynb")  # to open it would wait for ever
    rows = report.of_folder(tmp_path)
    assert {row["state"] for row in rows} == {"not read"}
    assert [row["file"] for row in rows] == left_in(tmp_path)


def test_file_or_folder_without_permission_gets_a_sentence(tmp_path):
    if is_root():
        pytest.skip("root may read everything")
    for name in ("ann/00.ipynb", "bob/00.ipynb", "cy/00.ipynb"):
        hand_in(tmp_path, name, jupyterlab)
    (tmp_path / "ann" / "00.ipynb").chmod(0)
    (tmp_path / "bob").chmod(0)
    try:
        found = counted(report.of_folder(tmp_path))
    finally:
        (tmp_path / "bob").chmod(0o700)
    assert found == {
        "ann/00.ipynb": {"not read": 1}, "bob": {"not read": 1}, "cy/00.ipynb": {"solved": 6},
    }  # fmt: skip


def test_app_among_the_notebooks_says_nothing(tmp_path):
    hand_in(tmp_path, "anna/app.ipynb", (ROOT / "notebooks" / "app.ipynb").read_bytes())
    hand_in(tmp_path, "anna/00_first_sounds.ipynb", jupyterlab)
    assert counted(report.of_folder(tmp_path)) == {"anna/00_first_sounds.ipynb": {"solved": 6}}


def test_single_notebook_can_be_given_instead_of_a_folder(tmp_path):
    hand_in(tmp_path, "anna.ipynb", jupyterlab)
    hand_in(tmp_path, "ben.ipynb", colab)
    assert counted(report.of_folder(tmp_path / "ben.ipynb")) == {
        "ben.ipynb": states(solved=2, tried=2, not_tried=2)
    }


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_folder_without_files_is_refused(tmp_path, folder, capsys):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CourseError, match=folder):
        report.of_folder(tmp_path / folder)
    assert main(["report", str(tmp_path / folder)]) == 2
    assert folder in capsys.readouterr().err


def test_report_without_the_courses_notebooks_says_where_they_should_be(tmp_path, monkeypatch):
    hand_in(tmp_path, "class/anna.ipynb", jupyterlab)
    monkeypatch.setattr(report._paths, "ASSETS", tmp_path / "assets")
    with pytest.raises(CourseError, match="notebooks"):
        report.of_folder(tmp_path / "class")


# --- docs/teaching.md


def teaching():
    return (ROOT / "docs" / "teaching.md").read_text("utf-8")


def test_links_of_the_teachers_page_lead_to_files():
    links = [link for link in LINK.findall(teaching()) if not link.startswith("http")]
    assert len(links) > 15
    for link in links:
        assert (ROOT / "docs" / link).exists(), link


def test_exercises_that_the_teachers_page_names_exist():
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", teaching()))
    assert len(named & starters().keys()) > 10
    modules = {name.partition(".")[0] for name in starters()}
    assert {name for name in named if name.partition(".")[0] in modules} <= starters().keys()


def test_each_part_of_a_plan_is_long_enough_for_its_notebooks():
    planned = 0
    for row in re.findall(r"^\| .+ \|$", teaching(), re.MULTILINE):
        slot = re.search(r"\| (\d+) min \|", row)
        notebooks = re.findall(r"\]\(\.\./notebooks/(\d\d_\w+/\w+)\.ipynb\)", row)
        if slot and notebooks:
            lessons = [build_notebooks.LESSONS / f"{name}.md" for name in notebooks]
            needed = [build_notebooks.reading_minutes(one.read_text("utf-8")) for one in lessons]
            assert sum(needed) <= int(slot[1]), row
            planned += len(notebooks)
    # Nine weeks have all notebooks, and the one day has five.
    assert planned >= len(NOTEBOOKS) + 4
