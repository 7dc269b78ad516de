"""Run ddsp's own tests, which lie in its package, against this environment.

    python scripts/ddsp_tests.py

Weights of the original CREPE cannot be fetched everywhere: where they cannot, the course's serve.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import ddsp_course  # noqa: F401  (`import crepe` finds the course's, and Keras 2 is on)

folder = Path(find_spec("ddsp").origin).parent
sys.exit(
    pytest.main(
        ["-q", "--continue-on-collection-errors", "-p", "no:cacheprovider", "-o", "python_files=*_test.py", "-W", "ignore",
         "--rootdir", str(folder), str(folder)]
    )
)  # fmt: skip
