"""Every machine: Windows, macOS and Linux, Python 3.11 to 3.13, with make or without it."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT
from packaging.requirements import Requirement

sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
import setup

import course

GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
# What Windows' Python lacks.
POSIX_ONLY = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty")
# These come as source alone; each is pure Python, so that any machine can build it.
SOURCE_ALONE = ("cloudml-hypertune", "promise")


def names(group):
    lines = (ROOT / "requirements" / f"{group}.txt").read_text("utf-8").splitlines()
    return {Requirement(line).name for line in lines}


def test_each_group_has_its_lock_which_is_in_step_with_pyproject():
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == set(GROUPS)
    for group, wanted in GROUPS.items():
        assert {Requirement(one).name for one in wanted} <= names(group) | names("play"), group


def test_no_two_locks_ask_for_different_versions():
    found = {}
    for group in GROUPS:
        for line in (ROOT / "requirements" / f"{group}.txt").read_text("utf-8").splitlines():
            one = Requirement(line)
            found.setdefault((one.name, str(one.marker)), set()).add(str(one.specifier))
    assert [name for name, versions in found.items() if len(versions) > 1] == []


def test_learner_does_not_install_the_test_tools():
    tools = {"hypothesis", "nbval", "playwright", "pre-commit", "pytest", "pytest-xdist", "ruff"}
    assert tools <= names("test")
    assert not tools & (names("play") | names("train"))
    assert "apache-beam" not in names("play")


@pytest.mark.parametrize("name", ["lab", "app", "quick", "test"])
def test_make_runs_what_python_runs_without_it(name):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    words = ["make", "--no-print-directory", "-n", name]
    told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip().endswith(f"course.py {name}")
    assert callable(getattr(course, name))


def test_command_that_does_not_exist_shows_those_that_do():
    words = [sys.executable, str(ROOT / "course.py"), "dance"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "course.py lab" in done.stderr


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A small course to set up, in `scripts.setup`, where each program that would run succeeds."""
    (tmp_path / "requirements").mkdir()
    for group in GROUPS:
        (tmp_path / "requirements" / f"{group}.txt").write_text(f"{group}==1\n", "utf-8")
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup, "STAMP", tmp_path / ".venv" / "ddsp-course-stamp")
    monkeypatch.setattr(setup, "LOG", tmp_path / "build" / "setup.log")
    monkeypatch.delenv("PYTHON", raising=False)
    ran = []

    def run(*words):
        words = list(map(str, words))
        ran.append(words)
        if "venv" in words:
            (tmp_path / ".venv").mkdir()
        return True

    def version(*python):
        # .venv's own Python is there as soon as .venv is.
        if str(tmp_path) in str(python[0]):
            return "3.12" if (tmp_path / ".venv").exists() else None
        return {"python3.12": "3.12", "-3.12": "3.12", "python3": "3.14"}.get(python[-1])

    monkeypatch.setattr(setup, "run", run)
    monkeypatch.setattr(setup, "version", version)
    return ran


def locks(ran):
    """Return the groups that were installed, in order."""
    return [Path(word).stem for words in ran for word in words if word.endswith(".txt")]


def test_first_set_up_makes_the_environment_and_a_second_does_nothing(room):
    setup.set_up("train")
    assert locks(room) == ["play", "train"]
    assert room[0][-2:] == ["venv", str(setup.VENV)]
    assert room[-1][-2:] == ["-e", str(setup.ROOT)]
    room.clear()
    setup.set_up("train")
    setup.set_up()
    assert room == []


@pytest.mark.parametrize("is_kept", [True, False])
def test_packages_are_compiled_at_once_where_python_keeps_no_bytecode(room, monkeypatch, is_kept):
    monkeypatch.setattr("sys.dont_write_bytecode", not is_kept)
    setup.set_up()
    (install,) = (words for words in room if "-r" in words)
    assert ("--compile-bytecode" in install) is not is_kept


def test_group_that_is_missing_is_added_to_what_is_there(room):
    setup.set_up()
    room.clear()
    setup.set_up("train", "test")
    assert locks(room) == ["train", "test"]
    assert not any("venv" in words for words in room)
    room.clear()
    setup.set_up("test")
    assert room == []


@pytest.mark.parametrize("changed", ["requirements/play.txt", "pyproject.toml"])
def test_environment_is_made_anew_when_the_course_asks_for_something_else(room, changed):
    setup.set_up("train")
    room.clear()
    with (setup.ROOT / changed).open("a") as file:
        file.write("more==1\n")
    setup.set_up()
    assert locks(room) == ["play"]
    assert room[0][-2:] == ["venv", str(setup.VENV)]


def test_interrupted_set_up_is_made_anew(room, monkeypatch):
    def interrupted(groups):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(setup, "install", interrupted)
        setup.set_up()
    room.clear()
    setup.set_up()
    assert "venv" in room[0] and locks(room) == ["play"]


def test_windows_ends_of_lines_change_nothing(room):
    setup.set_up()
    room.clear()
    path = setup.ROOT / "requirements" / "play.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    setup.set_up()
    assert room == []


