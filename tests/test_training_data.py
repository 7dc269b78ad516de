"""Recordings and soundfonts become datasets; what cannot is named before anything is computed."""

import re
import shutil

import numpy as np
import pytest
from conftest import ROOT, SHARED

from ddsp_course import audio, features
from ddsp_course._tensorflow import tf
from ddsp_course.errors import TrainingError
from ddsp_course.training import data, scores, soundfonts

pytestmark = pytest.mark.tensorflow

SECOND = 16000
CLARINET = ROOT / "assets" / "audio" / "clarinet"


def tone(f0_hz, seconds=3.0, n_harmonics=8):
    t = np.arange(int(seconds * SECOND)) / SECOND
    k = np.arange(1, n_harmonics + 1)[:, None]
    return (0.3 * np.sin(2 * np.pi * f0_hz * k * t) / k).sum(axis=0).astype(np.float32)


def read(dataset, part="train", seconds=1):
    size = {"audio": 16000, "audio_16k": 16000, "f0_hz": 250, "f0_confidence": 250}
    size["loudness_db"] = 250
    size = {key: seconds * n for key, n in size.items()}
    keys = {key: tf.io.FixedLenFeature([n], tf.float32) for key, n in size.items()}
    files = sorted(str(path) for path in dataset.glob(f"{part}*.tfrecord*"))
    return [
        {key: value.numpy() for key, value in tf.io.parse_single_example(row, keys).items()}
        for row in tf.data.TFRecordDataset(files)
    ]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two recordings of 6 s, one in a folder below, beside a file that is no sound."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "more").mkdir()
    audio.write(folder / "a.flac", audio.load(CLARINET / "long_tones.ogg")[: 6 * SECOND])
    audio.write(folder / "more" / "b.wav", audio.load(CLARINET / "ode_to_joy.ogg")[: 6 * SECOND])
    (folder / "notes.txt").write_text("Tuesday, clarinet")
    return folder


def test_examples_for_a_room_last_longer(recordings, tmp_path):
    data.prepare_recordings(recordings, tmp_path / "dataset", held_out=0, example_s=4)
    # 6 s in pieces of 4 s every two seconds are two.
    assert len(read(tmp_path / "dataset", seconds=4)) == 2 * 2
    with pytest.raises(TrainingError, match=r"\b7 s"):
        data.prepare_recordings(recordings, tmp_path / "other", held_out=0, example_s=7)


@pytest.fixture(scope="module")
def dataset(recordings, tmp_path_factory):
    return data.prepare_recordings(recordings, tmp_path_factory.mktemp("data") / "dataset", 0.2)


def test_recordings_become_pieces_of_a_second_with_their_pitch(dataset):
    train, held_out = read(dataset, "train"), read(dataset, "held_out")
    # 6 s in pieces of 1 s every half second are 11; one recording is learned, one held out.
    assert (len(train), len(held_out)) == (11, 11)
    f0_hz, confidence = (
        np.concatenate([row[key] for row in train + held_out]) for key in ("f0_hz", "f0_confidence")
    )
    sure = confidence > 0.85
    assert sure.mean() > 0.5
    # The clarinet of the recordings plays between F3 and F6.
    assert ((f0_hz[sure] > 170) & (f0_hz[sure] < 1450)).mean() > 0.95
    for row in train:
        np.testing.assert_array_equal(row["audio"], row["audio_16k"])


def test_loudness_in_the_dataset_is_what_the_instruments_are_played_with(dataset):
    for row in read(dataset)[:3]:
        again = features.loudness_db(row["audio"])
        # Frames at a piece's edges see what lies beyond it in the recording.
        np.testing.assert_allclose(row["loudness_db"][4:-4], again[4:-4], atol=1e-3)


def test_held_out_pieces_come_back_as_features(dataset):
    phrases = scores.held_out_phrases(dataset)
    assert len(phrases) == 11
    assert phrases[0].audio.shape == (16000,) and phrases[0].f0_hz.shape == (250,)


def test_work_of_the_preparation_is_removed(dataset):
    assert [path.name for path in dataset.parent.iterdir()] == ["dataset"]
    assert all(".tfrecord" in path.name for path in dataset.iterdir())


