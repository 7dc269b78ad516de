"""What notebook 02_from_notes_to_curves writes out by hand is what pretty_midi and NumPy say."""

import io

import numpy as np
import pytest
from conftest import ROOT

NOTEBOOK = "02_from_notes_to_curves"
SCORES = ROOT / "assets" / "scores"
# Two tracks; running status, a note that ends with velocity 0, a program change of one data byte, a
# message for one maker's devices, and a tempo that doubles after two beats.
TEMPO = bytes.fromhex("00 ff5103 07a120  8360 ff5103 03d090  00 ff2f00")
NOTES = bytes.fromhex(
    "00 c028  00 f003 7e7f f7  00 903c 50  8170 3c00  00 3e 64  8170 803e 00"
    "00 90 40 7f  8360 4000  00 ff2f00".replace(" ", "")
)


def chunk(kind, body):
    return kind + len(body).to_bytes(4, "big") + body


def midi_file(*tracks, division=240):
    header = b"".join(one.to_bytes(2, "big") for one in (1, len(tracks), division))
    return chunk(b"MThd", header) + b"".join(chunk(b"MTrk", track) for track in tracks)


@pytest.fixture(scope="module")
def read_midi(written_out):
    read, _, _ = written_out(NOTEBOOK, "read_midi", "events", "variable_length")
    return read


def by_pretty_midi(data):
    import pretty_midi

    found = pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments[0].notes
    return sorted((note.start, note.end, note.pitch, note.velocity) for note in found)


@pytest.mark.parametrize(
    "data",
    [(SCORES / "greensleeves.mid").read_bytes(), midi_file(TEMPO, NOTES)],
    ids=["greensleeves", "by hand"],
)
def test_reader_agrees_with_pretty_midi(data, read_midi):
    assert read_midi(data) == pytest.approx(np.array(by_pretty_midi(data)))


def test_tempo_running_status_and_velocity_zero(read_midi):
    expected = [(0, 0.5, 60, 80), (0.5, 1.0, 62, 100), (1.0, 1.5, 64, 127)]
    assert read_midi(midi_file(TEMPO, NOTES)) == pytest.approx(np.array(expected))


def test_unknown_chunk_is_passed_over_and_a_pitch_that_starts_twice_ends_first(read_midi):
    twice = bytes.fromhex("00 903c50 60 903c50 60 803c00 00 ff2f00".replace(" ", ""))
    data = midi_file(twice, division=96)
    data = data[:14] + chunk(b"XFIH", b"hello") + data[14:]
    assert read_midi(data)[:, :2] == pytest.approx(np.array([(0, 0.5), (0.5, 1.0)]))


@pytest.mark.parametrize("data", [b"RIFF\0\0\0\0WAVEfmt ", midi_file(NOTES, division=0xE728)])
def test_other_file_and_one_that_counts_in_film_frames_are_refused(data, read_midi):
    with pytest.raises(ValueError):
        read_midi(data)


@pytest.mark.parametrize(
    ("number", "bytes_"), [(0, "00"), (127, "7f"), (128, "8100"), (0xFFFFFFF, "ffffff7f")]
)
def test_variable_length_quantity(number, bytes_, written_out):
    (variable_length,) = written_out(NOTEBOOK, "variable_length")
    data = bytes.fromhex("90" + bytes_ + "90")
    assert variable_length(data, 1) == (number, len(data) - 1)


@pytest.fixture(scope="module")
def rules(written_out):
    """The notebook's rules by name, with what they use."""
    names = ["flat", "with_attack_and_release", "with_arc", "with_vibrato", "with_portamento"]
    helpers = ["looked_up", "frames_of", "volumes", "vibrato_depths"]
    made = dict(zip(names + helpers, written_out(NOTEBOOK, *names, *helpers), strict=True))
    for function in made.values():
        function.__globals__["frame_rate"] = 250
    return made


THREE = np.array([(0.2, 1.0, 60, 80), (1.0, 2.0, 64, 80), (2.5, 3.5, 62, 80)])


def test_flat_curves_are_the_notes_and_silence(rules):
    pitch, loudness_db = rules["flat"](THREE, 1000)
    assert set(pitch) == {60, 62, 64}
    sounds = loudness_db > -80
    assert sounds.sum() == pytest.approx(250 * 2.8, abs=3)  # a frame at each start
    assert not sounds[:50].any() and not sounds[505:620].any()


def test_attack_rises_from_softer_and_release_falls_to_silence(rules):
    flat = rules["flat"](THREE, 1000)
    _, loudness_db = rules["with_attack_and_release"](THREE, *flat, attack_s=0.03, release_s=0.2)
    assert loudness_db[51] < loudness_db[60] < loudness_db[100] <= -14.9
    assert -60 < loudness_db[510] < -15 and loudness_db[560] == -80
    assert (loudness_db[:50] == -80).all()


def test_arc_swells_between_rests_alone(rules):
    flat = rules["flat"](THREE, 1000)
    _, loudness_db = rules["with_arc"](THREE, *flat, arc_db=8)
    # The first phrase lasts from 0.2 to 2 s.
    assert loudness_db[275] == pytest.approx(-15 + 4, abs=0.1)
    assert loudness_db[55] == pytest.approx(-15 - 4, abs=0.5)
    assert (loudness_db[510:620] == -80).all()


@pytest.mark.parametrize("depth", [10, 40])
def test_measured_depth_is_the_depth_of_the_rule(depth, rules):
    notes = np.array([(0.2, 3.2, 60, 80)])
    pitch, _ = rules["with_vibrato"](notes, *rules["flat"](notes, 900), depth_cents=depth)
    (found,) = rules["vibrato_depths"](notes, 100 * (pitch - 60))
    # A Hann window over 3 s, of which the first 0.45 s hold less than the full depth.
    assert found == pytest.approx(depth, rel=0.05)


def test_portamento_starts_at_the_slurred_note_before_and_arrives(rules):
    flat = rules["flat"](THREE, 1000)
    pitch, _ = rules["with_portamento"](THREE, *flat, glide_s=0.03)
    assert pitch[250] == pytest.approx(60, abs=0.1)
    assert pitch[290] == pytest.approx(64, abs=0.05)
    assert pitch[626] == 62  # after a rest there is no slide


def test_network_learns_a_curve_and_the_same_weights_each_time(written_out, tf):
    learn, predict, _ = written_out(NOTEBOOK, "learn", "predict", "new_network")
    x = np.linspace(-1, 1, 400)[:, None]
    y = np.sin(3 * x)
    first, second = (learn(x, y, steps=500, batch=64) for _ in range(2))
    # A tenth of what the best straight line leaves.
    assert np.mean((predict(first, x) - y) ** 2) < 0.1 * np.var(
        y - np.poly1d(np.polyfit(x[:, 0], y[:, 0], 1))(x)
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_stored_phrases_are_whole_and_within_their_ranges():
    with np.load(SCORES / "violin.npz") as stored:
        n = len(stored["loudness_db"])
        assert 0 < stored["n_train"] < n
        assert stored["loudness_db"].shape == stored["cents"].shape == (n, 2000)
        assert set(stored["phrase"]) == set(range(n))
        start, end, pitch, velocity = stored["notes"].T
        assert (end > start).all() and end.max() <= 8
        assert pitch.min() >= 55 and pitch.max() <= 88
        assert velocity.min() >= 8 and velocity.max() <= 127
        assert stored["loudness_db"].min() >= -80 and stored["loudness_db"].max() <= 15
    assert (SCORES / "violin.npz").stat().st_size < 400_000
