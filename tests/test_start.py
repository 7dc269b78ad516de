"""`make lab`: the start page, the learner's own copies of the notebooks, and the first screen."""

import contextlib
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT, free_port, wait_for

sys.path.insert(0, str(ROOT / "scripts"))
import build_notebooks
import lab

LINK = re.compile(r"\]\(([^)]+)\)")
FIRST = "notebooks/01_ddsp_library/00_first_sounds.ipynb"


def test_start_page_is_in_step_with_lessons_and_budget():
    assert build_notebooks.START.read_text("utf-8") == build_notebooks.start_page()


def test_links_of_the_start_page_lead_to_files():
    links = LINK.findall(build_notebooks.start_page())
    links = [link for link in links if not link.startswith("https://")]
    assert len(links) > 15
    for link in links:
        assert (build_notebooks.NOTEBOOKS / link).exists(), link


def test_start_page_lists_each_notebook_in_order_with_what_it_takes():
    rows = re.findall(
        r"^\| (\d+)\. \[.+?\]\((.+?)\) \| .+ \| \d+\smin \| \d+\ss \| [a-z, ]*\|$",
        build_notebooks.start_page(),
        re.MULTILINE,
    )
    notebooks = sorted(build_notebooks.NOTEBOOKS.glob("*/*.ipynb"))
    names = [path.relative_to(build_notebooks.NOTEBOOKS).as_posix() for path in notebooks]
    assert rows == [(str(number), name) for number, name in enumerate(names, 1)]


def test_lesson_that_does_not_say_how_long_it_takes_is_refused(monkeypatch):
    said = {
        "title": "A",
        "What you'll do": "Hear.",
        "What you'll need": "Ears.",
        "How long": "Not.",
    }
    monkeypatch.setattr(build_notebooks, "first_cell", lambda lesson: said)
    with pytest.raises(ValueError, match="00_first_sounds.*minutes"):
        build_notebooks.start_page()


def notebook(code, output="1\n", **metadata):
    """Return a notebook of one cell that has run, as text."""
    cell = nbformat.v4.new_code_cell(code, id="a", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=output)]
    return nbformat.writes(nbformat.v4.new_notebook(cells=[cell], metadata=metadata))


@pytest.fixture
def course(tmp_path):
    """A small course to be handed out, with one notebook, `FIRST`."""
    (tmp_path / FIRST).parent.mkdir(parents=True)
    (tmp_path / FIRST).write_text(notebook("print(1)"), "utf-8")
    (tmp_path / "GLOSSARY.md").write_text("# Glossary\n", "utf-8")
    (tmp_path / "notebooks" / "START.md").write_text("# Start here\n", "utf-8")
    return tmp_path


@pytest.fixture
def own(course):
    own = course / "my_course"
    assert lab.bring_up_to_date(course, own) == []
    return own


