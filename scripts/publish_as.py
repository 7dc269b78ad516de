"""Point every badge, clone address and link at another repository, such as a fork.

    python scripts/publish_as.py OWNER/REPO

The setting is `repository` in pyproject.toml, `[tool.ddsp-course]`. Notebooks are converted from
their lessons anew and keep their outputs, since nothing but addresses changes in their code. In
all other text that git tracks, addresses of the old repository become addresses of the new one. The
video's own notebook, which its author keeps, stays where it is.
"""

import re
import subprocess
import sys
from pathlib import Path

import build_notebooks
import nbformat
from build_notebooks import LESSONS, ROOT

from ddsp_course import files

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")
AUTHORS_OWN = "/blob/main/timbre_transfer.ipynb"


def readdress(text: str, old: str, new: str) -> str:
    """Return `text` with the addresses of repository `old` as those of `new`, on GitHub and around.

    Args:
      text: of a file.
      old: OWNER/REPO, as on GitHub.
      new: the same.
    """
    hosts = r"(github\.com/|raw\.githubusercontent\.com/|colab\.research\.google\.com/github/|" + (
        r"mybinder\.org/v2/gh/|codespaces\.new/|nbviewer\.org/github/)"
    )
    rest = rf"(?![\w-])(?!\.(?!git)\w)(?!{re.escape(AUTHORS_OWN)})"
    text = re.sub(hosts + re.escape(old) + rest, lambda host: host[1] + new, text)
    (old_owner, old_name), (new_owner, new_name) = old.split("/"), new.split("/")
    pages = re.escape(f"{old_owner.lower()}.github.io/{old_name}")
    return re.sub(
        pages + rest, f"{new_owner.lower()}.github.io/{new_name}", text, flags=re.IGNORECASE
    )


def tracked() -> list[Path]:
    """Return the files that git tracks and that are neither notebooks nor their lessons' copies."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    names = listed.stdout.decode().split("\0")[:-1]
    return [ROOT / name for name in names if not name.endswith(".ipynb")]


def main() -> None:
    """Publish the course as the repository that is named."""
    if len(sys.argv) != 2 or not NAME.fullmatch(sys.argv[1]):
        sys.exit(
            "publish-as takes the repository's name on GitHub: make publish-as OWNER/REPO, such as "
            "make publish-as ada/ddsp-by-ear."
        )
    new, old = sys.argv[1], build_notebooks.course_settings()["repository"]
    lessons = sorted(LESSONS.rglob("*.md"))
    behind = [lesson.stem for lesson in lessons if not build_notebooks.in_step(lesson)]
    if behind:
        sys.exit(
            f"publish-as: the notebooks of {', '.join(behind)} are behind their lessons: run "
            "`make notebooks NAME=...` for each first."
        )
    setting = ROOT / "pyproject.toml"
    changed = 0
    for path in tracked():
        try:
            text = path.read_bytes().decode("utf-8")
        except (UnicodeDecodeError, OSError):
            continue  # a sound, a picture, or a file that is gone
        made = readdress(text, old, new)
        if path == setting:
            made = made.replace(f'repository = "{old}"', f'repository = "{new}"')
        if made != text:
            changed += 1
            with files.whole_file(path) as part:
                part.write_bytes(made.encode("utf-8"))
    for lesson in lessons:
        stored = build_notebooks.notebook_path(lesson)
        ran = build_notebooks.code_cells(nbformat.read(stored, as_version=4))
        made = build_notebooks.convert(lesson)
        for cell, before in zip(build_notebooks.code_cells(made), ran, strict=True):
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
        with files.whole_file(stored) as part:
            part.write_text(nbformat.writes(made) + "\n", "utf-8")
    print(f"{old} is now {new} in {changed} files and {len(lessons)} notebooks.")


if __name__ == "__main__":
    main()
