"""What notebook 01_library_map writes out by hand is what ddsp computes, and its map is true."""

import numpy as np
import pytest

NOTEBOOK = "01_library_map"


@pytest.mark.parametrize("seed", [1, 2])
def test_pitch_is_converted_as_by_core(seed, written_out, ddsp):
    midi_to_hz, hz_to_midi = written_out(NOTEBOOK, "midi_to_hz", "hz_to_midi")
    rng = np.random.default_rng(seed)
    notes = rng.uniform(0, 127, 200)
    # float32 holds seven digits.
    np.testing.assert_allclose(midi_to_hz(notes), ddsp.core.midi_to_hz(notes), rtol=1e-5)
    hz = np.r_[0, rng.uniform(20, 8000, 200)]
    # In MIDI numbers, that is a tenth of a cent.
    np.testing.assert_allclose(hz_to_midi(hz), ddsp.core.hz_to_midi(hz), atol=1e-3)


@pytest.mark.parametrize("range_db", [80.0, 40.0])
def test_level_is_converted_as_by_core(range_db, written_out, ddsp):
    (amplitude_to_db,) = written_out(NOTEBOOK, "amplitude_to_db")
    amplitude = np.r_[0, 10 ** np.random.default_rng(3).uniform(-6, 1, 200)].astype(np.float32)
    theirs = ddsp.core.amplitude_to_db(amplitude, range_db=range_db)
    # ddsp's logarithm is a quotient of two in float32: a few units in the sixth digit of 80.
    np.testing.assert_allclose(amplitude_to_db(amplitude, range_db), theirs, atol=1e-3)


def test_answers_of_the_exercises_are_what_the_library_holds(ddsp):
    from ddsp_course.exercises import library_map

    for name, (module, _) in library_map.HOMES.items():
        home = ddsp
        for part in module.split("."):
            home = getattr(home, part)
        assert getattr(home, name).__module__ == f"ddsp.{module}"


def test_each_faulty_chord_has_its_fault_and_no_other():
    from ddsp_course.exercises import library_map

    sounds = library_map.faulty_chords()
    assert list(sounds) == list(library_map.FAULTY)
    hz = {name: library_map._partials(sound)[0] for name, sound in sounds.items()}
    right = 440 * 2 ** ((np.array([60, 64, 67]) - 69) / 12)
    # Within half a bin of a second's spectrum.
    np.testing.assert_allclose(hz["A"], 2 * np.pi * right, atol=0.5)
    np.testing.assert_allclose(hz["B"], [60, 64, 67], atol=0.5)
    assert len(hz["C"]) > 3 and np.abs(sounds["C"]).max() == 0.4
