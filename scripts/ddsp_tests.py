"""Run ddsp's own tests, which are part of its package, in this environment.

    python scripts/ddsp_tests.py

If CREPE's official weights cannot be downloaded, the course's weights are used.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import ddsp_course  # noqa: F401  (provides `import crepe`, and selects Keras 2)

folder = Path(find_spec("ddsp").origin).parent
sys.exit(
    pytest.main(
        ["-q", "--continue-on-collection-errors", "-p", "no:cacheprovider", "-o", "python_files=*_test.py", "-W", "ignore",
         "--rootdir", str(folder), str(folder)]
    )
)  # fmt: skip
