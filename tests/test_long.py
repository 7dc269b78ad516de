"""What takes long or comes often: memory stays bounded, and what is stopped leaves nothing."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from conftest import COURSE, ROOT

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
    pytest.mark.tensorflow,
    pytest.mark.slow,
]

STATUS = (
    "def mb(name):\n"
    "    status = open('/proc/self/status').read()\n"
    "    return int(status.split(name + ':')[1].split()[0]) / 1024\n"
)


def in_a_child(program, *arguments):
    """Run a program in a Python of its own; return the numbers that it prints last."""
    done = subprocess.run(
        [sys.executable, "-c", STATUS + program, *map(str, arguments)],
        check=True, capture_output=True, text=True, timeout=1200,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return [float(number) for number in done.stdout.splitlines()[-1].split()]


def test_ten_minutes_take_two_gigabytes_at_most_and_little_more_than_half_a_minute(tmp_path):
    song, _ = soundfile.read(ROOT / "assets" / "audio" / "phrase.ogg", dtype="float32")
    for seconds in (30, 600):
        sound = np.resize(song, seconds * 16000)
        soundfile.write(tmp_path / f"{seconds}.flac", sound, 16000)
    seconds, peak_mb, longer_peak_mb = in_a_child(
        "import sys\n"
        "from ddsp_course import audio, transfer\n"
        "short, long = (audio.load(path) for path in sys.argv[1:])\n"
        "transfer.timbre_transfer(short, 'violin')\n"
        "peak = mb('VmHWM')\n"
        "played, _, _ = transfer.timbre_transfer(long, 'violin')\n"
        "print(len(played) / 16000, peak, mb('VmHWM'))\n",
        tmp_path / "30.flac", tmp_path / "600.flac",
    )  # fmt: skip
    assert seconds == 600
    # TensorFlow and ddsp alone take about 600 MB.
    assert longer_peak_mb < 2000
    # What grows are the sounds themselves, 37 MB each: harmonics, noise, the sum of both, and one
    # on the way. CREPE's answers alone would be 206 MB more.
    assert longer_peak_mb - peak_mb < 5 * sound.nbytes / 2**20


def test_loading_twenty_instruments_takes_no_more_memory_than_loading_two():
    after_two, after_twenty = in_a_child(
        "import gc\n"
        "from ddsp_course import instruments\n"
        "for i in range(20):\n"
        "    instruments.load(('violin', 'trumpet')[i % 2])\n"
        "    gc.collect()\n"
        "    if i == 1: after_two = mb('VmRSS')\n"
        "print(after_two, mb('VmRSS'))\n"
    )
    # One's weights have 4 MB, and 18 that stayed would have 74. Measured: 10 to 20 MB.
    assert after_twenty - after_two < 50


def test_interrupted_transfer_leaves_no_file(tmp_path):
    song, _ = soundfile.read(ROOT / "assets" / "audio" / "phrase.ogg", dtype="float32")
    soundfile.write(tmp_path / "long.flac", np.resize(song, 600 * 16000), 16000)
    command = [*COURSE, "transfer", tmp_path / "long.flac",
               "-o", tmp_path / "violin.wav"]  # fmt: skip
    import termios

    ours, theirs = os.openpty()  # progress is shown to a terminal alone, if it is wide enough
    termios.tcsetwinsize(theirs, (25, 80))
    process = subprocess.Popen(command, stderr=theirs, env=os.environ | {"PYTHONPATH": str(ROOT)})
    os.close(theirs)
    said = b""
    while b"%|" not in said:  # it is at work
        said += os.read(ours, 1000)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    os.close(ours)
    assert [path.name for path in tmp_path.iterdir()] == ["long.flac"]