def content(folder):
    """Return {path: text} of all that a learner sees in a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: path.read_text("utf-8") for name, path in names.items() if name[0] != "."}


def test_copies_are_what_a_learner_opens_and_nothing_else(course, own):
    assert sorted(content(own)) == ["GLOSSARY.md", FIRST, "notebooks/START.md"]
    assert content(own)[FIRST] == (course / FIRST).read_text("utf-8")


def test_copy_that_was_not_changed_is_brought_up_to_date(course, own):
    # JupyterLab has opened it, and noted what Python it found.
    (own / FIRST).write_text(notebook("print(1)", language_info={"name": "python"}), "utf-8")
    (course / FIRST).write_text(notebook("print(2)"), "utf-8")
    (course / "GLOSSARY.md").write_text("# A glossary\n", "utf-8")
    assert lab.bring_up_to_date(course, own) == []
    assert content(own)[FIRST] == notebook("print(2)")
    assert content(own)["GLOSSARY.md"] == "# A glossary\n"
    assert len(content(own)) == 3


@pytest.mark.parametrize(
    "mine", [notebook("print(3)"), notebook("print(1)", output="my own run\n"), "not a notebook"]
)
def test_changed_copy_stays_and_a_newer_edition_appears_beside_it(course, own, mine):
    new = FIRST.replace(".ipynb", "_new.ipynb")
    (own / FIRST).write_text(mine, "utf-8")
    assert lab.bring_up_to_date(course, own) == []  # the course has not changed
    for edition in ("print(2)", "print(4)"):
        (course / FIRST).write_text(notebook(edition), "utf-8")
        beside = lab.bring_up_to_date(course, own)
        assert [path.as_posix() for path in beside] == [new]
        assert lab.bring_up_to_date(course, own) == []
        assert content(own)[FIRST] == mine
        assert content(own)[new] == notebook(edition)
    # That one is changed, too.
    (own / new).write_text(mine, "utf-8")
    (course / FIRST).write_text(notebook("print(5)"), "utf-8")
    lab.bring_up_to_date(course, own)
    assert content(own)[FIRST] == content(own)[new] == mine
    assert content(own)[FIRST.replace(".ipynb", "_new_2.ipynb")] == notebook("print(5)")


def test_copy_of_what_the_course_no_longer_has_goes_unless_it_was_changed(course, own):
    kept = course / FIRST.replace("00", "01")
    kept.write_text(notebook("print(2)"), "utf-8")
    lab.bring_up_to_date(course, own)
    (own / kept.relative_to(course)).write_text(notebook("print(3)"), "utf-8")
    kept.unlink()
    (course / FIRST).unlink()
    (own / "mine.ipynb").write_text(notebook("print(4)"), "utf-8")
    lab.bring_up_to_date(course, own)
    names = ["GLOSSARY.md", "mine.ipynb", kept.relative_to(course).as_posix(), "notebooks/START.md"]
    assert sorted(content(own)) == names


def test_lost_or_damaged_record_of_editions_costs_the_learner_nothing(course, own):
    (own / FIRST).write_text(notebook("print(3)"), "utf-8")
    (own / lab.EDITIONS).write_text("{", "utf-8")
    lab.bring_up_to_date(course, own)
    assert content(own)[FIRST] == notebook("print(3)")


def test_copies_that_cannot_be_written_are_told_in_a_sentence(course, monkeypatch):
    (course / "in_the_way").touch()
    monkeypatch.setattr(lab, "OWN", course / "in_the_way")
    with pytest.raises(SystemExit, match="in_the_way"):
        lab.main()


def test_git_does_not_see_the_copies():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    for path in (lab.OWN / FIRST, lab.OWN / lab.EDITIONS):
        subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=True)
    words, _ = lab.command(lab.OWN)
    assert f"--ServerApp.root_dir={lab.OWN}" in words  # the course's own files are out of reach


@contextlib.contextmanager
def started(own):
    """Run what `make lab` runs while a block runs; gives its address."""
    port = free_port()
    words, environment = lab.command(
        own, "--no-browser", f"--port={port}", "--allow-root", "--ServerApp.token=",
        "--ServerApp.password=", "--LabApp.expose_app_in_browser=True",
    )  # fmt: skip
    # As on a fresh machine, where nobody has answered any question.
    environment |= {"PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(own / ".jupyter" / "fresh")}
    with open(own / ".jupyter" / "server.log", "wb") as log:
        server = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(120)


@pytest.fixture
def short_course(course):
    """The notebooks of the start page's first links; the first one is its set-up, and a cell."""
    for name in ("01_ddsp_library/00_first_sounds.md", "02_timbre_transfer/00_demo.md", "app.md"):
        lesson = build_notebooks.LESSONS / name
        made = build_notebooks.convert(lesson)
        path = course / build_notebooks.notebook_path(lesson).relative_to(ROOT)
        if path == course / FIRST:
            made.cells[4:-1] = [nbformat.v4.new_code_cell("print(ddsp.__version__)", id="a")]
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(made, path)
    shutil.copy(build_notebooks.START, course / "notebooks")
    return course


def test_make_lab_opens_the_start_page_and_a_saved_run_changes_only_the_copy(page, short_course):
    course, own = short_course, short_course / "my_course"
    lab.bring_up_to_date(course, own)
    before = content(course / "notebooks")
    page = page()
    page.set_viewport_size({"width": 1280, "height": 900})
    with started(own) as address:
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_selector(f"{RENDERED} h1:has-text('Start here')")
        assert page.url == f"{address}/lab/tree/notebooks/START.md"
        # The file browser shows the course and nothing else.
        page.wait_for_selector(".jp-DirListing-item:has-text('01_ddsp_library')")
        assert len(page.query_selector_all(".jp-DirListing-item")) == 4
        for title in ("Play any sound on any instrument", "First sounds"):
            page.click(".lm-TabBar-tab:has-text('START.md')")
            page.click(f"{RENDERED} a:text-is('{title}') >> nth=0")
            page.wait_for_selector(f"{NOTEBOOK} h1:has-text('{title}')")
            # The first screen: the text, one line for the set-up, and the first code.
            folded = page.wait_for_selector(f"{NOTEBOOK} .jp-Placeholder")
            assert folded.bounding_box()["height"] < 40
            assert not page.is_visible(f"{NOTEBOOK} >> text=PACKAGES")
            code = page.wait_for_selector(f"{NOTEBOOK} .cm-line:has-text('import')")
            assert code.bounding_box()["y"] < 900
        run_all_and_save(page)
        page.click(f"{NOTEBOOK} a:text-is('glossary')")
        page.wait_for_selector(f"{RENDERED} h1:has-text('Glossary')")
        assert "Jupyter news" not in page.inner_text("body")
    assert content(course / "notebooks") == before
    ran = nbformat.reads(content(own)[FIRST], as_version=4).cells
    assert [cell.outputs[0].text for cell in ran if cell.get("outputs")] == ["3.7.0\n"]
    assert lab.bring_up_to_date(course, own) == []
    assert nbformat.reads(content(own)[FIRST], as_version=4).cells == ran


RENDERED = ".jp-MarkdownViewer:not(.lm-mod-hidden)"
NOTEBOOK = ".jp-NotebookPanel:not(.lm-mod-hidden)"


def run_all_and_save(page):
    page.evaluate(
        """async () => {
          const { context, sessionContext } = jupyterapp.shell.currentWidget;
          await context.ready;
          await sessionContext.ready;
          await sessionContext.session.kernel.info;
          await jupyterapp.commands.execute("notebook:run-all-cells");
          await jupyterapp.commands.execute("docmanager:save");
        }"""
    )
