"""Renew requirements/, the lock: for each group of pyproject.toml, the versions of its packages.

    python scripts/lock.py [uv's own options, such as --upgrade]

All groups are resolved together, for every system and Python that the course supports, so no two
of them ask for different versions. requirements/play.txt is complete; the file of any other group
holds what that group needs besides. Versions stay unless they no longer fit. Needs uv and the
package index.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements"


def resolve(uv: str, groups: list[str], into: Path, *options: str) -> list[str]:
    """Return the lines of the lock for some groups, which uv writes into a file."""
    words = [uv, "pip", "compile", "-q", "--universal", "--python-version", "3.11", "--no-header",
             "--no-annotate", "pyproject.toml", "-o", str(into), *options]  # fmt: skip
    for group in groups:
        words += ["--group", group]
    subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return into.read_text("utf-8").splitlines()


def main() -> None:
    """Write requirements/ anew."""
    beside = Path(sys.executable).with_name("uv")
    uv = shutil.which("uv") or shutil.which(beside)
    if uv is None:
        sys.exit("make lock needs uv: install it with `pip install uv`.")
    groups = list(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"])
    LOCK.mkdir(exist_ok=True)
    known = {line for path in LOCK.glob("*.txt") for line in path.read_text("utf-8").splitlines()}
    with tempfile.TemporaryDirectory() as folder:
        everything = Path(folder, "everything.txt")
        # uv prefers the versions that it finds in the file that it is to write.
        everything.write_text("\n".join(sorted(known)), "utf-8")
        resolve(uv, groups, everything, *sys.argv[1:])
        play = resolve(uv, ["play"], Path(folder, "play.txt"), "-c", str(everything))
        for group in groups:
            lines = resolve(
                uv, ["play", group], Path(folder, f"{group}.txt"), "-c", str(everything)
            )
            if group != "play":
                lines = [line for line in lines if line not in play]
            (LOCK / f"{group}.txt").write_text("\n".join(lines) + "\n", "utf-8")
            print(f"requirements/{group}.txt: {len(lines)} packages")


if __name__ == "__main__":
    main()
