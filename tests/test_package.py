"""Importing the package: cheap, silent, and in any order with TensorFlow."""

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ddsp_course

ROOT = Path(__file__).resolve().parent.parent


def python(program, *folders):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=clean | {"PYTHONPATH": os.pathsep.join(map(str, (*folders, ROOT)))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_is_silent_and_loads_nothing_heavy():
    done = python(
        "import sys, ddsp_course;"
        "from ddsp_course import audio, crepe, features, conditioning, instruments, transfer, plots;"
        "print({'tensorflow', 'ddsp', 'librosa', 'matplotlib', 'av', 'scipy'} & set(sys.modules))"
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_after_the_course_pydub_is_quiet_without_ffmpeg():
    done = python("import os; os.environ['PATH'] = ''\nimport ddsp_course, pydub")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.tensorflow
def test_after_the_course_tensorflow_is_quiet_has_legacy_keras_and_ddsp_finds_a_crepe():
    done = python(
        "import ddsp_course, tensorflow as tf\n"
        "print(tf.keras.layers.Layer.__module__.split('.')[0], float(tf.reduce_sum([1., 2.])))\n"
        "from ddsp_course import crepe as network, crepe_package, _tensorflow\n"
        "ddsp = _tensorflow.load_ddsp()\nimport crepe, numpy as np\n"
        "crepe_package.models['full'] = network.load('course')\n"
        "t = np.arange(16000) / 16000\n"
        "sound = sum(np.sin(2 * np.pi * 440 * n * t) / n for n in (1, 2, 3)).astype('float32')\n"
        "f0_hz, confidence = ddsp.spectral_ops.compute_f0(sound, 250, viterbi=True)\n"
        "near = abs(1200 * np.log2(np.median(f0_hz) / 440)) < 30\n"
        "print(crepe is crepe_package, bool(near), len(f0_hz))"
    )
    # 30 cents: a semitone is 100, and the bundled network is a small one. The first line is
    # printed before ddsp and CREPE, which show a progress bar.
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("tf_keras 3.0", "True True 251"), done.stderr
    assert "WARNING" not in done.stderr and "oneDNN" not in done.stderr


@pytest.mark.tensorflow
def test_plain_imports_of_ddsp_and_tensorflow_are_quiet_and_others_warnings_are_not(tmp_path):
    # ddsp's part is one that speaks up, as its requirements do: which ones depends on the machine.
    (tmp_path / "ddsp").mkdir()
    (tmp_path / "ddsp" / "__init__.py").write_text("def f(): pass\n")
    (tmp_path / "ddsp" / "training.py").write_text(
        "import logging, other, warnings\nwarnings.warn('no ffmpeg')\nlogging.error('no jax')\n"
    )
    (tmp_path / "other.py").write_text("import warnings\nwarnings.warn('an old protobuf')\n")
    done = python(
        "import ddsp_course, logging, warnings\nimport ddsp.training\nimport tensorflow as tf\n"
        "import inspect\nprint(ddsp.training.other.__name__, inspect.getsource(ddsp.f).strip())\n"
        "warnings.warn('mine')\nlogging.error('mine, too')",
        tmp_path,
    )
    assert done.stdout == "other def f(): pass\n"
    assert "UserWarning: mine" in done.stderr and "mine, too" in done.stderr
    for said in ("ffmpeg", "jax", "protobuf", "WARNING", "oneDNN"):
        assert said not in done.stderr


@pytest.mark.tensorflow
def test_tensorflow_before_the_course_gets_legacy_keras_or_one_clear_error():
    done = python(
        "import tensorflow as tf; import ddsp_course\n"
        "from ddsp_course._tensorflow import tf\n"
        "print(tf.keras.layers.Layer.__module__.split('.')[0], float(tf.reduce_sum([1., 2.])))"
    )
    assert done.stdout == "tf_keras 3.0\n"
    done = python(
        "import tensorflow as tf; tf.keras.layers.Layer\nimport ddsp_course\n"
        "from ddsp_course import _tensorflow, errors\n"
        "try: _tensorflow.load()\nexcept errors.SetupError as error: print(error)"
    )
    assert "TF_USE_LEGACY_KERAS" in done.stdout


def test_installed_crepe_goes_first(tmp_path):
    (tmp_path / "crepe.py").write_text("name = 'the real one'\n")
    done = python(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport ddsp_course, crepe\n"
        "print(crepe.name)"
    )
    assert done.stdout == "the real one\n"


TRAINING = [f"training.{path.stem}" for path in (ROOT / "ddsp_course/training").glob("[!_]*.py")]


@pytest.mark.parametrize("name", [*ddsp_course.__all__, *TRAINING])
def test_everything_public_has_a_docstring(name):
    module = importlib.import_module(f"ddsp_course.{name}")
    assert module.__doc__
    for key, value in vars(module).items():
        own = getattr(value, "__module__", None) == module.__name__
        if (
            own
            and not key.startswith("_")
            and (inspect.isfunction(value) or inspect.isclass(value))
        ):
            assert value.__doc__, f"{name}.{key}"


def test_remarks_of_compiled_code_are_kept_away_for_a_while():
    program = """
import os
from ddsp_course import _tensorflow
with _tensorflow.without_remarks():
    os.write(2, b"Compiled cluster using XLA!")
os.write(2, b"heard again")
"""
    done = python(program)
    assert (done.returncode, done.stderr) == (0, "heard again")
