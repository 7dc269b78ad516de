"""Lessons 01, 02 and 04: chapters are covered by code that runs, notebooks have all their parts."""

import asyncio
import re
import sys
import urllib.parse

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

from ddsp_course import chapters
from ddsp_course.errors import CourseError

sys.path.insert(0, str(ROOT / "scripts"))
import build_notebooks

NOTEBOOKS = sorted((ROOT / "notebooks").glob("0[124]_*/*.ipynb"))
WITH_VIDEO = [path for path in NOTEBOOKS if path.parent.name < "03"]
WITHOUT_VIDEO = [path for path in NOTEBOOKS if path not in WITH_VIDEO]
SHOW = re.compile(r'^chapters\.show\("(\d+)", (\d+)\)$')
CHAPTER_LINK = re.compile(r"\]\(https://youtu\.be/([^?]+)\?t=(\d+)\)")
# Sections about the notebook itself.
FRAME = {"Set up", "What you have learned"}
ID = {video["youtube"]: lesson for lesson, video in chapters.videos().items()}

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
with_video = pytest.mark.parametrize("path", WITH_VIDEO, ids=lambda path: path.stem)
without_video = pytest.mark.parametrize("path", WITHOUT_VIDEO, ids=lambda path: path.stem)


def cells(path):
    return nbformat.read(path, as_version=4).cells


def sections(path):
    """Return [(heading, cells)] of the parts under `## ` headings."""
    found = []
    for cell in cells(path):
        heading = re.match(r"## (.+)", cell.source) if cell.cell_type == "markdown" else None
        if heading:
            found.append((heading[1], []))
        if found:
            found[-1][1].append(cell)
    return [row for row in found if row[0] not in FRAME]


def linked(section):
    """Return the chapters that a section's text names, as (lesson, start)."""
    text = "\n".join(cell.source for cell in section if cell.cell_type == "markdown")
    return {(ID[youtube], int(start)) for youtube, start in CHAPTER_LINK.findall(text)}


def shown(section):
    found = (SHOW.match(cell.source) for cell in section if cell.cell_type == "code")
    return {(match[1], int(match[2])) for match in found if match}


def runs(section):
    """Say whether a section has code that ran, other than the video's player."""
    return any(
        cell.cell_type == "code" and cell.execution_count and not SHOW.match(cell.source)
        for cell in section
    )


def covered(notebooks):
    return {
        chapter
        for path in notebooks
        for _, section in sections(path)
        if runs(section)
        for chapter in linked(section)
    }


@pytest.mark.parametrize("lesson", ["01", "02"])
def test_every_chapter_of_a_video_has_a_section_with_code_that_runs(lesson):
    wanted = {(lesson, start) for start in chapters.videos()[lesson]["chapters"]}
    notebooks = [path for path in WITH_VIDEO if path.parent.name.startswith(lesson)]
    assert wanted - covered(notebooks) == set()


def test_chapter_without_a_section_is_found():
    """The test before this one can fail: a chapter is missing where its notebook is."""
    paper = [path for path in WITH_VIDEO if path.stem == "05_paper"]
    assert ("01", 466) not in covered([path for path in WITH_VIDEO if path not in paper])


@each_notebook
def test_every_section_has_code_that_runs(path):
    assert sections(path)
    for heading, section in sections(path):
        assert runs(section), heading


@with_video
def test_every_section_names_a_chapter(path):
    known = {(k, start) for k, video in chapters.videos().items() for start in video["chapters"]}
    for heading, section in sections(path):
        assert linked(section), heading
        assert linked(section) <= known, heading


@without_video
def test_lesson_without_a_video_names_chapters_once_and_the_contents_name_them_too(path):
    first, *others = cells(path)
    (said,) = re.findall(r"^\*\*Goes on from\.\*\* (.+)$", first.source, re.MULTILINE)
    assert linked([first])
    assert not linked(others) and not any(map(shown, [[cell] for cell in others]))
    links = build_notebooks.LINK.findall(said)
    for page in (build_notebooks.readme(), build_notebooks.start_page()):
        assert all(link in page for link in links)


@with_video
def test_video_is_shown_once_where_its_first_section_names_the_chapter(path):
    _, first = sections(path)[0]
    players = [shown([cell]) for cell in cells(path) if shown([cell])]
    assert len(players) == 1
    assert players[0] <= linked(first)


@each_notebook
def test_first_cell_says_what_it_teaches_needs_and_takes(path):
    first = cells(path)[0].source
    for part in ("What you'll do.", "What you'll learn.", "What you'll need.", "How long."):
        assert f"**{part}**" in first


@each_notebook
def test_last_cell_says_what_was_learned_what_is_next_and_what_to_read(path):
    last = cells(path)[-1].source
    assert last.startswith("## What you have learned")
    assert "**Read on.**" in last
    (link,) = re.findall(r"\*\*Next\.\*\* \[[^]]+\]\(([^)]+\.ipynb)\)", last)
    assert (path.parent / link).exists()


@each_notebook
def test_notebook_has_an_explorable_that_leaves_a_picture_and_a_player(path):
    panels = [cell for cell in cells(path) if "explore.explore(" in cell.source]
    assert panels
    for cell in panels:
        assert any("image/png" in output.data for output in cell.outputs)
        assert any("<audio " in output.data.get("text/html", "") for output in cell.outputs)