@pytest.mark.slow
def test_beam_workers_in_other_processes_find_the_same_pitch(recordings, dataset, tmp_path, capsys):
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    other = data.prepare_recordings(recordings, tmp_path / "d", 0.2, options, progress=True)
    said = capsys.readouterr().err
    assert "train" in said and "held_out" in said and said.count("100%") >= 2

    def by_sound(rows):
        return sorted(rows, key=lambda row: row["audio"].tobytes())

    for a, b in zip(by_sound(read(dataset)), by_sound(read(other)), strict=True):
        # float32 sums in another order; where there is no pitch, that may choose another one.
        np.testing.assert_allclose(a["f0_confidence"], b["f0_confidence"], atol=1e-3)
        sure = a["f0_confidence"] > 0.5
        np.testing.assert_allclose(a["f0_hz"][sure], b["f0_hz"][sure], rtol=1e-4)


def test_dataset_is_made_in_a_notebook_too(recordings, tmp_path, monkeypatch, capsys):
    """Beam 2.77 fails there with pandas 3, unless it is not told that it is in one."""
    from apache_beam.utils import interactive_utils

    monkeypatch.setattr(interactive_utils, "is_in_ipython", lambda: True)
    data.prepare_recordings(recordings, tmp_path / "d", held_out=0, progress=True)
    assert len(read(tmp_path / "d")) == 22
    assert re.search(r"train.*100%", capsys.readouterr().err)
    assert interactive_utils.is_in_ipython()


def test_folder_without_a_sound_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(TrainingError, match=f"{tmp_path}: .*wav"):
        data.prepare_recordings(tmp_path, tmp_path / "d")
    with pytest.raises(TrainingError, match=f"{tmp_path}/nowhere: .*wav"):
        data.prepare_recordings(tmp_path / "nowhere", tmp_path / "d")


@pytest.mark.parametrize(
    ("name", "sound", "says"),
    [
        ("short", tone(440, 0.5), r"\b0\.50 s"),
        ("still", np.zeros(3 * SECOND, np.float32), "silent"),
        ("three", tone(261.6) + tone(329.6) + tone(392.0), r"\d+%.* chords"),
        ("hiss", 0.1 * np.random.default_rng(0).standard_normal(3 * SECOND), "pitch"),
    ],
)
def test_recording_that_cannot_be_learned_from_is_named(name, sound, says, tmp_path):
    audio.write(tmp_path / f"{name}.wav", sound)
    with pytest.raises(TrainingError, match=rf"{name}\.wav.*{says}"):
        data.prepare_recordings(tmp_path, tmp_path / "d")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.wav"]


def test_all_bad_recordings_are_named_at_once_or_left_out(recordings, tmp_path, caplog):
    folder = shutil.copytree(recordings, tmp_path / "in")
    audio.write(folder / "short.wav", tone(440, 0.5))
    (folder / "text.mp3").write_text("Tuesday, clarinet")
    with pytest.raises(TrainingError, match=r"\b2\b.*\b4\b") as error:
        data.prepare_recordings(folder, tmp_path / "d")
    assert "short.wav" in str(error.value) and "text.mp3" in str(error.value)
    assert not (tmp_path / "d").exists()
    data.prepare_recordings(folder, tmp_path / "d", held_out=0, skip_bad=True)
    assert len(read(tmp_path / "d")) == 22
    left_out = [record.getMessage() for record in caplog.records]
    assert len(left_out) == 2 and "short.wav" in left_out[0] and "text.mp3" in left_out[1]


@pytest.fixture
def only_checks(monkeypatch):
    """Let `prepare_recordings` stop before the pipeline, which has tests of its own."""
    monkeypatch.setattr(data.beam, "run", lambda *args: None)


def test_what_is_wrong_anywhere_in_a_recording_is_told(only_checks, tmp_path, caplog):
    tune = np.concatenate([tone(f0_hz, 0.5) for f0_hz in (220, 247, 277, 294, 330, 370)])
    third = np.concatenate([tone(f0_hz * 1.26, 0.5) for f0_hz in (220, 247, 277, 294, 330, 370)])
    chords = 0.3 * (tune + third)  # softer than the rest
    audio.write(tmp_path / "two.flac", np.concatenate([*[tune] * 4, *[chords] * 3]))
    audio.write(tmp_path / "clean.flac", np.tile(tune, 3))
    data.prepare_recordings(tmp_path, tmp_path / "d")
    (said,) = [record.getMessage() for record in caplog.records]
    assert re.search(r"two\.flac.*several notes.*\b0:10\b.*\b0:21\b", said)


