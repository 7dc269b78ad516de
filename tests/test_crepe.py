"""CREPE answers as crepe 0.0.16 does, with official weights and with the course's."""

import numpy as np
import pytest

from ddsp_course import crepe, crepe_package, viterbi
from ddsp_course.errors import CourseError, FetchError

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def tiny(official_tiny):
    return crepe.load(official_tiny)


@pytest.mark.parametrize("clip", ["glide", "violin"])
def test_official_weights_give_the_reference_answers(clip, reference, tiny):
    activation = crepe.activation(reference[f"{clip}_audio"], tiny)
    # 1e-4 is asked for; 1e-6 is what float32 gave here.
    np.testing.assert_allclose(
        activation[::25], reference[f"{clip}_crepe_tiny_activation"], atol=1e-4
    )
    for smooth, name in ((False, "argmax"), (True, "viterbi")):
        f0_hz, f0_confidence = crepe.to_f0(activation, smooth)
        cents = 1200 * np.log2(f0_hz / reference[f"{clip}_crepe_tiny_f0_hz_{name}"])
        assert np.abs(cents).max() < 1
        np.testing.assert_allclose(
            f0_confidence, reference[f"{clip}_crepe_tiny_confidence"], atol=1e-4
        )


def test_viterbi_gives_ties_to_the_state_that_hmmlearn_does():
    from hmmlearn.hmm import CategoricalHMM

    rng = np.random.default_rng(3)
    observed = np.repeat(rng.integers(0, 360, 40), rng.integers(1, 12, 40))
    distance = np.abs(np.subtract.outer(np.arange(360), np.arange(360)))
    transition = np.maximum(12 - distance, 0) / np.maximum(12 - distance, 0).sum(1)[:, None]
    model = CategoricalHMM(360)
    model.startprob_, model.transmat_ = np.ones(360) / 360, transition
    model.emissionprob_, model.n_features = np.eye(360) * 0.1 + 0.9 / 360, 360
    path = np.concatenate([bins for _, bins in viterbi.follow([np.eye(360)[observed]])])
    np.testing.assert_array_equal(path, model.predict(observed[:, None]))


@pytest.mark.parametrize("clip", ["glide", "noise", "notes", "silence"])
def test_pitch_in_batches_is_that_of_the_whole(clip):
    rng = np.random.default_rng(4)
    t = np.arange(8 * 16000) / 16000
    notes = 110 * 2 ** rng.uniform(0, 3, 64).repeat(2000)
    sound = {
        "glide": np.sin(2 * np.pi * np.cumsum(110 * 2 ** (t / 4)) / 16000),
        "noise": rng.standard_normal(len(t)),
        "notes": np.sin(2 * np.pi * np.cumsum(notes) / 16000) + rng.standard_normal(len(t)),
        "silence": np.zeros(len(t)),
    }[clip]
    model = crepe.load("course")
    together = crepe.to_f0(crepe.activation(sound, model))
    for part, whole in zip(crepe.pitch(sound, model), together, strict=True):
        np.testing.assert_array_equal(part, whole)


def test_viterbi_settles_frames_as_they_come():
    rng = np.random.default_rng(5)
    observed = {
        "melody": np.repeat(rng.integers(100, 200, 500), 40),
        # From end to end at every frame: no path is ever sure.
        "leaping": np.tile([0, 359], 10000),
    }
    longest = {"melody": 200, "leaping": viterbi.PATIENCE}
    for name, bins in observed.items():
        batches, paths = np.split(np.eye(360, dtype=np.float32)[bins], 200), []
        arrived = [*range(100, 20001, 100), 20000]  # after each batch, and again at the end
        for come, (_, path) in zip(arrived, viterbi.follow(batches), strict=True):
            paths.append(path)
            assert come - sum(map(len, paths)) <= longest[name]
        path = np.concatenate(paths)
        assert len(path) == len(bins)
        # A path settled for want of patience need not fit the next piece, but leaps once at most.
        assert (np.abs(np.diff(path)) >= viterbi.REACH).sum() <= len(bins) // viterbi.PATIENCE * 2


@pytest.mark.parametrize("size", crepe.SIZES)
def test_every_size_is_saved_and_loaded_in_the_official_layout(size, tmp_path):
    network = crepe.build(size)
    crepe.save(network, tmp_path / "a.h5")
    again = crepe.load(tmp_path / "a.h5").network
    for a, b in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("f0_hz", [110, 220, 440, 880])
