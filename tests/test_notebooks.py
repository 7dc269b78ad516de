"""The notebooks: in step with the lessons, whole, small, and at home in Colab."""

import ast
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import build_notebooks

from ddsp_course.errors import CourseError

LESSONS = sorted((ROOT / "lessons").rglob("*.md"))
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
MARKDOWN_LINK = re.compile(r"\[([^][]+)\]\((https://youtu\.be/[^)]+)\)")


def name(path):
    return path.stem


def read(path):
    return nbformat.read(path, as_version=4)


def outputs(path):
    return [output for cell in read(path).cells for output in cell.get("outputs", [])]


def test_every_notebook_has_a_lesson_and_every_lesson_a_notebook():
    assert NOTEBOOKS == [build_notebooks.notebook_path(lesson) for lesson in LESSONS]


@pytest.mark.parametrize("lesson", LESSONS, ids=name)
def test_notebook_is_in_step_with_its_lesson(lesson):
    assert build_notebooks.in_step(lesson), "run `make notebooks`"


def test_notebook_of_a_changed_lesson_is_found(tmp_path, monkeypatch):
    lesson = tmp_path / "a.md"
    lesson.write_text("# A lesson\n\n```{code-cell} ipython3\nprint(1)\n```\n", "utf-8")
    monkeypatch.setattr(build_notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(build_notebooks, "LESSONS", tmp_path)
    monkeypatch.setattr(build_notebooks, "NOTEBOOKS", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert not build_notebooks.in_step(lesson)
    notebook = build_notebooks.convert(lesson)
    notebook.cells[-1].execution_count = 1
    nbformat.write(notebook, tmp_path / "a.ipynb")
    assert build_notebooks.in_step(lesson)
    notebook.cells[-1].metadata["jupyter"] = {"source_hidden": True}
    nbformat.write(notebook, tmp_path / "a.ipynb")
    assert not build_notebooks.in_step(lesson)
    lesson.write_text(lesson.read_text("utf-8").replace("print(1)", "print(2)"), "utf-8")
    assert not build_notebooks.in_step(lesson)


def test_changed_sentence_keeps_the_outputs_and_changed_code_does_not(tmp_path):
    code = nbformat.v4.new_code_cell("print(1)", execution_count=1)
    code.outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    stored = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("A lessen"), code])
    nbformat.write(stored, tmp_path / "a.ipynb")
    changed = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("A lesson"), nbformat.v4.new_code_cell("print(1)")]
    )
    assert build_notebooks.keep_outputs(changed, tmp_path / "a.ipynb")
    assert changed.cells[1].outputs == code.outputs
    changed.cells[1].source = "print(2)"
    assert not build_notebooks.keep_outputs(changed, tmp_path / "a.ipynb")


def test_lesson_is_found_by_its_name():
    assert build_notebooks.lesson_called("02_processors").name == "02_processors.md"
    with pytest.raises(SystemExit, match=r"02_procesors.*\b00_demo\b"):
        build_notebooks.lesson_called("02_procesors")


def test_chapter_that_does_not_exist_is_refused():
    with pytest.raises(CourseError):
        build_notebooks.chapter_link("02", "191")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebook_is_smaller_than_2_megabytes(path):
    assert path.stat().st_size < 2e6


@pytest.mark.parametrize("lesson", LESSONS, ids=name)
def test_notebook_opens_itself_in_colab_by_a_link_that_needs_no_picture(lesson):
    relative = build_notebooks.notebook_path(lesson).relative_to(ROOT).as_posix()
    first = build_notebooks.convert(lesson).cells[0].source
    assert "](https://colab.research.google.com/github/" in first
    assert f"/{relative})" in first
    assert "![" not in first  # a picture from the network is broken offline


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_readme_opens_the_notebook_in_colab(path):
    badge = re.search(
        r"https://colab\.research\.google\.com/github/[^)]+", read(path).cells[0].source
    )
    assert f": {badge[0]}\n" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_video_links_are_chapters(path):
    videos = yaml.safe_load((ROOT / "assets" / "chapters.yml").read_text("utf-8"))["videos"]
    known = {
        f"https://youtu.be/{video['youtube']}?t={chapter['start']}": chapter["title"]
        for video in videos
        for chapter in video["chapters"]
    }
    links = MARKDOWN_LINK.findall("\n".join(cell.source for cell in read(path).cells))
    assert links
    assert all(known[url] == title for title, url in links)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_stored_outputs_hold_no_error_and_no_warning(path):
    assert [output for output in outputs(path) if output.output_type == "error"] == []
    assert [output for output in outputs(path) if output.get("name") == "stderr"] == []
    # TensorFlow's AutoGraph warns on stdout.
    assert [output for output in outputs(path) if "WARNING" in output.get("text", "")] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_stored_outputs_name_no_local_path(path):
    for output in outputs(path):
        texts = [output.get("text", ""), *map(str, output.get("data", {}).values())]
        for text in texts:
            readable = re.sub(r"base64,[A-Za-z0-9+/=\s]+", "", text)
            if len(readable) < 20_000:  # a PNG's base64 has no prefix to know it by
                assert not re.search(r"/(home|root|tmp|work|Users)/", readable)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_only_pictures_players_and_progress_are_exempt_from_comparison(path):
    for cell in (cell for cell in read(path).cells if cell.cell_type == "code"):
        exempt = "nbval-ignore-output" in cell.metadata.get("tags", [])
        shows = [output for output in cell.get("outputs", []) if "data" in output]
        # Widgets are not stored.
        widgets = ("progress=True", "record.record(", "widgets.timbre_transfer(")
        shows = shows or any(widget in cell.source for widget in widgets)
        assert exempt == bool(shows), cell.source


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("lesson", LESSONS, ids=name)
def test_set_up_and_other_code_with_a_title_is_folded(lesson):
    cells = code_cells(build_notebooks.convert(lesson))
    assert cells[0].source.startswith("# @title ")  # Colab shows it as the form's title
    for cell in cells:
        folded = cell.metadata.get("cellView") == "form" and cell.metadata.jupyter.source_hidden
        assert folded == cell.source.startswith("# @title ")


@pytest.mark.parametrize("lesson", LESSONS, ids=name)
def test_imports_are_six_lines_at_most(lesson):
    imports = code_cells(build_notebooks.convert(lesson))[1].source.splitlines()
    if lesson.stem != "app":
        assert imports[0].startswith("import ddsp_course")
        assert all(re.match("import |from ", line) for line in imports)
        assert len(imports) <= 6


@pytest.mark.parametrize("lesson", LESSONS, ids=name)
def test_what_a_reader_sees_uses_no_name_of_the_folded_cell(lesson):
    first, *others = (
        ast.parse(cell.source) for cell in code_cells(build_notebooks.convert(lesson))
    )
    seen = ast.Module([statement for tree in others for statement in tree.body], [])
    assert (names(first)[0] - names(seen)[0]) & names(seen)[1] == set()


def names(tree):
    """Return the names that a syntax tree makes and those that it uses."""
    made, used = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            made |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
    return made, used