def test_clipping_shows_at_the_rate_of_the_file(only_checks, tmp_path, caplog):
    import soundfile

    t = np.arange(12 * 44100) / 44100
    # 3 dB, in a channel, 8 dB below full scale.
    sound = np.sin(2 * np.pi * 220 * t) * (1 + 0.1 * np.sin(2 * np.pi * t))
    stereo = 0.4 * np.stack([np.clip(sound, -0.78, 0.78), sound], axis=1)
    soundfile.write(tmp_path / "hot.wav", stereo, 44100, subtype="PCM_24")
    data.prepare_recordings(tmp_path, tmp_path / "d")
    (said,) = [record.getMessage() for record in caplog.records]
    assert re.search(r"hot\.wav.*clipping.*\b0:00\b.*\b0:12\b", said)


def test_a_quiet_recording_is_raised_and_told(only_checks, tmp_path, caplog, monkeypatch):
    import soundfile

    written = []
    monkeypatch.setattr(data.audio, "write", lambda path, sound: written.append(sound))
    quiet = 1e-4 * tone(440, 12) / 0.6
    soundfile.write(tmp_path / "quiet.wav", quiet, 16000, subtype="PCM_24")
    data.prepare_recordings(tmp_path, tmp_path / "d")
    (said,) = [record.getMessage() for record in caplog.records]
    assert re.search(r"quiet\.wav.*\b\d+ dB", said)
    assert np.abs(written[0]).max() == pytest.approx(0.1, rel=0.01)


def test_a_voice_is_not_refused_for_its_consonants(only_checks, tmp_path):
    speech = SHARED / "recordings" / "speech.ogg"
    if not speech.exists():
        pytest.skip(f"{speech} lies beside the project, not in it")
    shutil.copy(speech, tmp_path / "speech.ogg")
    assert data.prepare_recordings(tmp_path, tmp_path / "d").exists()