def test_course_weights_hear_harmonic_tones(f0_hz):
    t = np.arange(16000) / 16000
    sound = sum(np.sin(2 * np.pi * f0_hz * n * t + n) / n for n in range(1, 8))
    found, sure = crepe.to_f0(crepe.activation(sound, crepe.load("course")))
    # A quarter of a semitone, from a small network; edges of the sound left out.
    assert np.abs(1200 * np.log2(found[20:-20] / f0_hz)).max() < 25
    assert sure[20:-20].min() > 0.5


def test_course_weights_are_not_sure_of_noise():
    noise = np.random.default_rng(0).standard_normal(32000)
    _, sure = crepe.to_f0(crepe.activation(noise, crepe.load("course")))
    assert np.median(sure) < 0.3


def test_course_weights_follow_the_reference_glide(reference):
    f0_hz, _ = crepe.to_f0(crepe.activation(reference["glide_audio"], crepe.load("course")))
    cents = 1200 * np.log2(f0_hz[:1000] / reference["glide_true_f0_hz"])
    # Half a semitone is mir_eval's measure of a right pitch.
    assert (np.abs(cents[20:-20]) < 50).mean() > 0.95


def test_loudness_does_not_matter():
    t = np.arange(8000) / 16000
    sound = np.sin(2 * np.pi * 330 * t).astype(np.float32)
    model = crepe.load("course")
    loud, soft = crepe.activation(sound, model), crepe.activation(sound * 1e-3, model)
    # 1e-3: float32 of samples around 1e-3 after normalising.
    np.testing.assert_allclose(loud, soft, atol=1e-3)


def test_batches_do_not_show_in_the_answer():
    sound = np.random.default_rng(1).standard_normal(16000).astype(np.float32)
    model = crepe.load("course")
    whole = crepe.activation(sound, model)
    part = crepe.activation(sound[64 * 100 - 512 : 64 * 100 + 512], model, center=False)
    # float32 sums in another order.
    np.testing.assert_allclose(whole[100], part[0], atol=1e-5)


def test_predict_is_called_as_crepe_is(monkeypatch):
    t = np.arange(44100) / 44100
    stereo = np.stack([np.sin(2 * np.pi * 440 * t)] * 2, axis=1)
    time, frequency, confidence, salience = crepe_package.predict(
        stereo, 44100, "course", verbose=0
    )
    assert len(time) == len(frequency) == len(confidence) == len(salience) == 101
    np.testing.assert_allclose(np.diff(time), 0.01)
    assert np.abs(1200 * np.log2(np.median(frequency) / 440)) < 25


def test_predict_falls_back_to_the_course_with_a_warning(monkeypatch):
    def unreachable(size):
        raise FetchError("No network: connect.")

    monkeypatch.setattr(crepe, "_fetch", unreachable)
    monkeypatch.setattr(crepe_package, "models", {})
    for _ in range(2):  # a failed download is not remembered as a success
        with pytest.warns(UserWarning, match="course"):
            crepe_package.predict(np.ones(2048), 16000, verbose=0)
    assert crepe_package.models == {}


def test_weights_are_read_once_in_a_process_unless_the_file_changes(tmp_path):
    crepe.save(crepe.build("tiny"), tmp_path / "a.h5")
    first = crepe.load(tmp_path / "a.h5")
    assert crepe.load(tmp_path / "a.h5") is first
    assert crepe.load("course") is crepe.load("course")
    crepe.save(crepe.build("tiny"), tmp_path / "a.h5")
    assert crepe.load(tmp_path / "a.h5") is not first


def test_ddsp_gets_other_weights_for_a_while():
    model = crepe.load("course")
    with crepe_package.using(model):
        assert crepe_package.build_and_load_model("full") is model.network
    assert crepe_package.models.get("full") is None


def test_unknown_size_is_named():
    with pytest.raises(CourseError, match=r"huge.*tiny, small"):
        crepe.build("huge")


def test_official_file_in_the_cache_is_used_without_a_network(official_tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("DDSP_COURSE_CACHE", str(tmp_path))
    (tmp_path / "crepe").mkdir()
    (tmp_path / "crepe" / "model-tiny.h5.bz2").write_bytes(official_tiny.read_bytes())
    assert crepe.load("tiny").name == "tiny"


def test_missing_and_damaged_weights_are_named(tmp_path):
    with pytest.raises(CourseError, match=r"none\.h5"):
        crepe.load(tmp_path / "none.h5")
    (tmp_path / "bad.h5").write_bytes(b"no weights")
    with pytest.raises(CourseError, match=r"bad\.h5"):
        crepe.load(tmp_path / "bad.h5")


def test_sound_shorter_than_a_frame_is_named():
    with pytest.raises(CourseError, match=r"\b1024\b.*\b100\b"):
        crepe.activation(np.ones(100), crepe.load("course"), center=False)
