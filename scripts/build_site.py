"""Build the course's web site, build/site/, from the lessons and the stored notebooks.

    python scripts/build_site.py

Nothing is executed: a page is a lesson's text with the outputs that its notebook holds. Each page's
players and pictures become files beside it, which load only when they are reached; site/ has the
configuration of Sphinx and the pages that are no notebooks.
"""

import base64
import hashlib
import html
import importlib.util
import io
import itertools
import os
import re
import shutil
import struct
import sys
import tempfile
from pathlib import Path

import build_notebooks
import live
import nbformat
from build_notebooks import LESSONS, NOTEBOOKS, ROOT
from PIL import Image

from ddsp_course import files
from ddsp_course.errors import CourseError

SITE = ROOT / "site"
BUILT = ROOT / "build" / "site"
ENTRY = re.compile(r"^- \*\*(.+?)\*\*(?: \((.+?)\))?: (.+)$", re.MULTILINE)
PLAYER = re.compile(r"(?:<div>(?P<title>[^<]*)</div>)?\s*<audio[^>]*>.*?</audio>", re.DOTALL)
SOUND = re.compile(r'"data:audio/(\w+);base64,([^"]+)"')
SHOWN_CHAPTER = re.compile(r'^chapters\.show\("\d+", \d+\)$')
FILE_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")
# A link in what a click unfolds is out of a keyboard's reach: it stands below instead.
CHAPTER = re.compile(r'<summary>([^<]*)<a href="([^"]+)"[^>]*>([^<]*)</a></summary>')
CHAPTER_BELOW = r'<summary>\1\3</summary><p><a href="\2">Watch it on YouTube</a></p>'
CHAPTER_LINE = re.compile(r"^\*In the video:\* \[[^\]]+\]\([^)]+\)$", re.MULTILINE)
SUFFIX = {"mpeg": "mp3"}
# Files of the repository that are pages of the site, too.
REPOSITORY_PAGES = {
    "GLOSSARY.md": "glossary.md",
    "READING.md": "reading.md",
    "docs/teaching.md": "teaching.md",
    "notebooks/START.md": "index.md",
}
APP = (
    '<a class="picture" href="pictures/app.png"><img src="pictures/app.png" alt="The app after a '
    "transfer: a player for before and after, an instrument chosen, sliders for pitch, loudness and "
    'mix" loading="lazy"></a>'
)
# What MathJax needs to draw TeX with fonts; speech, SVG and the rest are 15 MB more.
MATHJAX = ["tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions", "a11y"]


def lessons():
    """Return every lesson's path, in the order of the course; the app comes last."""
    return sorted(LESSONS.glob("*/*.md")) + sorted(LESSONS.glob("*.md"))


def page_name(lesson):
    """Return a lesson's page without a suffix, relative to the site, such as 01_ddsp_library/03_core."""
    return build_notebooks.notebook_path(lesson).relative_to(NOTEBOOKS).with_suffix("").as_posix()


class Media:
    """The folder of a site's sounds and pictures, each stored once under the hash of its bytes."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()

    def add(self, data, suffix):
        """Store bytes and return the file's name."""
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"
        (self.folder / name).write_bytes(data)
        return name


def with_players(text, media, up):
    """Return an output's HTML with each player's sound in a file of `media`; `up` leads to the root."""

    def player(match):
        kind, data = SOUND.search(match[0]).groups()
        name = media.add(base64.b64decode(data), SUFFIX.get(kind, kind))
        title = match["title"] or "Sound"
        return (
            f'<figure class="player"><figcaption>{title}</figcaption><audio controls '
            f'preload="metadata" aria-label="{title}" src="{up}media/{name}"></audio></figure>'
        )

    return PLAYER.sub(player, text)


