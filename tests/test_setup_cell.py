"""The first cell of the notebooks, in Colab and elsewhere: what it fetches, installs and says."""

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata

import nbformat
import pytest
from conftest import ROOT, assert_sentence, left_in
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

sys.path.insert(0, str(ROOT / "scripts"))
import build_notebooks

from ddsp_course import colab
from ddsp_course.errors import SetupError

LESSONS = sorted((ROOT / "lessons").rglob("*.md"))
BEGIN = "import google.colab\n"  # as Colab's kernel does
LACKS = """
from importlib import metadata
there = metadata.version
def version(package):
    if package in LACKS:
        raise metadata.PackageNotFoundError(package)
    return "2.20.0" if package == "tensorflow" else "1"
metadata.version = version
"""


def setup_cell(lesson):
    cells = build_notebooks.convert(lesson).cells
    return next(cell.source for cell in cells if cell.cell_type == "code")


CELL = setup_cell(ROOT / "lessons" / "01_ddsp_library" / "00_first_sounds.md")


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def room(tmp_path):
    """A folder with a repository of the course, a pip that writes down its arguments, and a Colab."""
    repository = tmp_path / "repository"
    (repository / "ddsp_course").mkdir(parents=True)
    for path in (ROOT / "ddsp_course").glob("*.py"):
        shutil.copy(path, repository / "ddsp_course")
    shutil.copytree(ROOT / "requirements", repository / "requirements")
    git(repository, "init", "-q")
    commit(repository)
    stubs = tmp_path / "stubs"
    (stubs / "google" / "colab").mkdir(parents=True)
    (stubs / "google" / "colab" / "__init__.py").touch()
    pip_that(tmp_path, "")
    (tmp_path / "content").mkdir()
    return tmp_path


def commit(repository):
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "a")


def pip_that(room, fails):
    """Put a pip there that writes down its arguments, and fails if it has something to say."""
    (room / "stubs" / "pip").mkdir(exist_ok=True)
    (room / "stubs" / "pip" / "__init__.py").touch()
    (room / "stubs" / "pip" / "__main__.py").write_text(
        f"import sys, pathlib; pathlib.Path('pip.txt').write_text(' '.join(sys.argv[1:]))\n"
        f"sys.exit({fails!r} or 0)"
    )


