"""Make .venv with the packages of requirements/ and the course itself, unless they are there.

    python scripts/setup.py [GROUP ...]

GROUP is play (without one), train, test or site: whatever else is asked for, `play` is installed.
Any Python 3 can run this, on any system. The environment variable PYTHON chooses the one that
.venv is made with; else it is the one that runs this, or the first of python3.13, 3.12, 3.11,
python3 and python that fits. .venv/ddsp-course-stamp is written last, and says what .venv was made
from and which groups it has: where it differs (also after an interruption), .venv is made anew,
and a group that it lacks is added. The tools' own output is kept in build/setup.log; what goes
wrong is told in one sentence.
"""

import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "ddsp-course-stamp"
LOG = ROOT / "build" / "setup.log"
WINDOWS = os.name == "nt"
FITTING = ("3.13", "3.12", "3.11")
NEEDED_MB = 4000
INSTALL_PYTHON = (
    "install Python 3.12 from https://www.python.org/downloads/ or give the path of one in the "
    "environment variable PYTHON."
)


def program(name):
    """Return the path of a program in .venv: .venv/bin/python, or .venv\\Scripts\\python.exe."""
    return VENV / ("Scripts" if WINDOWS else "bin") / (name + ".exe" * WINDOWS)


def fail(message):
    """End with a sentence of what is wrong and what to do."""
    sys.exit("set-up: " + message)


def version(*python):
    """Return a Python's version, such as "3.12", or None if it does not run."""
    # pyenv's and Windows' stand-ins exist but fail, so asking is the only test.
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        words = [*map(str, python), "-c", ask]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    return None if done.returncode else done.stdout.decode().strip()


def find_python():
    """Return the Python to make .venv with, as a list of words, and its version."""
    chosen = os.environ.get("PYTHON")
    if chosen:
        candidates = [[chosen]]
    else:
        # .venv is about to be removed: its own Python cannot make the new one.
        candidates = [[sys.executable]] if Path(sys.prefix).resolve() != VENV.resolve() else []
        candidates += [["py", "-" + one] if WINDOWS else ["python" + one] for one in FITTING]
        candidates += [["python3"], ["python"]]
    met = []
    for python in candidates:
        found = version(*python)
        if found in FITTING:
            return python, found
        if found:
            met.append("{} is {}".format(" ".join(python), found))
    if chosen and not met:
        fail(
            f"PYTHON={chosen} does not run: give the path of a Python 3.11, 3.12 or 3.13, or "
            "leave PYTHON out."
        )
    return fail(
        "the course needs Python 3.11, 3.12 or 3.13, but {}: {}".format(
            ", ".join(dict.fromkeys(met)) or "no Python was found", INSTALL_PYTHON
        )
    )


def identity(found):
    """Return what .venv is made from, in a line."""
    files = sorted((ROOT / "requirements").glob("*.txt"))
    files += [ROOT / "pyproject.toml", Path(__file__).resolve()]
    checksum = 0
    for path in files:
        # git may write Windows' ends of lines.
        checksum = zlib.crc32(path.read_bytes().replace(b"\r\n", b"\n"), checksum)
    # The folder belongs to it: scripts in .venv hold its path.
    return f"{found} {checksum:08x} {ROOT}"


def stamped():
    """Return what .venv was made from, and the set of groups that it has."""
    try:
        made_from, groups = STAMP.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return None, set()
    return made_from, set(groups.split())


def run(*words):
    """Run a program with its output in the log; say whether it succeeded."""
    with LOG.open("ab") as log:
        log.write(b"-- " + " ".join(map(str, words)).encode("utf-8", "replace") + b"\n")
        log.flush()
        try:
            return not subprocess.run(
                list(map(str, words)), cwd=ROOT, stdout=log, stderr=log, check=False
            ).returncode
        except OSError as error:
            log.write((str(error) + "\n").encode())
            return False


