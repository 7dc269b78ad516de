#!/bin/sh
# Makes .venv with the packages of requirements.txt and the course itself, unless it is there.
#
#     sh scripts/setup.sh
#
# PYTHON chooses the Python; else the first of python3.13, 3.12, 3.11, python3 and python that
# fits. .venv/ddsp-course-stamp is written last and says what .venv was made from: where it
# differs (also after an interruption), .venv is made anew. The tools' own output is kept in
# build/setup.log; what goes wrong is told in one sentence.
set -u
cd "$(dirname "$0")/.." || exit 1
log=build/setup.log
needed_mb=4000

fail() {
    echo "set-up: $*" >&2
    exit 1
}

version() {
    # pyenv's stand-ins exist but fail, so asking is the only test.
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

suits() {
    case "$1" in 3.11 | 3.12 | 3.13) return 0 ;; esac
    return 1
}

find_python() {
    met=""
    if [ -n "${PYTHON:-}" ]; then
        candidates=$PYTHON
    else
        candidates="python3.13 python3.12 python3.11 python3 python"
    fi
    for python in $candidates; do
        found=$(version "$python") || continue
        suits "$found" && return 0
        met="$met, $python is $found"
    done
    [ -n "${PYTHON:-}" ] && [ -z "$met" ] && fail "PYTHON=$PYTHON does not run; give the path" \
        "of a Python 3.11, 3.12 or 3.13, or leave PYTHON out."
    [ -n "$met" ] && fail "the course needs Python 3.11, 3.12 or 3.13, but ${met#, }; install" \
        "one from https://www.python.org/downloads/ or say where it is: make PYTHON=/path/to/it."
    fail "no Python was found; install Python 3.12 from https://www.python.org/downloads/ or say" \
        "where it is: make PYTHON=/path/to/it."
}

stamp() {
    # The folder belongs to it: scripts in .venv/bin hold its path.
    printf '%s %s %s\n' "$1" "$(cat requirements.txt pyproject.toml scripts/setup.sh | cksum)" \
        "$(pwd -P)"
}

free_mb() {
    df -Pk . 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }'
}

explain() {
    # What can be found out about the failed step that is named; else its own last words.
    left_mb=$(free_mb)
    [ "${left_mb:-$needed_mb}" -lt 50 ] &&
        fail "the disk is full; free about 4 GB and run make again (details in $log)."
    [ -w . ] && [ -w .venv ] ||
        fail "a file could not be written; make $(pwd) writable for you and run make again" \
            "(details in $log)."
    tail -n 3 "$log" >&2
    fail "$1 failed, for the reason above; check the network connection and run make again (details" \
        "in $log)."
}

make_venv() {
    rm -rf .venv >>"$log" 2>&1
    "$python" -m venv .venv >>"$log" 2>&1 && return
    # Debian splits pip's installer off Python: virtualenv brings its own.
    rm -rf .venv
    "$python" -m virtualenv -q .venv >>"$log" 2>&1 && return
    "$python" -c 'import ensurepip' 2>/dev/null || fail "$python cannot make an environment with pip; install" \
        "it (on Debian and Ubuntu: sudo apt install python3-venv) and run make again."
    explain "making the environment .venv"
}

install_packages() {
    # uv takes a sixth of pip's time. Where it cannot be had or fails, pip does the same.
    uv=uv
    if ! uv --version >/dev/null 2>&1; then
        .venv/bin/python -m pip install --quiet --retries 1 uv >>"$log" 2>&1
        uv=.venv/bin/uv
    fi
    echo "-- uv" >>"$log"
    "$uv" pip install --python .venv/bin/python --no-deps -r requirements.txt >>"$log" 2>&1 &&
        return
    echo "-- pip" >>"$log"
    .venv/bin/python -m pip install --retries 2 --no-deps -r requirements.txt >>"$log" 2>&1 ||
        explain "installing the packages"
}

if [ -z "${PYTHON:-}" ] && made_with=$(version .venv/bin/python) && suits "$made_with"; then
    python=.venv/bin/python
    found=$made_with
else
    find_python
fi
if [ -f .venv/ddsp-course-stamp ] && [ "$(version .venv/bin/python)" = "$found" ] &&
    [ "$(cat .venv/ddsp-course-stamp)" = "$(stamp "$found")" ]; then
    exit 0
fi
# .venv is about to be removed: its own Python cannot make the new one.
[ "$python" = .venv/bin/python ] && find_python

[ -w . ] && mkdir -p build 2>/dev/null && : 2>/dev/null >"$log" ||
    fail "$(pwd) is not writable for you; move the course to a folder of your own and run make there."
left_mb=$(free_mb)
[ "${left_mb:-$needed_mb}" -ge "$needed_mb" ] ||
    fail "the disk has $left_mb MB free and the course needs $needed_mb; free some and run make again."

echo "Setting up the course in .venv with Python $found: about a minute, a few with a slow network."
make_venv
install_packages
# setuptools, which builds the course, is one of the packages: nothing more is fetched.
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --no-index -e . \
    >>"$log" 2>&1 || explain "installing the course"
stamp "$found" >.venv/ddsp-course-stamp
echo "Set up."