def run(room, lacks=(), cell=CELL, source=None, after=""):
    """Run the cell in a Colab that lacks some packages, and return what came of it."""
    program = f"{BEGIN}LACKS = {lacks!r}{LACKS}\n{cell}\n{after}"
    (room / "cell.py").write_text(program, "utf-8")
    source = source or (room / "repository").as_uri()
    return subprocess.run(
        [sys.executable, "-B", str(room / "cell.py")], cwd=room / "content",
        env=os.environ | {"PYTHONPATH": str(room / "stubs"), "DDSP_COURSE_REPO": source},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_every_notebook_begins_with_the_cell_which_is_short(lesson):
    cell = setup_cell(lesson)
    trains = "ddsp_course.training" in lesson.read_text("utf-8")
    assert cell.replace("training=True", "") == CELL
    assert ("install(training=True)" in cell) == trains
    assert len(cell.splitlines()) <= 45
    assert max(map(len, cell.splitlines())) <= 100


def test_outside_colab_it_does_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-B", "-c", CELL],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert left_in(tmp_path) == []


def test_course_is_fetched_and_only_what_is_missing_is_installed(room):
    done = run(room, lacks=["ddsp", "mido", "tf-keras"], after="print(colab.__file__)")
    assert done.returncode == 0, done.stderr
    pins = colab.versions()
    words = (room / "content" / "pip.txt").read_text().split()
    # Keras 2 as TensorFlow has it here.
    assert words == [
        "install", "--no-deps", "-q", pins["ddsp"], pins["mido"], "tf-keras==2.20.*"
    ]  # fmt: skip
    assert "Ready." in done.stdout
    assert str(room / "content" / "ddsp-course" / "ddsp_course") in done.stdout

    # Again with nothing missing.
    (room / "content" / "pip.txt").unlink()
    again = run(room)
    assert (again.returncode, again.stdout) == (0, "Ready.\n"), again.stderr
    assert left_in(room / "content") == ["ddsp-course"]


def test_training_needs_more(room):
    cell = CELL.replace("install()", "install(training=True)")
    assert run(room, lacks=["apache-beam"], cell=cell).returncode == 0
    assert "apache-beam==" in (room / "content" / "pip.txt").read_text()
    assert run(room, lacks=["apache-beam"]).stdout == "Ready.\n"


def test_old_course_is_brought_up_to_date_and_what_a_learner_wrote_stays(room):
    assert run(room).returncode == 0
    content = room / "content"
    mine = content / "ddsp-course" / "ddsp_course" / "units.py"
    mine.write_text(mine.read_text() + "\nMINE = 1\n")
    (content / "ddsp-course" / "my_violin.wav").touch()
    (room / "repository" / "ddsp_course" / "new.py").touch()
    commit(room / "repository")
    assert run(room).stdout == "Ready.\n"
    assert (content / "ddsp-course" / "ddsp_course" / "new.py").exists()
    assert "MINE" in mine.read_text()
    assert (content / "ddsp-course" / "my_violin.wav").exists()

    # Both changed the same file.
    theirs = room / "repository" / "ddsp_course" / "units.py"
    theirs.write_text(theirs.read_text() + "\nTHEIRS = 1\n")
    commit(room / "repository")
    done = run(room)
    assert done.returncode == 0 and str(content / "ddsp-course") in done.stdout
    assert "MINE" in mine.read_text()


def test_course_that_is_in_use_is_not_changed_under_the_learners_hands(room):
    assert run(room).returncode == 0
    (room / "repository" / "ddsp_course" / "new.py").touch()
    commit(room / "repository")
    # The cell a second time in the same kernel.
    head = "import sys; sys.path.insert(0, 'ddsp-course'); import ddsp_course\n"
    assert run(room, cell=head + CELL).stdout == "Ready.\n"
    assert not (room / "content" / "ddsp-course" / "ddsp_course" / "new.py").exists()


def test_without_a_network_the_course_that_is_there_is_used(room):
    assert run(room).returncode == 0
    (room / "repository").rename(room / "away")
    done = run(room)
    assert done.returncode == 0
    assert "fatal: " in done.stdout and done.stdout.endswith("Ready.\n")


def test_repository_that_cannot_be_fetched_is_a_sentence(room):
    done = run(room, source=(room / "nowhere").as_uri())
    assert "Ready." not in done.stdout
    assert re.search(r"Stop: .*nowhere \(fatal: .*\): .+\.$", done.stderr.strip())
    assert left_in(room / "content") == []


def test_repository_of_something_else_is_a_sentence(room):
    other = room / "other"
    other.mkdir()
    (other / "README.md").touch()
    git(other, "init", "-q")
    commit(other)
    done = run(room, source=other.as_uri())
    assert "Ready." not in done.stdout
    said = done.stderr.strip().splitlines()[-1]
    assert other.as_uri() in said and "DDSP_COURSE_REPO" in said


def test_pip_that_fails_is_a_sentence_with_what_pip_says(room):
    pip_that(room, fails="ERROR: No matching distribution found for av\nnote: a new pip is there")
    done = run(room, lacks=["av", "soxr"])
    assert "Ready." not in done.stdout
    said = done.stderr.strip().splitlines()[-1]
    assert "av==" in said and "soxr==" in said
    assert "No matching distribution found for av" in said


def test_in_a_notebook_the_sentence_is_all_that_is_shown_and_nothing_runs_after_it(room):
    cells = [BEGIN + CELL, "print('next')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    environment = os.environ | {
        "PYTHONPATH": str(room / "stubs"), "DDSP_COURSE_REPO": (room / "nowhere").as_uri()
    }  # fmt: skip
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    client.resources = {"metadata": {"path": str(room / "content")}}
    with pytest.raises(CellExecutionError):
        client.execute(env=environment)
    (output,) = notebook.cells[0].outputs
    assert output.traceback == [output.evalue]
    assert (room / "nowhere").as_uri() in output.evalue
    assert notebook.cells[1].outputs == []


def test_every_package_has_its_version_in_the_lock():
    lock = "".join(path.read_text("utf-8") for path in colab.LOCKS)
    for name in colab.NEEDED + colab.NEEDED_FOR_TRAINING:
        assert re.search(rf"^{name}==", lock, re.MULTILINE), name


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_versions_are_those_that_this_python_can_have(python, monkeypatch):
    from packaging import markers

    colabs = markers.default_environment() | {
        "python_version": python, "python_full_version": f"{python}.5",
        "sys_platform": "linux", "platform_machine": "x86_64",
    }  # fmt: skip
    monkeypatch.setattr(markers, "default_environment", lambda: colabs)
    versions = colab.versions()
    # PyAV 19 is for Python 3.12 and later; audioop went from Python's own library in 3.13.
    assert versions["av"].startswith("av==18" if python == "3.11" else "av==19")
    assert ("audioop-lts" in versions) == (python == "3.13")


def test_nothing_is_missing_where_the_course_is_installed():
    assert colab.missing(training=True) == []


def test_what_the_course_asks_for_is_needed_in_colab_too():
    asked = {re.split(r"[^\w-]", line)[0].lower() for line in metadata.requires("ddsp-course")}
    of_colab = {"ipython", "matplotlib", "numpy", "scipy", "tensorflow", "tensorflow-cpu"}
    assert asked - of_colab <= set(colab.NEEDED)


def test_pip_that_fails_without_a_word_is_a_sentence_too(monkeypatch, capsys):
    silent = subprocess.CompletedProcess([], 1, "", "")
    monkeypatch.setattr(colab, "missing", lambda training: ["av==1"])
    monkeypatch.setattr(colab.subprocess, "run", lambda *_, **__: silent)
    with pytest.raises(SetupError) as raised:
        colab.install()
    assert_sentence(raised.value, "av==1", longest=250)
    assert capsys.readouterr().out == "Installing av==1\n"
