"""Synthesis: any length, no seam at the joins, and the loudness that was asked for."""

import dataclasses
import shutil

import numpy as np
import pytest

from ddsp_course import conditioning, crepe, features, instruments, synthesis, transfer
from ddsp_course.errors import CourseError

pytestmark = pytest.mark.tensorflow


def level_db(sound):
    return 10 * np.log10((sound.astype(np.float64) ** 2).mean())


def steady(seconds, f0_hz=441.3, loudness_db=-15.0):
    n_samples = int(16000 * seconds)
    n_frames = -(-n_samples // 64)
    return features.Features(
        np.zeros(n_samples, np.float32),
        np.full(n_frames, f0_hz, np.float32),
        np.ones(n_frames, np.float32),
        np.full(n_frames, loudness_db, np.float32),
    )


def envelope(sound, f0_hz):
    """The amplitude of the fundamental at every sample."""
    from scipy.signal import fftconvolve, firwin, hilbert

    band = firwin(801, [f0_hz * 0.7, f0_hz * 1.4], pass_zero=False, fs=16000)
    return np.abs(hilbert(fftconvolve(sound, band, "same")))


def test_turning_the_loudness_down_makes_the_result_quieter(violin, heard):
    plain = conditioning.adjust(heard, violin.statistics)
    softer = conditioning.adjust(heard, violin.statistics, loudness_shift=-12)
    fall = level_db(violin.play(plain)) - level_db(violin.play(softer))
    # The model has learned that a softer violin is darker, too: A-weighted decibels are not those
    # of the plain power, but they are near.
    assert 6 < fall < 20


def test_violin_plays_the_pitch_it_is_given(violin, heard):
    adjusted = conditioning.adjust(heard, violin.statistics)
    played = violin.play(adjusted)
    found, _ = crepe.to_f0(crepe.activation(played, crepe.load("course")))
    cents = 1200 * np.log2(found[: len(adjusted.f0_hz)] / adjusted.f0_hz)[adjusted.note_mask]
    assert (np.abs(cents) < 50).mean() > 0.9


def test_silence_between_notes_stays_silent(violin):
    given = steady(3.0)
    loudness = given.loudness_db.copy()
    loudness[250:500] = -80
    harmonic, noise, _ = violin.play_parts(dataclasses.replace(given, loudness_db=loudness))
    played = harmonic + noise  # without the room, which rings on
    # From a tenth of a second after the note's end.
    assert level_db(played[17600:31000]) < level_db(played[4000:15000]) - 35


@pytest.mark.parametrize("n_samples", [1024, 16001, 7 * 16000, 7 * 16000 + 1, 15 * 16000])
def test_result_is_as_long_as_the_recording(violin, n_samples):
    played = violin.play(steady(n_samples / 16000))
    assert played.shape == (n_samples,) and played.dtype == np.float32
    assert np.isfinite(played).all()


def test_joins_of_windows_cannot_be_heard(violin):
    harmonic, _, _ = violin.play_parts(steady(20))
    amplitude = envelope(harmonic, 441.3)
    advance = violin.player.advance * 64
    for join in (advance, 2 * advance):
        near = amplitude[join - 1600 : join + 1600]
        # 1 dB. Windows that join out of phase dip by up to 60 dB; 0.4 dB was measured.
        assert near.max() / near.min() < 1.12


def melody(seconds):
    """Notes that glide, swell and rest."""
    rng = np.random.default_rng(0)
    given = steady(seconds)
    frames = np.arange(len(given.f0_hz))
    semitones = np.interp(frames, frames[::50], rng.integers(-5, 12, len(frames[::50])))
    level = np.interp(frames, frames[::25], rng.uniform(-80, 5, len(frames[::25])))
    return dataclasses.replace(
        given,
        f0_hz=(330 * 2 ** (semitones / 12)).astype(np.float32),
        loudness_db=level.astype(np.float32),
    )


def test_windows_play_what_one_window_plays(violin, monkeypatch):
    given = melody(30)
    in_windows = violin.play_parts(given)[:2]
    monkeypatch.setattr(synthesis, "WINDOW", 8000)
    at_once = instruments.load(violin.folder).play_parts(given)[:2]
    for some, whole in zip(in_windows, at_once, strict=True):
        # Measured: -185 dB for the harmonics, -160 for the noise.
        assert level_db(some - whole) < level_db(whole) - 100


def test_harmonics_are_those_of_exact_phases(violin):
    """ddsp's own phases, in float32, have lost their way after a second."""
    given = melody(7)
    frames = slice(synthesis.REST + synthesis.MARGIN, synthesis.WINDOW)
    around = (frames.start, synthesis.WINDOW)
    f0_hz = np.pad(given.f0_hz, around, mode="edge")[: synthesis.WINDOW]
    loudness_db = np.pad(given.loudness_db, around, constant_values=-80)[: synthesis.WINDOW]
    outputs = violin.model({"f0_hz": f0_hz[None], "loudness_db": loudness_db[None]}, training=False)
    controls = outputs["harmonic"]["controls"]
    shares = np.float64(controls["harmonic_distribution"][0])
    amplitudes = np.float64(controls["amplitudes"][0]) * shares
    along = np.tile(np.arange(64) / 64, len(f0_hz))
    fade = (0.5 - 0.5 * np.cos(np.pi * along))[:, None]
    here = np.repeat(np.arange(len(f0_hz)), 64)
    there = np.minimum(here + 1, len(f0_hz) - 1)
    hz = (np.float64(f0_hz)[here] * (1 - along) + np.float64(f0_hz)[there] * along)[:, None]
    k = np.arange(1, 61)
    sines = np.where(hz * k < 8000, np.sin(2 * np.pi * np.cumsum(hz / 16000, axis=0) * k), 0)
    exact = (sines * (amplitudes[here] * (1 - fade) + amplitudes[there] * fade)).sum(axis=1)
    exact = exact[64 * frames.start :]
    played = violin.play_parts(given)[0][: len(exact) - 64]
    # Measured: -112 dB.
    assert level_db(played - exact[: len(played)]) < level_db(exact) - 80


def rebuilt(ddsp, violin, gin_lines):
    """Return the violin with a model of its settings and these, with random weights."""
    gin_text = violin.gin_text + gin_lines
    instruments.configure(gin_text)
    model = ddsp.training.models.Autoencoder()
    rest = np.zeros((1, synthesis.WINDOW), np.float32)
    model({"f0_hz": rest + 440, "loudness_db": rest - 40}, training=False)
    return dataclasses.replace(violin, model=model, gin_text=gin_text)


def compiled(instrument):
    return dataclasses.replace(instrument, player=synthesis.compile_player(instrument.model))


def test_network_whose_state_is_not_handed_on_settles_before_it_is_heard(ddsp, violin):
    instrument = compiled(rebuilt(ddsp, violin, "\nRnnFcDecoder.rnn_type = 'lstm'\n"))
    advance = instrument.player.advance
    assert advance == synthesis.WINDOW - synthesis.MARGIN - synthesis.REST
    assert not instrument.player.seamless
    harmonic, noise, _ = instrument.play_parts(steady(17))
    amplitude = envelope(harmonic, 441.3)
    for join in (64 * advance, 128 * advance):
        near = amplitude[join - 1600 : join + 1600]
        assert near.max() / near.min() < 1.12
    assert np.isfinite(noise).all()


def test_playing_leaves_the_model_as_it_is(violin):
    tf_call = type(violin.model.processor_group.processors[0]).get_signal
    violin.play(steady(1))
    for layer in violin.model.submodules:
        assert "get_signal" not in vars(layer) and "call" not in vars(layer)
    assert violin.model.processor_group.processors[0].get_signal.__func__ is tf_call


def test_two_instruments_play_side_by_side(violin):
    given = steady(1.5)
    before = violin.play(given)
    instruments.load(violin.folder)
    np.testing.assert_array_equal(violin.play(given), before)


def test_oscillator_with_another_setting_is_ddsps_own(ddsp, violin):
    """`amp_resample_method` may be set to what the fast oscillator cannot do."""
    instruments.configure(violin.gin_text)
    weights = violin.model.get_weights()
    given = melody(3)
    n_frames = synthesis.WINDOW
    curves = {
        "f0_hz": np.pad(given.f0_hz, (0, n_frames - 750), mode="edge")[None],
        "loudness_db": np.pad(given.loudness_db, (0, n_frames - 750), constant_values=-80)[None],
    }
    by_course, by_ddsp = {}, {}
    for method in ("window", "linear", "nearest"):
        instrument = rebuilt(ddsp, violin, f"\nHarmonic.amp_resample_method = '{method}'\n")
        instrument.model.set_weights(weights)
        instrument = compiled(instrument)
        assert instrument.player.seamless == (method != "nearest")
        noise = np.zeros(n_frames * 64, np.float32)
        rows, _ = instrument.player.play(
            curves["f0_hz"][0], curves["loudness_db"][0], noise, instrument.player.state
        )
        by_course[method] = rows[1][: 750 * 64]
        outputs = instrument.model(curves, training=False)
        by_ddsp[method] = outputs["harmonic"]["signal"][0].numpy()[: 750 * 64]
    # The same layer, compiled by XLA: only its float32 sums differ.
    assert level_db(by_course["nearest"] - by_ddsp["nearest"]) < level_db(by_ddsp["nearest"]) - 40
    difference = {"course": by_course["nearest"] - by_course["window"],
                  "ddsp": by_ddsp["nearest"] - by_ddsp["window"]}  # fmt: skip
    # Both ways of resampling differ audibly, and by the course as much as by ddsp: 1 dB leaves
    # room for the phases of "window", which are exact in the course and drift in ddsp.
    assert level_db(difference["ddsp"]) > level_db(by_ddsp["window"]) - 60
    assert level_db(difference["course"]) > level_db(by_ddsp["window"]) - 60
    # The fast oscillator fades in a straight line, too, and not by a window.
    assert level_db(by_course["linear"] - by_course["window"]) > level_db(by_ddsp["window"]) - 60


def test_old_models_get_their_loudness_on_their_own_scale():
    # -60 of 120 dB is half way up, as is -40 of 80.
    assert synthesis.model_loudness(np.array([-120, -60, 0]), "ddsp1").tolist() == [-80, -40, 0]
    assert synthesis.model_loudness(np.array([-80, -40, 0]), "ddsp2").tolist() == [-80, -40, 0]


def test_nan_in_the_features_is_named(violin):
    given = steady(1)
    given.f0_hz[10] = np.nan
    with pytest.raises(CourseError, match="NaN"):
        violin.play(given)


@pytest.fixture
def old_violin(tmp_path):
    """The violin, as one that learned by ddsp 1's loudness."""
    folder = shutil.copytree(instruments.catalogue()["violin"].location, tmp_path / "old")
    gin_file = folder / "operative_config-0.gin"
    lines = [line for line in gin_file.read_text().splitlines() if "compute_loudness" not in line]
    gin_file.write_text("\n".join(lines))
    return instruments.load(folder)


def test_readmes_example_works_with_an_instrument_of_ddsp_1(old_violin, phrase):
    recording = features.extract(phrase)
    adjusted = conditioning.adjust(recording, old_violin.statistics)
    played = old_violin.play(adjusted)
    assert played.shape == phrase.shape and level_db(played) > -50
    # What reaches the model has been matched to the instrument's own quantiles, by its definition.
    notes, quantiles_db = adjusted.note_mask, old_violin.statistics.loudness_quantiles_db
    measured = features.loudness_db(phrase, "ddsp1")
    wanted = conditioning.match_loudness(measured, notes, quantiles_db)[notes]
    given = features.loudness_as(adjusted, "ddsp1")[notes]
    np.testing.assert_allclose(given, wanted, atol=1e-3)  # float32
    assert np.median(given) == pytest.approx(np.median(quantiles_db), abs=0.5)


def test_instrument_of_ddsp_1_measures_a_recording_by_its_own_definition(old_violin, heard):
    measured = features.loudness_db(heard.audio, "ddsp1")
    harmonic, _, _ = old_violin.play_parts(heard)
    given, _ = synthesis.synthesize(
        old_violin.player, heard.f0_hz, synthesis.model_loudness(measured, "ddsp1"),
        len(heard.audio),
    )  # fmt: skip
    np.testing.assert_array_equal(harmonic, given)


def test_one_call_does_all_steps(violin, phrase):
    played, heard, adjusted = transfer.timbre_transfer(phrase, violin, pitch_shift=-1)
    assert len(played) == len(phrase)
    moved = np.log2(adjusted.f0_hz / heard.f0_hz)
    np.testing.assert_allclose(moved, np.round(moved[0]), atol=1e-4)
    again, _, _ = transfer.timbre_transfer(heard, violin, pitch_shift=-1)
    np.testing.assert_array_equal(again, played)


def test_parts_add_up_to_the_whole(violin, heard):
    harmonic, noise, impulse_response = violin.play_parts(heard)
    whole = synthesis.mix(harmonic, noise, impulse_response)
    np.testing.assert_allclose(whole, violin.play(heard), atol=1e-6)  # float32
    assert -60 < level_db(noise) < level_db(harmonic) - 6


def test_instrument_without_a_room_is_its_harmonics_and_its_noise(heard):
    trumpet = instruments.load("trumpet")
    harmonic, noise, impulse_response = trumpet.play_parts(heard)
    assert impulse_response is None
    np.testing.assert_allclose(harmonic + noise, trumpet.play(heard), atol=1e-6)  # float32


def test_mix_turns_each_part_alone():
    rng = np.random.default_rng(0)
    harmonic, noise = rng.normal(size=(2, 1000)).astype(np.float32)
    room = np.zeros(100, np.float32)
    room[[0, 50]] = 1.0, 0.5
    mixed = synthesis.mix(harmonic, noise, room, levels=(0.5, 0.0, 2.0))
    echo = np.r_[np.zeros(50), harmonic[:-50]]
    np.testing.assert_allclose(mixed, 0.5 * harmonic + 0.5 * echo, atol=1e-5)  # through an FFT
    np.testing.assert_array_equal(
        synthesis.mix(harmonic, noise, levels=(1, 1, 0)), harmonic + noise
    )


def test_reverb_of_a_model_rings_on_over_the_joins(ddsp, violin, tmp_path):
    """A window's warm-up is shorter than a room's echo, so the room comes after the joins."""
    text = (
        "\nProcessorGroup.dag = [\n"
        "  (@synths.Harmonic(), ['amps', 'harmonic_distribution', 'f0_hz']),\n"
        "  (@synths.FilteredNoise(), ['noise_magnitudes']),\n"
        "  (@processors.Add(), ['filtered_noise/signal', 'harmonic/signal']),\n"
        "  (@effects.Reverb(), ['add/signal']),\n"
        "]\nReverb.name = 'reverb'\nReverb.trainable = True\nReverb.reverb_length = 24000\n"
    )
    instrument = rebuilt(ddsp, violin, text)
    (reverb,) = [p for p in instrument.model.processor_group.processors if p.name == "reverb"]
    room = np.random.default_rng(0).normal(size=24000) * np.exp(-np.arange(24000) / 6000) / 50
    reverb.set_weights([room.astype(np.float32)])
    harmonic, noise, impulse_response = compiled(instrument).play_parts(steady(9.0))
    np.testing.assert_array_equal(impulse_response, room.astype(np.float32))
    theirs = reverb.get_signal((harmonic + noise)[None], room[None])[0]
    ours = synthesis.mix(harmonic, noise, impulse_response)
    # Two FFTs of other lengths in float32, on sounds of about 0.1.
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_progress_can_be_ones_own_and_stop_the_work(violin):
    class Stopped(Exception):
        pass

    def bar(windows, desc, unit, disable):
        assert (desc, unit, disable) == ("violin", "window", False)
        yield next(iter(windows))
        raise Stopped

    with pytest.raises(Stopped):
        violin.play(steady(20.0), progress=bar)