def explain(step):
    """End with what can be found out about a failed step; else with its own last words."""
    if shutil.disk_usage(ROOT).free < 50e6:
        fail(f"the disk is full: free about 4 GB and try again (details in {LOG}).")
    if not (os.access(ROOT, os.W_OK) and os.access(VENV, os.W_OK)):
        fail(
            f"a file could not be written: make {ROOT} writable for you and try again (details "
            f"in {LOG})."
        )
    print("\n".join(LOG.read_text("utf-8", "replace").splitlines()[-3:]), file=sys.stderr)
    fail(
        f"{step} failed, for the reason above: check the network connection and try again "
        f"(details in {LOG})."
    )


def make_venv(python):
    """Make .venv anew, empty."""
    try:
        if VENV.is_symlink():
            VENV.unlink()
        elif VENV.exists():
            shutil.rmtree(VENV)
    except OSError as error:
        fail(
            f"{VENV} could not be removed ({error.strerror}): close JupyterLab and all else that "
            "uses it, and try again."
        )
    if run(*python, "-m", "venv", VENV):
        return
    # Debian splits pip's installer off Python: virtualenv brings its own.
    shutil.rmtree(VENV, ignore_errors=True)
    if run(*python, "-m", "virtualenv", "-q", VENV):
        return
    if not run(*python, "-c", "import ensurepip"):
        fail(
            "{} cannot make an environment with pip: {} and try again.".format(
                " ".join(python),
                "install it (on Debian and Ubuntu: sudo apt install python3-venv)"
                if sys.platform == "linux"
                else "install Python 3.12 from https://www.python.org/downloads/",
            )
        )
    explain("making the environment .venv")


def install(groups):
    """Install the packages of some groups."""
    locks = []
    for group in groups:
        locks += ["-r", ROOT / "requirements" / (group + ".txt")]
    python = program("python")
    # uv takes a sixth of pip's time. Where it cannot be had or fails, pip does the same.
    uv = shutil.which("uv")
    if uv is None:
        uv = program("uv")
        if not uv.exists():
            run(python, "-m", "pip", "install", "--quiet", "--retries", "1", "uv")
    compiled = []
    if sys.dont_write_bytecode:
        # Where Python keeps no bytecode, as PYTHONDONTWRITEBYTECODE asks in many containers, each
        # start of TensorFlow would take 15 s more.
        compiled = ["--compile-bytecode"]
    if run(uv, "pip", "install", "--python", python, "--no-deps", *compiled, *locks):
        return
    if not run(python, "-m", "pip", "install", "--retries", "2", "--no-deps", *locks):
        explain("installing the packages")


def set_up(*groups):
    """Bring .venv up to date with `play` and the groups that are named, or end with a sentence."""
    groups = list(dict.fromkeys(["play", *groups]))
    known = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
    for group in groups:
        if group not in known:
            fail("there is no group {}: choose from {}.".format(group, ", ".join(known)))
    present = version(program("python"))
    python, found = None, present
    if os.environ.get("PYTHON") or found not in FITTING:
        python, found = find_python()
    made_from, there = stamped()
    anew = made_from != identity(found) or present != found
    missing = [group for group in groups if anew or group not in there]
    if not missing:
        return
    if anew and python is None:
        python, found = find_python()
    try:
        LOG.parent.mkdir(exist_ok=True)
        LOG.write_bytes(b"")
    except OSError:
        fail(
            f"{ROOT} is not writable for you: move the course to a folder of your own and try "
            "again there."
        )
    left_mb = shutil.disk_usage(ROOT).free // 10**6
    if anew and left_mb < NEEDED_MB:
        fail(
            f"the disk has {left_mb} MB free and the course needs {NEEDED_MB}: free some and try "
            "again."
        )
    if anew:
        print(
            f"Setting up the course in .venv with Python {found}: about a minute, a few with a "
            "slow network.",
            flush=True,
        )
        make_venv(python)
    else:
        print("Adding to .venv what {} needs.".format(", ".join(missing)), flush=True)
    install(missing)
    # setuptools, which builds the course, is one of the packages: nothing more is fetched.
    if anew and not run(
        program("python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
        "--no-index", "-e", ROOT,
    ):  # fmt: skip
        explain("installing the course")
    have = sorted(set(missing) if anew else there | set(missing))
    STAMP.write_text("{}\n{}\n".format(identity(found), " ".join(have)), "utf-8")
    print("Set up.")


if __name__ == "__main__":
    set_up(*sys.argv[1:])
