"""Build notebooks/ from lessons/: each Markdown lesson becomes a notebook with its outputs.

    python scripts/build_notebooks.py [--check] [--run] [NAME ...]

NAME is the name of a lesson, such as 02_processors; without one, all lessons are built. A named
lesson whose code has not changed keeps its outputs, which takes a second; `--run` runs it anyway.

Lessons are MyST Markdown, read with jupytext. These placeholders are filled in:

- `{{repository}}`, `{{branch}}`: the settings in `[tool.ddsp-course]` of pyproject.toml;
- `{{notebook}}`: the notebook's path in the repository;
- `{{colab}}`: a text link that opens the notebook in Colab (a badge would be broken offline);
- `{{setup}}`: the first code cell, lessons/setup.py.txt, which fetches the course in Colab;
- `{{setup training}}`: the same, with the packages that `ddsp_course.training` needs;
- `{{imports}}`: the second code cell, lessons/imports.py.txt;
- `{{imports training}}`: the same with `ddsp.training`;
- `{{minutes}}`: the reading time, from the lesson's words and exercises;
- `{{glossary}}`: links to the glossary, as a file (JupyterLab, GitHub) and on GitHub (Colab);
- `{{chapter 02 190}}`: a link to the chapter of lesson 02's video that starts at second 190.

A code cell that begins with `# @title` is folded, in JupyterLab and in Colab.

The table of contents and the links in README.md, between their marks, are also made from the
lessons. So is notebooks/START.md, from the template lessons/start.md.txt, whose `{{notebooks}}`
becomes the tables.

`--check` runs and writes nothing: the exit status is 1 if a notebook's cells differ from its
lesson's, or if a table is out of date.
"""

import argparse
import hashlib
import html
import itertools
import math
import os
import re
import sys
import tempfile
import tomllib
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbconvert.preprocessors import CoalesceStreamsPreprocessor

from ddsp_course import chapters, explore, files

ROOT = Path(__file__).resolve().parent.parent
LESSONS = ROOT / "lessons"
NOTEBOOKS = ROOT / "notebooks"
EXERCISE = re.compile(r"^:tags: \[.*\bexercise\b.*\]$", re.MULTILINE)
# A picture in the HTML of `plots.to_html`.
PICTURE = re.compile(r'<img alt="([^"]*)" [^>]*src="data:image/png;base64,([^"]+)"[^>]*>')
TAG = re.compile(r"<[^>]+>")
PLACEHOLDER = re.compile(r"\{\{([^{}]+)\}\}")
LINK = re.compile(r"\[[^\]]+\]\([^)]+\)")
SECONDS_A_CELL = 600
# Marks around the two parts of README.md that `contents` makes.
MARKS = (
    ("<!-- contents: made by scripts/build_notebooks.py -->", "<!-- /contents -->"),
    ("<!-- addresses: made by scripts/build_notebooks.py -->", "<!-- /addresses -->"),
)
LESSON_TITLES = {
    "01_ddsp_library": "Lesson 01: the DDSP library",
    "02_timbre_transfer": "Lesson 02: timbre transfer",
    "03_train_your_own": "Lesson 03: train your own instrument",
    "04_beyond_the_paper": "Lesson 04: beyond the paper",
    "lessons": "The app",
}
TITLE = "# @title"
START = NOTEBOOKS / "START.md"
WIDGET = "application/vnd.jupyter.widget-view+json"


def chapter_link(lesson: str, start: str) -> str:
    """Return a Markdown link to a chapter of a lesson's video, or raise CourseError."""
    title, address = chapters.link(lesson, int(start))
    return f"[{title}]({address})"


def notebook_path(lesson: Path) -> Path:
    """Return the path of a lesson's notebook."""
    return NOTEBOOKS / lesson.resolve().relative_to(LESSONS).with_suffix(".ipynb")


def course_settings() -> dict:
    """Return the course's `repository` and `branch` from pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ddsp-course"]


def colab_address(lesson: Path) -> str:
    """Return the address that opens a lesson's notebook in Colab."""
    settings, notebook = course_settings(), notebook_path(lesson).relative_to(ROOT).as_posix()
    return (
        f"https://colab.research.google.com/github/{settings['repository']}"
        f"/blob/{settings['branch']}/{notebook}"
    )