def test_leftovers_of_macos_and_jupyter_are_passed_over(tmp_path):
    audio.write(tmp_path / "take.wav", tone(440, 4))
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / ".ipynb_checkpoints").mkdir()
    for name in ("._take.wav", "__MACOSX/._take.wav", "__MACOSX/take.wav"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    shutil.copy(tmp_path / "take.wav", tmp_path / ".ipynb_checkpoints" / "take-checkpoint.wav")
    (tmp_path / "film.MP4").write_bytes(b"no film")
    assert [path.name for path in data.find_recordings(tmp_path)] == ["film.MP4", "take.wav"]


def test_held_out_chunks_are_those_of_the_dataset(recordings, dataset):
    sounds = [audio.load(path) for path in data.find_recordings(recordings)]
    (chunk,) = data.held_out_chunks(sounds, 0.2)
    seconds = [chunk[start : start + SECOND] for start in range(0, 5 * SECOND + 1, SECOND // 2)]
    for row in read(dataset, "held_out"):
        # A dataset's chunks went through files of 16 bits.
        assert min(np.abs(row["audio"] - one).max() for one in seconds) < 1e-4
    with pytest.raises(TrainingError, match="20 s"):
        data.held_out_chunks(sounds[:1])


def test_unreadable_recording_is_named(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no sound")
    with pytest.raises(TrainingError, match=r"a\.wav"):
        data.prepare_recordings(tmp_path, tmp_path / "d")


def test_too_little_in_all_is_named(tmp_path):
    audio.write(tmp_path / "a.wav", tone(440, 4))
    with pytest.raises(TrainingError, match=r"\b4\.0 s.*\b10 s"):
        data.prepare_recordings(tmp_path, tmp_path / "d")


def test_dataset_is_never_written_over(dataset, recordings):
    before = sorted(path.stat().st_mtime_ns for path in dataset.iterdir())
    with pytest.raises(TrainingError, match=f"{dataset} .*exists"):
        data.prepare_recordings(recordings, dataset)
    assert sorted(path.stat().st_mtime_ns for path in dataset.iterdir()) == before


def test_full_disk_is_one_sentence_and_leaves_nothing(recordings, small_disk):
    with small_disk("300k") as disk:
        with pytest.raises(TrainingError, match=f"{disk}/d .*full"):
            data.prepare_recordings(recordings, disk / "d")
        assert list(disk.iterdir()) == []


needs_fluidsynth = pytest.mark.skipif(
    not soundfonts.SOUNDFONTS["timgm6mb"].exists(),
    reason="needs Debian's fluidsynth and timgm6mb-soundfont",
)


@needs_fluidsynth
def test_phrase_of_a_soundfont_has_the_pitch_it_says():
    from ddsp_course import crepe

    sound, f0_hz = soundfonts.phrase(73, 59, 96, seed=3, soundfont="timgm6mb", seconds=6)
    assert sound.shape == (6 * SECOND,) and f0_hz.shape == (1500,)
    heard, sure = crepe.to_f0(crepe.activation(sound, crepe.load()))
    cents = 1200 * np.log2(heard[:1500] / f0_hz)[sure[:1500] > 0.85]
    # Half a semitone; the rest is what CREPE hears between two notes.
    assert (np.abs(cents) < 50).mean() > 0.9
    again, _ = soundfonts.phrase(73, 59, 96, seed=3, soundfont="timgm6mb", seconds=6)
    np.testing.assert_array_equal(sound, again)


@needs_fluidsynth
def test_program_becomes_a_dataset_with_phrases_held_out(tmp_path):
    data.prepare_program(73, 59, 96, tmp_path / "d", ("timgm6mb",), n_phrases=2, n_held_out=1)
    train, held_out = read(tmp_path / "d", "train"), read(tmp_path / "d", "held_out")
    # 10 s in pieces of 1 s every half second are 19.
    assert (len(train), len(held_out)) == (38, 19)
    known = {row["audio"].tobytes() for row in train}
    assert all(row["audio"].tobytes() not in known for row in held_out if row["audio"].any())


@needs_fluidsynth
def test_half_of_a_program_s_phrases_is_heard_in_a_room_and_none_that_is_held_out(tmp_path):
    data.prepare_program(
        73, 59, 96, tmp_path / "d", ("timgm6mb",), n_phrases=2, n_held_out=1, rooms=0.5
    )
    quietest = {
        part: [row["loudness_db"].min() for row in read(tmp_path / "d", part)]
        for part in ("train", "held_out")
    }
    # The noise of a microphone keeps above the floor, which a soundfont reaches in its rests.
    assert sum(value > features.FLOOR_DB for value in quietest["train"]) >= 19
    assert min(quietest["train"]) == min(quietest["held_out"]) == features.FLOOR_DB
    # What rings on after a note is not called a note.
    for row in read(tmp_path / "d", "train"):
        assert set(np.unique(row["f0_confidence"])) <= {0, 1}


def test_room_rings_on_after_a_note_and_hides_its_high_partials():
    t = np.arange(2 * SECOND) / SECOND
    note = sum(np.sin(2 * np.pi * 440 * k * t) for k in range(1, 9)) * 0.05 * (t < 1)
    heard = np.stack([soundfonts.in_a_room(note, seed) for seed in range(8)])
    np.testing.assert_array_equal(heard[3], soundfonts.in_a_room(note, 3))
    assert heard.dtype == np.float32 and heard.shape == (8, 2 * SECOND)

    def level(sounds):
        return 10 * np.log10((sounds**2).mean(axis=-1) + 1e-20)

    # 50 ms after its end the note is 6 to 60 dB weaker, not gone; a second later nearly is.
    after = level(heard[:, 16800:17600]) - level(heard[:, 8000:16000])
    assert (after < -6).all() and (after > -60).all()
    assert (level(heard[:, -1600:]) < level(heard[:, 16800:17600]) - 3).all()

    def partial(sounds, number):
        spectrum = np.abs(np.fft.rfft(sounds[..., :SECOND]))
        return 20 * np.log10(spectrum[..., 440 * number])

    # 3 dB is what the room's own echo may add to a partial.
    lost = partial(heard, 8) - partial(note, 8) - (partial(heard, 1) - partial(note, 1))
    assert (lost < 6).all() and np.median(lost) < -3


@pytest.mark.parametrize(
    ("system", "for_soundfont", "for_fluidsynth"),
    [
        ("linux", "apt install fluid-soundfont-gm", "apt install fluidsynth"),
        ("darwin", "none.sf2: give the path", "brew install"),
        ("win32", "none.sf2: give the path", "fluidsynth.org"),
    ],
)
def test_missing_soundfont_and_fluidsynth_say_what_to_install(
    monkeypatch, tmp_path, system, for_soundfont, for_fluidsynth
):
    monkeypatch.setattr(soundfonts.sys, "platform", system)
    monkeypatch.setattr(soundfonts.shutil, "which", lambda name: "/usr/bin/fluidsynth")
    with pytest.raises(TrainingError, match=for_soundfont):
        soundfonts.find(tmp_path / "none.sf2")
    monkeypatch.setattr(soundfonts.shutil, "which", lambda name: None)
    with pytest.raises(TrainingError, match=for_fluidsynth):
        soundfonts.find("musescore")