@each_notebook
def test_visible_code_is_25_lines_long_at_most(path):
    for cell in cells(path):
        if cell.cell_type == "code" and not cell.source.startswith("# @title"):
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 25, cell.source


@pytest.mark.tensorflow
@pytest.mark.slow
@each_notebook
def test_cells_work_again_and_in_another_order(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    with client.setup_kernel():
        # As a learner does: from top to bottom, and then back to what was not clear.
        for i in [*code, *reversed(code)]:
            client.execute_cell(notebook.cells[i], i)
            said = [o for o in notebook.cells[i].outputs if o.get("name") == "stderr"]
            assert said == [], notebook.cells[i].source


@pytest.mark.tensorflow
@pytest.mark.slow
def test_notebook_runs_twice_at_once_in_one_folder(tmp_path):
    # The one that writes most files, in two windows side by side.
    path = build_notebooks.NOTEBOOKS / "02_timbre_transfer" / "06_loading_a_model.ipynb"
    clients = [
        NotebookClient(
            nbformat.read(path, as_version=4),
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": str(tmp_path)}},
        )
        for _ in range(2)
    ]

    async def both():
        await asyncio.gather(*(client.async_execute() for client in clients))

    asyncio.run(both())  # a cell's error is raised
    printed = [
        [o.text for cell in client.nb.cells for o in cell.get("outputs", []) if "text" in o]
        for client in clients
    ]
    assert "".join(printed[0]) == "".join(printed[1])


def test_widgets_are_not_stored():
    for path in build_notebooks.NOTEBOOKS.rglob("*.ipynb"):
        assert build_notebooks.WIDGET not in path.read_text("utf-8")


def test_contents_of_the_readme_are_in_step_with_the_lessons():
    assert build_notebooks.readme() == (ROOT / "README.md").read_text("utf-8")


def test_no_notebook_takes_longer_than_40_minutes_to_read():
    minutes = {
        lesson.stem: build_notebooks.reading_minutes(lesson.read_text("utf-8"))
        for lesson in build_notebooks.LESSONS.glob("*/*.md")
    }
    assert {name: took for name, took in minutes.items() if took > 40} == {}


def test_code_solutions_settings_and_marks_of_tables_take_no_time_to_read():
    settings = "---\njupytext:\n---\n"
    unread = "```{code-cell} ipython3\n" + "x = 1\n" * 900 + "```\n\n| --- | --- |\n"
    solution = "<details><summary>Solution</summary>\n" + "word " * 900 + "\n</details>\n"
    assert build_notebooks.reading_minutes(settings + unread + solution) == 0
    assert build_notebooks.reading_minutes(settings + unread + "word " * 900) == 5


def test_budget_names_every_notebook():
    table = (ROOT / "notebooks" / "BUDGET.md").read_text("utf-8")
    for path in build_notebooks.NOTEBOOKS.rglob("*.ipynb"):
        assert f"({path.relative_to(build_notebooks.NOTEBOOKS).as_posix()})" in table


def test_terms_of_the_glossary_stand_in_their_notebooks():
    entries = re.findall(
        r"^- \*\*(.+?)\*\*(?: \(.+?\))?: .+ \(\[.+?\]\((.+?)\)\)$",
        (ROOT / "GLOSSARY.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(entries) > 40
    assert [term for term, _ in entries] == sorted({t for t, _ in entries}, key=str.casefold)
    for term, notebook in entries:
        text = "\n".join(cell.source for cell in cells(ROOT / notebook))
        assert term.casefold() in text.casefold(), f"{term} is not in {notebook}"


def test_sources_that_the_lessons_cite_are_in_the_bibliography_and_the_reading_list():
    entries = re.findall(
        r"^@\w+\{(\w+),\n(.*?)^\}$",
        (ROOT / "references.bib").read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    listed = re.findall(
        r"^- [^[]*\[.+?\]\((\S+)\).+ \(`(\w+)`\)$",
        (ROOT / "READING.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert sorted(key for key, _ in entries) == sorted(key for _, key in listed)
    for address, key in listed:
        assert address.removeprefix("https://doi.org/") in dict(entries)[key]
    published = {address for address, _ in listed}
    hosts = {urllib.parse.urlsplit(address).netloc for address in published} - {"github.com"}
    for lesson in build_notebooks.LESSONS.glob("*/*.md"):
        for address in re.findall(r"\]\((https?://[^)\s]+)\)", lesson.read_text("utf-8")):
            if urllib.parse.urlsplit(address).netloc in hosts:
                assert address in published, f"{lesson.name}: {address}"


def test_player_waits_until_it_is_unfolded(capsys):
    chapters.show("01", 149)
    assert "DDSP Processors Module" in capsys.readouterr().out
    assert chapters.link("01", 149)[1] == "https://youtu.be/EXz1TJQ-hSo?t=149"


def test_chapter_that_does_not_exist_is_named():
    with pytest.raises(CourseError, match=r"\b01\b.*\b150\b"):
        chapters.show("01", 150)
