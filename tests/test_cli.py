"""The command line: what it writes, what it says, and what it leaves behind."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from conftest import is_root, left_in

from ddsp_course import _paths, cli, doctor
from ddsp_course.errors import SilenceError

ROOT = _paths.ASSETS.parent
RECORDING = _paths.ASSETS / "audio" / "phrase.ogg"


def tone(seconds=1.0, f0_hz=440.0):
    time = np.arange(int(16000 * seconds)) / 16000
    return sum(0.3 / n * np.sin(2 * np.pi * n * f0_hz * time) for n in (1, 2, 3))


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "in.wav"
    soundfile.write(path, tone(), 16000)
    return path


@pytest.fixture
def stand_in(monkeypatch):
    """Replace the slow parts, so that what the command does round them can be seen."""
    from ddsp_course import instruments, transfer

    seen = {}
    curves = SimpleNamespace(f0_hz=np.full(250, 440.0), note_mask=np.ones(250, bool))

    def timbre_transfer(recording, instrument, progress, **settings):
        seen.update(settings)
        return tone().astype(np.float32), curves, curves

    monkeypatch.setattr(instruments, "load", lambda name: name)
    monkeypatch.setattr(transfer, "timbre_transfer", timbre_transfer)
    return seen


def run(*arguments):
    return cli.main(["transfer", *map(str, arguments)])


def test_transfer_writes_sound_and_picture_and_says_how_fast(recording, stand_in, capsys):
    folder = recording.parent
    assert run(recording, "-o", folder / "out.wav", "--plot", folder / "out.png") == 0
    sound, rate = soundfile.read(folder / "out.wav")
    assert rate == 16000 and len(sound) == 16000
    assert (folder / "out.png").read_bytes().startswith(b"\x89PNG")
    assert left_in(folder) == ["in.wav", "out.png", "out.wav"]
    said = capsys.readouterr()
    # How much audio, how long it took, how fast that is, and how long loading took.
    assert re.search(r"\b1\.0 s\b.*\b[\d.]+ s\b.*\b[\d.]+\b.*\b[\d.]+ s\b", said.out)
    assert said.err == ""


def test_settings_reach_the_conditioning(recording, stand_in):
    run(recording, "-o", recording.parent / "out.wav", "--pitch-shift", -1, "--loudness-shift",
        -12, "--autotune", 0.5, "--quiet", 30)  # fmt: skip
    assert stand_in == {"pitch_shift": -1, "loudness_shift": -12, "autotune": 0.5, "quiet": 30}


@pytest.mark.parametrize(
    "name", ["Ba$$in.wav", "A$AP_$ong.wav", "$100 - $200.wav", "caf\udce9.wav", "笛子.wav", "~x.wav",
             "[1] {a} %s.wav"]
)  # fmt: skip
def test_any_file_name_will_do(name, tmp_path, stand_in, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    soundfile.write(os.fsencode(name), tone(), 16000)
    assert run(name, "-o", f"out {name}", "--plot", "out.png") == 0
    assert capfd.readouterr().err == ""
    assert (tmp_path / f"out {name}").exists() and (tmp_path / "out.png").exists()


def test_name_outside_the_terminals_encoding_is_printed(tmp_path):
    name = tmp_path / "caf\udce9.wav"
    program = "import sys; from ddsp_course import cli; sys.exit(cli.main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, "transfer", os.fsencode(name), "-o", tmp_path / "out.wav"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"There is no file" in done.stderr and b"Traceback" not in done.stderr


def test_home_may_be_written_short(recording, stand_in, monkeypatch):
    monkeypatch.setenv("HOME", str(recording.parent))
    assert run("~/in.wav", "-o", "~/out.wav") == 0
    assert (recording.parent / "out.wav").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--autotune", "1.5"), ("--pitch-shift", "nan"), ("--quiet", "-1"), ("--quiet", "loud")],
)
def test_setting_out_of_range_is_refused(recording, option, value, capsys):
    with pytest.raises(SystemExit) as stop:
        run(recording, "-o", recording.parent / "out.wav", option, value)
    assert stop.value.code == 2
    assert option in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"this is no sound, but a text"], ids=["empty", "text"])
def test_bad_recording_is_one_sentence_and_no_output(tmp_path, content, capsys):
    source = tmp_path / "in.wav"
    source.write_bytes(content)
    assert run(source, "-o", tmp_path / "out.wav") == 2
    assert_one_sentence(capsys)
    assert left_in(tmp_path) == ["in.wav"]


def test_missing_recording_is_one_sentence(tmp_path, capsys):
    assert run(tmp_path / "none.wav", "-o", tmp_path / "out.wav") == 2
    assert "none.wav" in assert_one_sentence(capsys)
    assert left_in(tmp_path) == []


def test_recording_with_nan_is_one_sentence(tmp_path, capsys):
    sound = tone()
    sound[8000] = np.nan
    soundfile.write(tmp_path / "in.wav", sound, 16000, subtype="FLOAT")
    assert run(tmp_path / "in.wav", "-o", tmp_path / "out.wav") == 2
    assert_one_sentence(capsys)
    assert left_in(tmp_path) == ["in.wav"]


def test_error_in_the_long_work_is_one_sentence(recording, stand_in, monkeypatch, capsys):
    from ddsp_course import transfer

    def silent(*args, **kwargs):
        raise SilenceError("The recording is silent: record it again, closer.")

    monkeypatch.setattr(transfer, "timbre_transfer", silent)
    assert run(recording, "-o", recording.parent / "out.wav") == 2
    assert "silent" in assert_one_sentence(capsys)
    assert left_in(recording.parent) == ["in.wav"]


def test_a_warning_is_one_sentence_without_code(recording, stand_in, monkeypatch, capsys):
    from ddsp_course import transfer

    played = transfer.timbre_transfer

    def warns(*args, **kwargs):
        warnings.warn("Several notes sound at once.", stacklevel=2)
        return played(*args, **kwargs)

    monkeypatch.setattr(transfer, "timbre_transfer", warns)
    assert run(recording, "-o", recording.parent / "out.wav") == 0
    assert capsys.readouterr().err == "ddsp-course: Several notes sound at once.\n"


def assert_one_sentence(capsys):
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("ddsp-course: ")
    assert "Traceback" not in said.err
    return said.err


@pytest.mark.parametrize(
    "output", ["out.txt", "out", "missing/out.wav", "folder.wav", "a" * 300 + ".wav"]
)
def test_impossible_output_is_found_before_the_work(recording, output, monkeypatch, capsys):
    from ddsp_course import audio

    (recording.parent / "folder.wav").mkdir()
    monkeypatch.setattr(audio, "load", lambda *args: pytest.fail("the work began"))
    assert run(recording, "-o", recording.parent / output) == 2
    assert_one_sentence(capsys)


@pytest.mark.skipif(is_root(), reason="root may write anywhere")
def test_unwritable_folder_is_found_before_the_work(recording, capsys):
    folder = recording.parent / "locked"
    folder.mkdir(mode=0o500)
    assert run(recording, "-o", folder / "out.wav") == 2
    assert "locked" in assert_one_sentence(capsys)


def test_recording_is_not_overwritten_by_its_own_result(recording, stand_in, capsys):
    before = recording.read_bytes()
    assert run(recording, "-o", recording) == 2
    assert_one_sentence(capsys)
    assert recording.read_bytes() == before


def test_recording_in_the_home_folder_is_not_overwritten(recording, stand_in, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(recording.parent))
    before = recording.read_bytes()
    assert run("~/in.wav", "-o", "~/in.wav") == 2
    assert_one_sentence(capsys)
    assert recording.read_bytes() == before


def test_failed_picture_leaves_no_sound_behind(recording, stand_in, monkeypatch, capsys):
    folder = recording.parent

    def full_disk(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli, "_draw", full_disk)
    assert run(recording, "-o", folder / "out.wav", "--plot", folder / "out.png") == 2
    assert "No space left" in assert_one_sentence(capsys)
    assert left_in(folder) == ["in.wav"]


def test_ctrl_c_ends_with_130_and_leaves_nothing(recording, stand_in, monkeypatch, capsys):
    def stopped(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_draw", stopped)
    folder = recording.parent
    assert run(recording, "-o", folder / "out.wav", "--plot", folder / "out.png") == 130
    assert left_in(folder) == ["in.wav"]


def test_doctor_says_what_to_do_about_each_failure(monkeypatch, capsys):
    def broken():
        raise RuntimeError("it broke")

    monkeypatch.setattr(
        doctor, "checks",
        lambda: [doctor.Check("good", lambda: "fine", "-"), doctor.Check("bad", broken, "mend it"),
                 doctor.Check("extra", broken, "get it", required=False)],
    )  # fmt: skip
    assert cli.main(["doctor"]) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [
        "ok      good: fine",
        "FAILED  bad: it broke",
        "        -> mend it",
        "absent  extra: it broke",
        "        -> get it",
    ]
    assert "1" in last and "FAILED" in last


def test_doctor_is_content_with_a_missing_extra(monkeypatch):
    def broken():
        raise RuntimeError("it broke")

    extra = doctor.Check("extra", broken, "get it", required=False)
    monkeypatch.setattr(doctor, "checks", lambda: [extra])
    assert cli.main(["doctor"]) == 0


def test_doctor_checks_each_package_of_the_project():
    titles = [check.title for check in doctor._packages()]
    assert {"numpy", "ddsp", "tf-keras", "hmmlearn", "note_seq"} <= set(titles)


@pytest.mark.tensorflow
def test_bundled_recording_becomes_a_violin(tmp_path):
    # In a process of its own, as a learner runs it: nothing on stderr, and exit status 0.
    sound, rate = soundfile.read(RECORDING)
    soundfile.write(tmp_path / "in.wav", sound[: 2 * rate], rate)
    done = subprocess.run(
        [sys.executable, "-m", "ddsp_course.cli", "transfer", "in.wav", "-o", "out.wav",
         "--plot", "out.png"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    violin, _ = soundfile.read(tmp_path / "out.wav")
    assert len(violin) == 2 * 16000
    assert np.abs(violin).max() > 0.01
    assert sorted(Path(tmp_path).glob(".*")) == []