def fewer_colours(data):
    """Return a PNG with 256 colours, a third as large; no channel changes by more than 10 of 255."""
    stored = io.BytesIO()
    few = (
        Image.open(io.BytesIO(data))
        .convert("RGB")
        .quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    few.save(stored, "png", optimize=True)
    return stored.getvalue()


def picture(output, media, up):
    """Return the HTML of an output's picture, which a click shows in its own size."""
    data = fewer_colours(base64.b64decode(output.data["image/png"]))
    width, height = struct.unpack(">II", data[16:24])
    address = f"{up}media/{media.add(data, 'png')}"
    alt = html.escape(output.metadata.get("image/png", {}).get("alt", "Picture"))
    return (
        f'<a class="picture" href="{address}"><img src="{address}" alt="{alt}" width="{width}" '
        f'height="{height}" loading="lazy"></a>'
    )


def links(lesson):
    """Return the HTML of a page's buttons: run the notebook in Colab, download it, see it on GitHub."""
    settings, notebook = build_notebooks.course_settings(), build_notebooks.notebook_path(lesson)
    path = notebook.relative_to(ROOT).as_posix()
    up = "../" * page_name(lesson).count("/")
    source = f"https://github.com/{settings['repository']}/blob/{settings['branch']}/{path}"
    return (
        '<p class="buttons">'
        f'<a class="button first" href="{build_notebooks.colab_address(lesson)}">Open in Colab</a>'
        f'<a class="button" href="{up}{path}" download>Download the notebook</a>'
        f'<a class="button" href="{source}">See it on GitHub</a></p>'
    )


def output(text):
    """Return an output of HTML."""
    return nbformat.v4.new_output("display_data", {"text/html": text, "text/plain": ""})


def page(lesson, media):
    """Return the notebook of a lesson's page: its text, and the outputs as a page can show them.

    Raises:
      CourseError: the stored notebook is behind the lesson.
    """
    up = "../" * page_name(lesson).count("/")
    text = lesson.read_text("utf-8").replace("{{colab}}", links(lesson))
    text = text.replace("{{glossary}}", f"[glossary]({up}glossary.md)")
    notebook = build_notebooks.convert(lesson, text)
    if not build_notebooks.keep_outputs(notebook, build_notebooks.notebook_path(lesson)):
        raise CourseError(
            f"The notebook of {lesson.relative_to(ROOT)} is behind it: run `make notebooks "
            f"NAME={lesson.stem}` first."
        )
    if lesson.stem == "app":  # a widget is nothing without Python
        notebook.cells[-1].outputs = [output(APP)]
    for cell, following in itertools.pairwise(notebook.cells):
        if SHOWN_CHAPTER.match(following.source):  # its player says the same
            cell.source = CHAPTER_LINE.sub("", cell.source)
    for cell in build_notebooks.code_cells(notebook):
        tags = cell.metadata.setdefault("tags", [])
        if "exercise" in tags:
            colab = build_notebooks.colab_address(lesson)
            said = (
                f'This cell checks your answer where it runs: <a href="{colab}">in Colab</a>, or '
            )
            cell.outputs = [output(f"{said}on your computer with <code>make lab</code>.")]
        if SHOWN_CHAPTER.match(cell.source):
            tags.append("remove-input")
        if cell.source.startswith(build_notebooks.TITLE):
            title = cell.source.splitlines()[0].removeprefix(build_notebooks.TITLE).strip()
            tags.append("hide-input")
            cell.metadata["mystnb"] = {"code_prompt_show": title, "code_prompt_hide": title}
        for place, made in enumerate(cell.outputs):
            shown = made.get("data", {})
            if "image/png" in shown:
                cell.outputs[place] = output(picture(made, media, up))
            elif "text/html" in shown:
                text = CHAPTER.sub(CHAPTER_BELOW, shown["text/html"])
                shown["text/html"] = with_players(text, media, up)
    return notebook


def glossary():
    """Return the page of GLOSSARY.md, whose terms the other pages link to, in MyST Markdown."""
    parts, letter = ["# Glossary\n"], ""
    for term, aside, meaning in ENTRY.findall((ROOT / "GLOSSARY.md").read_text("utf-8")):
        if term[0].upper() != letter:
            parts += ["```\n"] * bool(letter)
            letter = term[0].upper()
            parts.append(f"## {letter}\n\n```{{glossary}}")
        # An abbreviation is a term of its own, "(of a module)" is not.
        names = [term, aside] if aside[1:] != aside[1:].lower() else [term]
        meaning = f"({aside}) {meaning}" if aside and aside not in names else meaning
        parts += [*names, f"  {from_repository(meaning)}", ""]
    return "\n".join([*parts, "```\n"])


def from_repository(text, folder=ROOT):
    """Return Markdown whose links to files of the repository lead to the site's pages or to GitHub.

    Args:
      text: Markdown of a file of the repository.
      folder: where that file lies.
    """
    settings = build_notebooks.course_settings()
    source = f"https://github.com/{settings['repository']}/blob/{settings['branch']}"
    pages = {build_notebooks.notebook_path(one): f"{page_name(one)}.ipynb" for one in lessons()}
    pages |= {ROOT / name: page for name, page in REPOSITORY_PAGES.items()}

    def address(match):
        file = (folder / match[1]).resolve()
        if file in pages:
            return f"]({pages[file]}{match[2] or ''})"
        return f"]({source}/{file.relative_to(ROOT).as_posix()}{match[2] or ''})"

    return FILE_LINK.sub(address, text)


def contents():
    """Return the front page's lists of notebooks, and Sphinx's list of pages beside them."""
    cards, trees = [], []
    for folder in [*sorted(path for path in LESSONS.iterdir() if path.is_dir())]:
        title = build_notebooks.LESSON_TITLES[folder.name]
        cards += [f"\n## {title}\n", build_notebooks.goes_on_from(folder), '\n<ol class="cards">']
        trees.append(f"```{{toctree}}\n:hidden:\n:caption: '{title}'\n")
        for lesson in sorted(folder.glob("*.md")):
            said, name = build_notebooks.first_cell(lesson), page_name(lesson)
            minutes = re.search(r"About (\d+) minutes", said["How long"])[1]
            title, do = html.escape(said["title"]), html.escape(said["What you'll do"])
            do = re.sub(r"`([^`]+)`", r"<code>\1</code>", do)
            cards.append(
                f'<li><a href="{name}.html"><strong>{title}</strong></a> <span>{do}</span> '
                f"<small>{minutes} minutes</small></li>"
            )
            trees.append(name)
        cards.append("</ol>")
        trees.append("```\n")
    return "\n".join([*cards, "", *trees])


def first_players(lesson, media, count):
    """Return the HTML of the first players of a lesson's stored notebook."""
    notebook = nbformat.read(build_notebooks.notebook_path(lesson), as_version=4)
    shown = [
        made.get("data", {}).get("text/html", "")
        for cell in build_notebooks.code_cells(notebook)
        for made in cell.outputs
    ]
    return with_players("".join([one for one in shown if "<audio" in one][:count]), media, "")


def write_source(folder):
    """Fill a folder with what Sphinx builds the site from."""
    shutil.copytree(SITE, folder)
    extra = folder / "extra"
    extra.mkdir()
    media = Media(extra / "media")
    for lesson in lessons():
        target = folder / f"{page_name(lesson)}.ipynb"
        target.parent.mkdir(exist_ok=True)
        target.write_text(nbformat.writes(page(lesson, media)), "utf-8")
        stored = build_notebooks.notebook_path(lesson)
        download = extra / stored.relative_to(ROOT)
        download.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(stored, download)
    (folder / "glossary.md").write_text(glossary(), "utf-8")
    for name in ("READING.md", "docs/teaching.md"):
        text = from_repository((ROOT / name).read_text("utf-8"), (ROOT / name).parent)
        (folder / REPOSITORY_PAGES[name]).write_text(text, "utf-8")
    front = (SITE / "index.md").read_text("utf-8").replace("{{contents}}", contents())
    players = first_players(build_notebooks.lesson_called("00_demo"), media, 2)
    (folder / "index.md").write_text(front.replace("{{players}}", players), "utf-8")
    live.build()
    shutil.copytree(live.FOLDER, extra / "live")
    shutil.copytree(ROOT / "assets" / "pictures", extra / "pictures")
    mathjax = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
    for part in MATHJAX:
        source, target = mathjax / "static" / "mathjax" / part, folder / "static" / "mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


def build(target=BUILT):
    """Build the site in the folder `target`, which appears whole or not at all.

    Raises:
      CourseError: Sphinx found something wrong, such as a link that leads nowhere, and said what;
        or a notebook is behind its lesson.
    """
    from sphinx.cmd.build import main as sphinx

    with tempfile.TemporaryDirectory() as work, files.whole_folder(target) as made:
        write_source(Path(work, "source"))
        options = ["-q", "-W", "--keep-going", "-j", "2", "-d", f"{work}/doctrees"]
        # MyST-NB makes a folder beside the one it builds.
        if sphinx([*options, f"{work}/source", f"{work}/site"]):
            raise CourseError("Sphinx could not build the site, for the reasons above: mend them.")
        shutil.copytree(f"{work}/site", made, dirs_exist_ok=True)


if __name__ == "__main__":
    build()
    held = [path for path in BUILT.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in held)
    pages = sum(path.suffix == ".html" for path in held)
    print(f"{os.path.relpath(BUILT)}: {pages} pages, {size / 1e6:.1f} MB.")
    sys.exit(0)