def glossary_links(lesson: Path) -> str:
    """Return Markdown links to the glossary: Colab cannot open a file beside a notebook."""
    settings = course_settings()
    beside = os.path.relpath(ROOT / "GLOSSARY.md", notebook_path(lesson).parent)
    address = f"https://github.com/{settings['repository']}/blob/{settings['branch']}/GLOSSARY.md"
    return f"[glossary]({Path(beside).as_posix()}) (in Colab, [open it on GitHub]({address}))"


def reading_minutes(text: str) -> int:
    """Estimate the minutes for reading, listening and exercises, in steps of five.

    Technical prose is read at about 180 words per minute, and an exercise takes about four minutes.
    """
    _, _, body = text.partition("\n---\n")  # what follows jupytext's own lines
    prose = re.sub(
        r"^```.*?^```$|^<details>.*?</details>$", "", body, flags=re.DOTALL | re.MULTILINE
    )
    words = sum(any(map(str.isalnum, word)) for word in prose.split())
    minutes = words / 180 + 4 * len(EXERCISE.findall(text))
    return 5 * math.ceil(minutes / 5)


def fill(text: str, lesson: Path) -> str:
    """Return a lesson's text with its placeholders filled in."""
    fields = course_settings() | {
        "notebook": notebook_path(lesson).relative_to(ROOT).as_posix(),
        "colab": (
            f"[Open in Colab]({colab_address(lesson)}) to run this notebook without installing "
            "anything. (GitHub shows it, but plays no sounds.)"
        ),
        "glossary": glossary_links(lesson),
        "minutes": str(reading_minutes(text)),
    }

    def value(match):
        name, *arguments = match[1].split()
        training = arguments == ["training"]
        if name == "chapter":
            return chapter_link(*arguments)
        if name == "setup":
            fields["training"] = "training=True" if training else ""
        if name == "imports":
            fields["ddsp"] = "ddsp.training" if training else "ddsp"
        if name in ("setup", "imports"):
            return PLACEHOLDER.sub(value, (LESSONS / f"{name}.py.txt").read_text("utf-8").rstrip())
        return fields[name]

    return PLACEHOLDER.sub(value, text)


def convert(lesson: Path, text: str | None = None):
    """Return the notebook of `lesson`, without outputs; `text` stands in for the lesson's own."""
    notebook = jupytext.reads(fill(text or lesson.read_text("utf-8"), lesson), fmt="md:myst")
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen = {}
    for cell in notebook.cells:
        # Derived from the cell's text, so only changed cells get new ids.
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = f"{digest}-{seen[digest]}"
        if cell.source.startswith(TITLE):
            cell.metadata.update(cellView="form", jupyter={"source_hidden": True})
    return notebook


def execute(notebook):
    """Run `notebook` in its own folder, and remove what changes from run to run.

    Raises:
      nbclient.exceptions.CellExecutionError: a cell failed.
      ValueError: a cell wrote to stderr, where learners only see messages they cannot act on.
    """
    os.environ[explore.TURN_KNOBS] = "1"
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=SECONDS_A_CELL,
            kernel_name="python3",
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        ).execute()
    notebook.metadata.language_info = nbformat.from_dict({"name": "python"})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            # Without a kernel a widget shows as an error message.
            cell.outputs = [
                part
                for output in cell.outputs
                if WIDGET not in output.get("data", {})
                for part in pictures_apart(output)
            ]
    # A cell's printed output may arrive in random pieces.
    CoalesceStreamsPreprocessor().preprocess(notebook, {})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise ValueError(f"a cell wrote to stderr: {output.text[:300]}\n{cell.source}")


def pictures_apart(output) -> list:
    """Split an output so that each picture in its HTML becomes a separate `image/png`.

    GitHub reliably shows `image/png`. In a running notebook pictures stay HTML, because there
    JupyterLab supports the text alternative.
    """
    rest = output.get("data", {}).get("text/html", "")
    pictures = PICTURE.findall(rest)
    if not pictures:
        return [output]
    made = [
        nbformat.v4.new_output(
            "display_data",
            {"image/png": data, "text/plain": f"[picture: {html.unescape(alt)}]"},
            metadata={"image/png": {"alt": html.unescape(alt)}},
        )
        for alt, data in pictures
    ]
    rest = PICTURE.sub("", rest)
    if TAG.sub("", rest).strip() or "<audio" in rest:
        output.data["text/html"] = rest
        made.append(output)
    return made


