"""Exercises: right answers pass, starting cells do not, and mistakes get the hint that fits."""

import importlib
import re

import nbformat
import numpy as np
import pytest
from conftest import ROOT

from ddsp_course import audio, exercises, features
from ddsp_course.errors import CourseError
from ddsp_course.exercises import first_sounds, hints

NOTEBOOKS = sorted((ROOT / "notebooks").glob("0[1-4]_*/*.ipynb"))
CHECK = re.compile(r'exercises\.check\("([\w.]+)"')


def in_notebook(path):
    """Return [(name, starting cell's code, solution's code)] of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    found = []
    for i, cell in enumerate(cells):
        if "exercise" in cell.metadata.get("tags", []):
            solution = re.search(
                r"<details><summary>Solution</summary>\n\n```python\n(.*?)```",
                cells[i + 1].source,
                re.DOTALL,
            )
            found.append((CHECK.search(cell.source)[1], cell.source, solution[1]))
    return found


EXERCISES = [row for path in NOTEBOOKS for row in in_notebook(path)]
NAMES = [row[0] for row in EXERCISES]


@pytest.fixture(scope="module")
def imported(tf, ddsp):
    """What a notebook has imported before its first exercise."""
    return {
        "np": np,
        "tf": tf,
        "ddsp": ddsp,
        "audio": audio,
        "features": features,
        "exercises": exercises,
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_three_exercises_or_more_of_its_own_module(path):
    names = [name for name, _, _ in in_notebook(path)]
    assert len(set(names)) >= 3
    (module,) = {name.split(".")[0] for name in names}
    assert [name for name in NAMES if name.startswith(f"{module}.")] == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind", ["function", "diagnose", "predict"])
def test_notebook_asks_for_a_function_a_fault_and_a_prediction(kind, path):
    tags = [cell.metadata.get("tags", []) for cell in nbformat.read(path, as_version=4).cells]
    assert any("exercise" in one and kind in one for one in tags)


@pytest.mark.parametrize(("name", "start", "solution"), EXERCISES, ids=NAMES)
def test_solution_is_right_and_the_starting_cell_is_not(name, start, solution, imported, capsys):
    exec(solution, dict(imported))  # noqa: S102, it is the notebook's own
    assert capsys.readouterr().out.startswith("Right!\n")
    assert CHECK.search(solution)[1] == name
    exec(start, dict(imported))  # noqa: S102
    assert capsys.readouterr().out.startswith("Not yet: ")


def answers(name):
    module, exercise = name.split(".")
    known = importlib.import_module(f"answers.{module}")
    return known.right()[exercise], known.wrong()[exercise]


@pytest.mark.usefixtures("ddsp")
@pytest.mark.parametrize("name", NAMES)
def test_right_answer_that_is_written_differently_passes(name):
    right, _ = answers(name)
    assert right
    assert [exercises.examine(name, answer) for answer in right] == [None] * len(right)


@pytest.mark.usefixtures("ddsp")
@pytest.mark.parametrize("name", NAMES)
def test_mistakes_get_the_hint_that_fits(name):
    _, wrong = answers(name)
    assert len(wrong) >= 3
    assert len({words for _, words in wrong}) >= 3
    for answer, words in wrong:
        hint = exercises.examine(name, answer)
        assert hint is not None, words
        assert words in hint


class Stubborn:
    """Stands for a tensor of PyTorch that wants its gradient kept, and for worse."""

    def __init__(self, detached=None):
        self.detached = detached

    def numpy(self):
        if self.detached is None:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.detached

    def __getattr__(self, name):
        if name == "detach" and self.__dict__.get("detached") is not None:
            return lambda: self
        raise AttributeError(name)


def odd_objects():
    """What no exercise asks for."""
    tone = np.exp(2j * np.pi * 440 * np.arange(16000) / 16000)
    return [
        None, True, {}, [], (), set(), object(), print, int, "", "440", "abc", b"440", 1 + 2j, tone,
        ["1", "2", "3"], [["1"], ["2"]], [1, [2, 3]], [None, 1], [{}], {"a": 1}, 10**400,
        [10**400], np.array(10**400), np.array("abc"), np.array(None), np.array({}), np.float64("nan"),
        np.array(3.0), np.zeros(0), np.zeros((0, 3)), np.zeros((2, 3, 4, 5)), np.array([1, "a"], object),
        np.array(["2026-11-26"], "datetime64[D]"), range(3), (one for one in "abc"), Stubborn(),
        float("inf"), -0.0, np.ma.masked, memoryview(b"abc"), slice(3), Exception("a"), lambda x: x,
    ]  # fmt: skip


@pytest.mark.usefixtures("ddsp")
@pytest.mark.parametrize("name", NAMES)
def test_any_object_at_all_gets_a_sentence(name):
    for answer in odd_objects():
        hint = exercises.examine(name, answer)
        assert isinstance(hint, str) and len(hint) > 8 and "\n" not in hint, answer


@pytest.mark.usefixtures("ddsp")
@pytest.mark.parametrize("name", NAMES)
def test_right_numbers_of_another_kind_pass_or_are_refused(name):
    for answer in answers(name)[0]:
        if isinstance(answer, bytes | bytearray | memoryview | str):
            continue
        try:
            array = np.asarray(answer)
        except ValueError:
            continue
        if array.dtype.kind not in "biuf":
            continue
        # What the next call would refuse is not right here.
        assert exercises.examine(name, array + 1j) is not None
        assert exercises.examine(name, array.astype(str)) is not None
        assert exercises.examine(name, Stubborn(array)) is None
        if array.ndim:
            assert exercises.examine(name, array[None]) is None


def test_function_is_tried_on_copies_and_its_faults_are_sentences():
    hidden = np.ones(3)

    def spoils(sound):
        print("looking")
        sound *= 2
        return sound.tolist()

    result, wrong = hints.call(spoils, hidden)
    assert (
        wrong is None and np.array_equal(result, [2, 2, 2]) and np.array_equal(hidden, np.ones(3))
    )
    for function, words in [
        (3, "of type int"),
        (lambda sound: sound[5], "IndexError"),
        (lambda: 1, "TypeError"),
        (lambda sound: None, "returns nothing"),
        (lambda sound: ..., "returns nothing"),
    ]:
        result, wrong = hints.call(function, hidden)
        assert result is None and words in wrong


def test_words_are_chosen_in_any_spelling_and_a_wrong_one_gets_its_reason():
    right = {"a": "aliasing", "b": "too slow"}
    why = {"aliasing": "nothing folds.", ("b", "clipping"): "no top is flat.", "clipping": "no.",
           "too slow": "it is as long as it should be."}  # fmt: skip
    options = ("aliasing", "clipping", "too slow")

    def hint(answer):
        return hints.choices(answer, right, options, why)

    assert hint({"a": " Aliasing", "b": "TOO_SLOW"}) is None
    assert hint({"a": "aliasing", "b": "clipping"}) == "'b': no top is flat."
    assert hint({"a": "clipping", "b": "too slow"}) == "'a': no."
    assert "three dots" in hint({"a": "aliasing", "b": ...})
    assert "'b'" in hint({"a": "aliasing"})
    assert "among the words" in hint({"a": "echo", "b": "too slow"})
    assert "type list" in hint(["aliasing"])
    assert "type int" in hint({"a": 3, "b": "too slow"})


def test_right_answer_is_heard(monkeypatch, capsys):
    played = []
    monkeypatch.setattr(audio, "play", lambda sound, **_: played.append(sound))
    monkeypatch.setattr(first_sounds, "HEARD", {"fifth": lambda sound: sound}, raising=False)
    sine = 0.5 * np.sin(2 * np.pi * 440 * 2 ** (7 / 12) / 16000 * np.arange(16000))
    exercises.check("first_sounds.fifth", sine[None])
    exercises.check("first_sounds.fifth", 2 * sine)
    assert capsys.readouterr().out.startswith("Right!\nNot yet: ")
    assert len(played) == 1 and np.allclose(played[0], sine)


def test_exercise_that_does_not_exist_is_named():
    with pytest.raises(CourseError, match=r"no exercise first_sounds\.nothing"):
        exercises.check("first_sounds.nothing", 1)


@pytest.mark.parametrize("f0_hz", [55, 110, 441, 1760, 3000])
@pytest.mark.parametrize("harmonics", [1, 2])
def test_pitch_is_measured_within_a_cent(f0_hz, harmonics):
    t = np.arange(16000) / 16000
    sound = sum(np.sin(2 * np.pi * f0_hz * k * t) / k for k in range(1, harmonics + 1))
    assert abs(1200 * np.log2(hints.pitch_hz(sound) / f0_hz)) < 1


def test_noise_and_silence_have_no_pitch():
    noise = np.random.default_rng(0).normal(size=16000)
    assert hints.pitch_hz(noise) is None
    assert hints.pitch_hz(np.zeros(16000)) is None


def test_hop_too_late_or_too_early_is_told():
    right = np.sin(np.arange(6400) / 50)
    assert "one hop too late" in hints.late(np.r_[np.zeros(64), right[:-64]], right, 64)
    assert "2 hops too early" in hints.late(np.r_[right[128:], np.zeros(128)], right, 64)
    assert hints.late(right, right, 64) is None


def test_axes_in_another_order_are_told():
    axes = ("frames", "harmonics")
    assert "another order" in hints.shape(np.zeros((3, 5)), (5, 3), axes)
    assert "one too many frames" in hints.shape(np.zeros((6, 3)), (5, 3), axes)
    assert hints.shape(np.zeros((5, 3)), (5, 3), axes) is None


def test_answer_in_gin_is_judged_whatever_instrument_is_loaded(violin):
    from ddsp_course import instruments

    instruments.configure(violin.gin_text)
    for text, words in answers("gin_config.two_oscillators")[1]:
        assert words in exercises.examine("gin_config.two_oscillators", text)