def said_by(function, *arguments):
    """Return the sentence that a function ends the set-up with."""
    with pytest.raises(SystemExit) as ended:
        function(*arguments)
    what_is_wrong, _, what_to_do = str(ended.value).rpartition(": ")
    assert what_is_wrong.startswith("set-up: ") and what_to_do.endswith(".")
    assert "\n" not in str(ended.value) and len(str(ended.value)) < 400
    return str(ended.value)


def test_python_that_is_chosen_is_the_one_or_a_sentence(room, monkeypatch):
    monkeypatch.setenv("PYTHON", "python3.12")
    assert setup.find_python() == (["python3.12"], "3.12")
    monkeypatch.setenv("PYTHON", "python3")
    said = said_by(setup.set_up)
    assert "python3 is 3.14" in said and "python.org" in said
    monkeypatch.setenv("PYTHON", "/nowhere/python")
    assert "/nowhere/python" in said_by(setup.set_up)
    assert room == []


@pytest.mark.parametrize(
    ("windows", "expected"), [(False, ["python3.12"]), (True, ["py", "-3.12"])]
)
def test_python_that_fits_is_found_behind_one_that_does_not(room, monkeypatch, windows, expected):
    monkeypatch.setattr(setup, "WINDOWS", windows)
    assert setup.find_python() == (expected, "3.12")


def test_program_s_path_is_the_system_s(monkeypatch):
    monkeypatch.setattr(setup, "WINDOWS", True)
    assert setup.program("python").parts[-3:] == (".venv", "Scripts", "python.exe")
    monkeypatch.setattr(setup, "WINDOWS", False)
    assert setup.program("python").parts[-3:] == (".venv", "bin", "python")


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_environment_that_cannot_be_made_is_a_sentence_for_the_system(room, monkeypatch, system):
    monkeypatch.setattr(setup.sys, "platform", system)
    monkeypatch.setattr(setup, "run", lambda *words: False)
    setup.LOG.parent.mkdir()
    said = said_by(setup.make_venv, ["python3"])
    assert ("apt install" in said) == (system == "linux")
    assert ("python.org" in said) == (system != "linux")


def test_full_disk_unwritable_folder_and_failed_packages_are_sentences(room, monkeypatch, capsys):
    usage = shutil.disk_usage(ROOT)
    with monkeypatch.context() as patch:
        patch.setattr(setup.shutil, "disk_usage", lambda _: usage._replace(free=300 * 10**6))
        assert "300 MB" in said_by(setup.set_up)
    assert not setup.VENV.exists()
    with monkeypatch.context() as patch:
        patch.setattr(setup, "LOG", setup.ROOT / "pyproject.toml" / "setup.log")
        assert str(setup.ROOT) in said_by(setup.set_up)
    with monkeypatch.context() as patch:
        patch.setattr(setup, "run", lambda *words: "install" not in words)
        setup.VENV.mkdir()
        setup.LOG.write_text("ERROR: No matching distribution found for play\n", "utf-8")
        assert "network" in said_by(setup.install, ["play"])
        assert "No matching distribution" in capsys.readouterr().err
        patch.setattr(setup.shutil, "disk_usage", lambda _: usage._replace(free=10**6))
        assert "disk is full" in said_by(setup.install, ["play"])


def test_group_that_does_not_exist_is_a_sentence(room):
    said = said_by(setup.set_up, "dance")
    assert "dance" in said and all(group in said for group in GROUPS)


def test_set_up_is_written_in_the_python_of_old_systems():
    # It must run to say that a Python is too old. macOS and RHEL 9 have 3.9.
    for path in ("course.py", "scripts/setup.py"):
        ast.parse((ROOT / path).read_text("utf-8"), path, feature_version=(3, 7))


def test_tests_are_collected_where_nothing_posix_is():
    # Collecting imports every test file, and through them the whole course.
    program = f"""
import sys
import psutil  # it has a part for each system, and Linux's takes some of these
for name in {POSIX_ONLY}:
    # Python's own library takes the first, built in, to be there on this system.
    if name != "posix":
        sys.modules[name] = None
import pytest
sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "tests"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", ["windows", "macos", "linux"])
def test_every_package_has_a_wheel(system, python, tmp_path):
    uv = shutil.which("uv") or shutil.which(setup.program("uv"))
    if uv is None:
        pytest.skip("uv is not installed (pip install uv)")
    asked = tmp_path / "asked.txt"
    lines = [
        line
        for path in (ROOT / "requirements").glob("*.txt")
        for line in path.read_text("utf-8").splitlines()
        if Requirement(line).name not in SOURCE_ALONE
    ]
    asked.write_text("\n".join(lines), "utf-8")
    done = subprocess.run(
        [uv, "pip", "compile", "-q", "--no-deps", "--only-binary", ":all:", "--python-platform",
         system, "--python-version", python, str(asked)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        # PyAV's wheels are for macOS 14 and later.
        env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},
    )  # fmt: skip
    if "Failed to fetch" in done.stderr or "error sending request" in done.stderr:
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    for name in ("tensorflow", "av", "jupyterlab", "apache-beam", "pytest"):
        assert f"\n{name}==" in done.stdout or (name, system) == ("tensorflow", "linux"), name