def in_step(lesson: Path) -> bool:
    """Return whether the stored notebook has the cells of `lesson` and has been run."""
    path = notebook_path(lesson)
    if not path.exists():
        return False
    stored = nbformat.read(path, as_version=4)

    def cells(notebook):
        return [
            (cell.id, cell.cell_type, cell.source, dict(cell.metadata)) for cell in notebook.cells
        ]

    ran = all(cell.execution_count for cell in code_cells(stored))
    return ran and cells(stored) == cells(convert(lesson))


def code_cells(notebook) -> list:
    """Return the code cells of `notebook`."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def keep_outputs(notebook, path: Path) -> bool:
    """Copy the outputs stored in `path` if no code has changed; return whether it did."""
    if not path.exists():
        return False
    new, old = code_cells(notebook), code_cells(nbformat.read(path, as_version=4))
    same = [cell.source for cell in new] == [cell.source for cell in old]
    if same and all(cell.execution_count for cell in old):
        for cell, ran in zip(new, old, strict=True):
            cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
        return True
    return False


def build(lesson: Path, run: bool = True) -> Path:
    """Convert and run `lesson`, write the notebook whole, and return its path.

    If `run` is false, it runs only if its code has changed.
    """
    notebook, path = convert(lesson), notebook_path(lesson)
    if run or not keep_outputs(notebook, path):
        execute(notebook)
    nbformat.validate(notebook)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.whole_file(path) as part:
        part.write_text(nbformat.writes(notebook) + "\n", "utf-8")
    return path


def lesson_called(name: str) -> Path:
    """Return the lesson with a given name, such as 02_processors, or path."""
    found = [path for path in LESSONS.rglob("*.md") if path.stem == Path(name).stem]
    if len(found) != 1:
        known = ", ".join(sorted(path.stem for path in LESSONS.rglob("*.md")))
        raise SystemExit(f"There is no lesson {name}: choose one of {known}.")
    return found[0]


def first_cell(lesson: Path) -> dict[str, str]:
    """Return a lesson's `title`, and the text after its bold words: `{"How long": ...}`.

    "Goes on from" names chapters where a lesson has no video of its own.
    """
    text = fill(lesson.read_text("utf-8"), lesson)
    said = re.findall(
        r"^\*\*(What you'll do|What you'll need|Goes on from|How long)\.\*\* (.+)$",
        text,
        re.MULTILINE,
    )
    return {"title": re.search(r"^# (.+)$", text, re.MULTILINE)[1], **dict(said)}


def goes_on_from(folder: Path) -> str:
    """Return a sentence on the chapters that a lesson without a video goes on from, or ""."""
    said = [first_cell(lesson).get("Goes on from", "") for lesson in sorted(folder.glob("*.md"))]
    links = dict.fromkeys(LINK.findall(" ".join(said)))
    if not links:
        return ""
    return f"This lesson belongs to no video. It goes on from the chapters {', '.join(links)}."


def contents() -> tuple[str, str]:
    """Return the README's table of notebooks, and the addresses of its links.

    The time of a notebook is that of its first chapter in its lesson's video. In place of a time,
    a lesson without a video says which chapters it goes on from.
    """
    rows = ["| Notebook | | Time in the video |", "|---|---|---|"]
    notebooks, colab = [], []
    videos = {number: video["youtube"] for number, video in chapters.videos().items()}
    for folder in [*sorted(path for path in LESSONS.iterdir() if path.is_dir()), LESSONS]:
        number = folder.name[:2]
        watch = f" | [video][video-{number}] |" if number in videos else ""
        watch = " | goes on from |" if goes_on_from(folder) else watch
        rows.append(f"| **{LESSON_TITLES[folder.name]}** |{watch}")
        for lesson in sorted(folder.glob("*.md")):
            text = lesson.read_text("utf-8")
            said = first_cell(lesson)
            label = lesson.stem if folder == LESSONS else f"{number}-{lesson.stem[:2]}"
            starts = [int(one) for one in re.findall(rf"\{{\{{chapter {number} (\d+)\}}\}}", text)]
            start = min(starts, default=0)
            time = f" {start // 3600}:{start // 60 % 60:02}:{start % 60:02} |" if starts else ""
            time = f" {said['Goes on from'].rstrip('.')} |" if "Goes on from" in said else time
            rows.append(f"| [{said['title']}][{label}] | [Colab][colab-{label}] |{time}")
            notebooks.append(f"[{label}]: {notebook_path(lesson).relative_to(ROOT).as_posix()}")
            colab.append(f"[colab-{label}]: {colab_address(lesson)}")
    watched = [f"[video-{number}]: https://youtu.be/{key}" for number, key in videos.items()]
    return "\n".join(rows), "\n".join([*watched, *notebooks, *colab])


def readme() -> str:
    """Return README.md with its table of contents and link addresses updated."""
    text = (ROOT / "README.md").read_text("utf-8")
    for (start, end), made in zip(MARKS, contents(), strict=True):
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = f"{before}{start}\n\n{made}\n\n{end}{after}"
    return text


def start_page() -> str:
    """Return notebooks/START.md: the notebooks in order, and what each needs.

    Raises:
      ValueError: a lesson does not state its reading time.
    """
    budget = (NOTEBOOKS / "BUDGET.md").read_text("utf-8")
    runs_for = {
        path: f"{seconds}\N{NO-BREAK SPACE}s"
        for path, seconds in re.findall(r"^\| \[(.+?)\]\(.+?\) \| (\d+) s", budget, re.MULTILINE)
    }
    tables, number = [], itertools.count(1)
    for folder in sorted(path for path in LESSONS.iterdir() if path.is_dir()):
        tables += [
            f"## {LESSON_TITLES[folder.name]}\n",
            *([f"{before}\n"] if (before := goes_on_from(folder)) else []),
            "| Notebook | What you'll do | To read | To run | You need |",
            "|---|---|---|---|---|",
        ]
        for lesson in sorted(folder.glob("*.md")):
            said, path = first_cell(lesson), notebook_path(lesson).relative_to(NOTEBOOKS).as_posix()
            minutes = re.search(r"About (\d+) minutes", said["How long"])
            if minutes is None:
                raise ValueError(f'{lesson}: "How long." must begin with "About N minutes".')
            do, need = said["What you'll do"], said["What you'll need"].lower()
            needs = [thing for thing in ("headphones", "microphone") if thing in need]
            tables.append(
                f"| {next(number)}. [{said['title']}]({path}) | {do} "
                f"| {minutes[1]}\N{NO-BREAK SPACE}min | {runs_for.get(path, '')} "
                f"| {', '.join(needs)} |"
            )
        tables.append("")
    template = (LESSONS / "start.md.txt").read_text("utf-8")
    fields = course_settings() | {"notebooks": "\n".join(tables).rstrip()}
    return PLACEHOLDER.sub(lambda match: fields[match[1]], template)


def main() -> int:
    """Build or check the named lessons, or all."""
    parser = argparse.ArgumentParser(description="Build notebooks/ from lessons/.")
    parser.add_argument("--check", action="store_true", help="only compare; run and write nothing")
    parser.add_argument(
        "--run", action="store_true", help="run named lessons even if their code is unchanged"
    )
    parser.add_argument("lessons", nargs="*", type=lesson_called, metavar="NAME")
    args = parser.parse_args()
    behind = 0
    for lesson in args.lessons or sorted(LESSONS.rglob("*.md")):
        if not args.check:
            path = build(lesson, run=args.run or not args.lessons)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.2f} MB")
        elif not in_step(lesson):
            behind += 1
            print(
                f"{lesson}: its notebook is out of date; run `make notebooks NAME={lesson.stem}`",
                file=sys.stderr,
            )
    for page, made in ((ROOT / "README.md", readme()), (START, start_page())):
        if not args.check:
            page.write_text(made, "utf-8")
        elif not page.exists() or page.read_text("utf-8") != made:
            behind += 1
            # Building any lesson updates the pages; the app's code rarely changes, so it is quick.
            print(f"{page}: out of date; run `make notebooks NAME=app`", file=sys.stderr)
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
