"""Live: blocks sound as the whole does, and keys play what they are pressed for."""

import dataclasses

import numpy as np
import pytest
from test_synthesis import level_db, melody, steady

from ddsp_course import live, synthesis
from ddsp_course.errors import CourseError
from ddsp_course.exercises import hints

pytestmark = pytest.mark.tensorflow


class NoNoise:
    """Stands for NumPy's random generator, so that harmonics can be compared alone."""

    def uniform(self, low, high, size):
        return np.zeros(size)


def in_blocks(playing, given):
    n = playing.n_frames
    blocks = [
        playing.play(given.f0_hz[i : i + n], given.loudness_db[i : i + n])
        for i in range(0, len(given.f0_hz) - n + 1, n)
    ]
    return np.concatenate(blocks)[live.LATENCY * 64 :]


@pytest.mark.parametrize("block_size", [64, 192, 1024])
def test_blocks_sound_as_the_whole(violin, block_size):
    given = melody(3)
    # A cycle a frame while nothing sounds, so that both begin in the same phase.
    given.f0_hz[:250], given.loudness_db[:250] = 250, -80
    playing = live.Live(violin, block_size)
    playing._rng = NoNoise()
    sound = in_blocks(playing, given)
    harmonic, noise, room = violin.play_parts(given)
    harmonic = synthesis.mix(harmonic, noise, room, levels=(1, 0, 1))[: len(sound)]
    heard = slice(8000, None)
    # Measured: -67 to -72 dB. The rest from which the network began was of another length.
    assert level_db(sound[heard] - harmonic[heard]) < level_db(harmonic[heard]) - 60


def test_noise_in_blocks_is_as_loud_as_in_the_whole(violin):
    given = steady(3, loudness_db=0.0)
    with_noise, without = live.Live(violin, 256), live.Live(violin, 256)
    without._rng = NoNoise()
    noise = (in_blocks(with_noise, given) - in_blocks(without, given))[16000:]
    whole = synthesis.mix(*violin.play_parts(given), levels=(0, 1, 1))
    assert level_db(noise) == pytest.approx(level_db(whole[16000:]), abs=0.5)


def test_room_rings_on_from_block_to_block():
    rng = np.random.default_rng(0)
    dry, answer = rng.normal(size=2560).astype(np.float32), rng.normal(size=700)
    room = live._Reverb(answer, 256)
    wet = np.concatenate([room.add(block) for block in dry.reshape(-1, 256)])
    expected = dry + np.convolve(dry, np.r_[0, answer[1:]])[: len(dry)]
    np.testing.assert_allclose(wet, expected, rtol=1e-4, atol=1e-3)  # float32, values up to 100


def test_key_sounds_at_its_pitch_and_dies_away_when_let_go(violin):
    keys = live.Keys(violin, 256)
    keys.press(69, 100)
    sound = np.concatenate([keys.play() for _ in range(63)])
    assert abs(1200 * np.log2(hints.pitch_hz(sound[4000:12000]) / 440)) < 5
    keys.release(69)
    after = np.concatenate([keys.play() for _ in range(63)])
    assert level_db(after[-4000:]) < level_db(sound[8000:]) - 50


def test_last_key_that_is_held_sounds_and_the_wheel_bends_it(violin):
    keys = live.Keys(violin, 256)
    keys.press(69)
    keys.press(76)
    keys.release(76)
    keys.bend(1.0)
    sound = np.concatenate([keys.play() for _ in range(63)])
    cents = 1200 * np.log2(hints.pitch_hz(sound[8000:14000]) / 440)
    assert abs(cents - 100) < 5


def test_harder_key_is_louder(violin):
    levels = []
    for velocity in (20, 70, 120):
        keys = live.Keys(violin, 256)
        keys.press(69, velocity)
        levels.append(level_db(np.concatenate([keys.play() for _ in range(40)])[4000:]))
    assert levels[0] + 6 < levels[1] < levels[2] - 3


def test_midi_file_plays_its_notes(violin, tmp_path):
    import pretty_midi

    midi = pretty_midi.PrettyMIDI()
    part, drums = pretty_midi.Instrument(40), pretty_midi.Instrument(0, is_drum=True)
    part.notes = [pretty_midi.Note(90, 69, 0.0, 0.6), pretty_midi.Note(90, 74, 0.6, 1.2)]
    drums.notes = [pretty_midi.Note(127, 38, 0.0, 5.0)]
    midi.instruments = [part, drums]
    midi.write(str(tmp_path / "a.mid"))
    sound = np.concatenate(list(live.play_midi(violin, tmp_path / "a.mid", 512)))
    assert abs(len(sound) / 16000 - 1.7) < 0.05
    for start, pitch in ((0.2, 69), (0.8, 74)):
        heard = hints.pitch_hz(sound[int(16000 * start) : int(16000 * (start + 0.35))])
        assert abs(1200 * np.log2(heard / (440 * 2 ** ((pitch - 69) / 12)))) < 10


def test_what_is_no_midi_is_named(violin, tmp_path):
    (tmp_path / "a.mid").write_text("Tuesday")
    with pytest.raises(CourseError, match="MIDI"):
        next(live.play_midi(violin, tmp_path / "a.mid"))


@pytest.mark.parametrize("block_size", [0, 63, 100])
def test_block_that_is_no_multiple_of_a_frame_is_refused(violin, block_size):
    with pytest.raises(CourseError, match=r"\b64\b"):
        live.Live(violin, block_size)


def test_instrument_that_cannot_continue_is_refused(violin):
    player = dataclasses.replace(violin.player, seamless=False)
    with pytest.raises(CourseError, match=r"instrument\.play"):
        live.Live(dataclasses.replace(violin, player=player))


def test_keys_need_to_know_how_loud_the_instrument_plays(violin):
    with pytest.raises(CourseError, match="dataset_statistics"):
        live.Keys(dataclasses.replace(violin, statistics=None))
