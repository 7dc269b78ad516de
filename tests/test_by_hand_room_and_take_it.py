"""What notebooks 02_your_room_and_gpu and 03_take_it_with_you write out by hand."""

import numpy as np
import pytest

ROOM = "02_your_room_and_gpu"


@pytest.fixture(scope="module")
def dry():
    """Two seconds of noise in bursts, (32000,), the last half second silent."""
    rng = np.random.default_rng(0)
    bursts = np.repeat(rng.uniform(size=20) > 0.5, 1600)
    return np.where(np.arange(32000) < 24000, bursts * rng.normal(0, 0.1, 32000), 0).astype("f")


def test_a_room_is_what_ddsps_reverb_adds(dry, written_out, ddsp):
    room, in_room = written_out(ROOM, "room", "in_room")
    echoes = room(0.4, 0.5)
    theirs = ddsp.effects.Reverb()(dry[None], echoes[None]).numpy()[0]
    np.testing.assert_allclose(in_room(dry, echoes), theirs, atol=1e-5)


@pytest.mark.parametrize("decay_s", [0.3, 1.0])
def test_a_room_has_the_energy_and_the_decay_that_were_asked_for(decay_s, written_out):
    (room,) = written_out(ROOM, "room")
    echoes = room(decay_s, 0.5)
    assert np.sum(echoes**2) == pytest.approx(0.25, rel=1e-4)
    early, late = (np.sum(echoes[n : n + 1600] ** 2) for n in (160, 160 + 3200))
    # 0.2 s apart; noise of 1600 samples has its energy within half a dB.
    assert 10 * np.log10(early / late) == pytest.approx(60 * 0.2 / decay_s, abs=1.0)


def test_deconvolution_with_the_true_room_leaves_little_and_with_another_more(dry, written_out):
    room, in_room, out_of_room = written_out(ROOM, "room", "in_room", "out_of_room")
    echoes = room(0.2, 0.3)

    def left(estimate):
        return np.sum((estimate - dry) ** 2) / np.sum(dry**2)

    wet = in_room(dry, echoes)
    assert left(out_of_room(wet, echoes, epsilon=1e-6)) < 1e-4
    assert left(out_of_room(wet, room(0.2, 0.3, seed=1))) > left(wet)


@pytest.mark.parametrize("bits", [3, 8])
def test_rounded_weights_have_few_levels_and_are_off_by_half_a_step_at_most(bits, written_out):
    (rounded,) = written_out("03_take_it_with_you", "rounded")
    weights = np.random.default_rng(1).normal(size=(40, 50)).astype("f")
    made = rounded(weights, bits)
    assert len(np.unique(made)) <= 2**bits
    step = np.ptp(weights) / (2**bits - 1)
    assert np.abs(made - weights).max() <= 0.5001 * step
    assert np.array_equal(rounded(np.ones(3), bits), np.ones(3))
