"""Train the course's CREPE weights: the `tiny` network on sounds whose pitch is known.

    python scripts/train_crepe.py              # from scratch, or on from the last checkpoint
    python scripts/train_crepe.py --evaluate   # the table of assets/crepe/scores.md alone

Three kinds of sound, mixed in every batch:

- draws of a harmonic oscillator: random f0, spectra, glides and vibrato, some shaped by
  formants as a voice is;
- notes of FluidR3's pitched instruments; the score says the pitch, and YIN corrects it for
  samples that are out of tune or have vibrato in them. Every ninth program is held out;
- noise and silence, whose target is zero everywhere, so that confidence means something.

Targets and loss are the paper's (Kim et al., ICASSP 2018, section 2): a Gaussian of 25 cents
around the true pitch, and binary cross-entropy.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import sounds

from ddsp_course import _paths, _tensorflow, crepe

tf = _tensorflow.load()

SAMPLE_RATE = crepe.SAMPLE_RATE
SIZE = crepe.FRAME_SIZE
HOP_SIZE = 64
BLUR_CENTS = 25.0
TABLE = 4096
PROGRAMS = range(112)
# Samples of drums, of several notes at once or of no clear pitch: bells, timpani, hits.
UNPITCHED = {9, 13, 14, 47, 55}
HELD_OUT_EVERY = 9
NOTES_S = 40
NOISE_DB = (None, 20, 10, 0)


def cents_of(f0_hz):
    """Return cents above 10 Hz."""
    return 1200.0 * np.log2(np.asarray(f0_hz) / 10.0)


def target(f0_hz):
    """Return what the network should say, (n, 360) for f0_hz (n,); zero where f0_hz is 0."""
    f0_hz = np.asarray(f0_hz)
    distance = crepe.CENTS - cents_of(np.where(f0_hz > 0, f0_hz, 1.0))[:, None]
    return np.exp(-0.5 * (distance / BLUR_CENTS) ** 2) * (f0_hz > 0)[:, None]


def wavetables(rng, f0_hz):
    """Return one cycle of a random timbre each, (n, TABLE), without partials above Nyquist."""
    n = len(f0_hz)
    k = np.arange(1, TABLE // 2 + 1)
    hz = k * f0_hz[:, None]
    tilt_db = rng.uniform(-18, 3, (n, 1))
    spectrum = 10 ** (
        (tilt_db * np.log2(k) + rng.normal(0, rng.uniform(0, 10, (n, 1)), hz.shape)) / 20
    )
    formants = np.zeros_like(hz)
    for low, high in ((200, 900), (700, 2600), (2000, 3600)):
        centre, width = rng.uniform(low, high, (n, 1)), rng.uniform(60, 400, (n, 1))
        formants += rng.uniform(0.2, 1, (n, 1)) / (1 + ((hz - centre) / width) ** 2)
    spectrum *= np.where(rng.random((n, 1)) < 0.4, formants, 1.0)
    # A clarinet has few even partials; many a sound has a weak fundamental, a whistle nothing else.
    spectrum[:, 1::2] *= np.where(rng.random((n, 1)) < 0.1, rng.uniform(0, 0.2, (n, 1)), 1.0)
    spectrum[:, :1] *= np.where(rng.random((n, 1)) < 0.2, rng.uniform(0, 0.3, (n, 1)), 1.0)
    spectrum[:, 1:] *= np.where(rng.random((n, 1)) < 0.05, 0.02, 1.0)
    spectrum *= hz < SAMPLE_RATE / 2
    phase = rng.uniform(0, 2 * np.pi, hz.shape) * (rng.random((n, 1)) < 0.5)
    table = np.fft.irfft(np.pad(spectrum * np.exp(1j * phase), ((0, 0), (1, 0))), TABLE, axis=1)
    return table / np.sqrt((table**2).mean(axis=1, keepdims=True) + 1e-12)


def envelopes(rng, n):
    """Return loudness within a frame, (n, SIZE): steady, rising, falling, beginning or ending."""
    t = np.linspace(-1, 1, SIZE)
    slope = rng.normal(0, 6, (n, 1)) * (rng.random((n, 1)) < 0.7)
    level = 10 ** (slope * t / 20)
    # At least the centre sounds, or the target would be wrong.
    edge = rng.uniform(-0.9, -0.1, (n, 1))
    gate = 1 / (1 + np.exp(-np.clip((t - edge) * 60, -50, 50)))
    gate = np.where(rng.random((n, 1)) < 0.5, gate, gate[:, ::-1])
    return level * np.where(rng.random((n, 1)) < 0.25, gate, 1.0)


def draw_oscillators(rng, n):
    """Return frames (n, SIZE) and f0_hz (n,) of random harmonic sounds."""
    f0_hz = np.exp(rng.uniform(np.log(32.7), np.log(1975.0), n))
    t = (np.arange(SIZE) - SIZE / 2) / SAMPLE_RATE
    slope = rng.normal(0, 1, (n, 1)) * rng.choice(
        [0.0, 0.5, 2.0, 5.0], (n, 1), p=[0.3, 0.3, 0.3, 0.1]
    )
    # Octaves a second: f0 e^(at) integrates to the phase.
    rate = np.where(np.abs(slope) < 1e-3, 1e-3, slope) * np.log(2)
    phase = f0_hz[:, None] * np.expm1(rate * t) / rate + rng.random((n, 1))
    place = (phase % 1.0) * TABLE
    left = place.astype(np.int64) % TABLE
    table = wavetables(rng, f0_hz)
    below = np.take_along_axis(table, left, axis=1)
    above = np.take_along_axis(table, (left + 1) % TABLE, axis=1)
    return (below + (above - below) * (place % 1.0)) * envelopes(rng, n), f0_hz


def draw_unvoiced(rng, n):
    """Return frames (n, SIZE) of noise of several colours, clicks, and near silence."""
    spectrum = np.fft.rfft(rng.standard_normal((n, SIZE)), axis=1)
    hz = np.maximum(np.fft.rfftfreq(SIZE, 1 / SAMPLE_RATE), 20.0)
    colour = rng.uniform(-1.5, 0.5, (n, 1))
    # Band-limited noise, no narrower than an octave, or it would have a pitch.
    low = np.exp(rng.uniform(np.log(20), np.log(3000), (n, 1)))
    high = low * 2 ** rng.uniform(1, 8, (n, 1))
    spectrum *= (hz / 500) ** colour * ((hz > low) & (hz < high) | (rng.random((n, 1)) < 0.5))
    frames = np.fft.irfft(spectrum, SIZE, axis=1)
    clicks = np.exp(
        -np.abs(np.arange(SIZE) - rng.uniform(0, SIZE, (n, 1))) / rng.uniform(2, 40, (n, 1))
    )
    frames = np.where(rng.random((n, 1)) < 0.1, frames * clicks, frames)
    return frames * 10 ** (rng.uniform(-100, 0, (n, 1)) / 20)


def play_program(program, seed):
    """Return audio (n_samples,) and f0_hz (n_frames,) of one instrument; f0_hz is 0 in silence.

    Frames whose YIN pitch is farther than 50 cents from the score are marked NaN: neither
    certainly voiced nor certainly not.
    """
    import librosa

    rng = np.random.default_rng([program, seed])
    n_samples = NOTES_S * SAMPLE_RATE
    notes, t = [], 0.1
    while t < NOTES_S - 1.0:
        length = np.exp(rng.uniform(np.log(0.15), np.log(1.5)))
        notes.append((t, t + length, rng.integers(26, 95), rng.integers(30, 127)))
        t += length + rng.choice([0.02, 0.15, 0.5])
    bend_t = np.arange(0, NOTES_S, 0.01)
    since = (
        bend_t
        - np.array([note[0] for note in notes])[
            np.maximum(np.searchsorted([note[0] for note in notes], bend_t, "right") - 1, 0)
        ]
    )
    depth = np.repeat(rng.choice([0.0, 0.2, 0.5], NOTES_S), 100)
    bend = depth * np.clip(since / 0.2, 0, 1) * np.sin(2 * np.pi * 5.5 * bend_t)
    bend += np.repeat(rng.choice([0, 0, 2.0], NOTES_S), 100) * np.exp(-since / 0.1)
    detune = rng.uniform(-0.5, 0.5)
    audio = sounds.render(sounds.score(program, notes, bend + detune), n_samples)

    frame_t = np.arange(n_samples // HOP_SIZE) * HOP_SIZE / SAMPLE_RATE
    starts = np.array([note[0] for note in notes])
    index = np.maximum(np.searchsorted(starts, frame_t, "right") - 1, 0)
    midi = np.array([note[2] for note in notes])[index] + np.interp(frame_t, bend_t, bend) + detune
    score_hz = 440.0 * 2 ** ((midi - 69) / 12)
    # Two frame lengths: low notes need a long one, vibrato and slides a short one.
    found_hz = np.full(len(frame_t), np.nan)
    for frame_length in (2048, 1024):
        fmin = 2.2 * SAMPLE_RATE / frame_length
        yin_hz = librosa.yin(
            audio,
            fmin=fmin,
            fmax=2200,
            sr=SAMPLE_RATE,
            frame_length=frame_length,
            hop_length=HOP_SIZE,
        )[: len(frame_t)]
        near = np.abs(1200 * np.log2(yin_hz / score_hz)) < 50
        found_hz = np.where(near, yin_hz, found_hz)
    level = np.sqrt(librosa.feature.rms(y=audio, frame_length=SIZE, hop_length=HOP_SIZE)[0] ** 2)
    level = level[: len(frame_t)]
    released = frame_t > np.array([note[1] for note in notes])[index] + 0.05
    quiet = level < 1e-3 * level.max()
    f0_hz = np.where(released, np.nan, found_hz)
    return audio, np.where(quiet, 0.0, f0_hz).astype(np.float32)


def soundfont_notes(work):
    """Return (audio, f0_hz) of all programs, (n_programs, ...), made once and kept in `work`."""
    path = work / "programs.npz"
    if not path.exists():
        from tqdm import tqdm

        programs = [p for p in PROGRAMS if p not in UNPITCHED]
        made = [play_program(p, seed=0) for p in tqdm(programs, desc="soundfont", unit="program")]
        part = path.with_name("programs.part.npz")
        np.savez(
            part,
            programs=programs,
            audio=np.stack([a for a, _ in made]).astype(np.float16),
            f0_hz=np.stack([f for _, f in made]),
        )
        os.replace(part, path)
    with np.load(path) as held:
        return held["programs"], held["audio"], held["f0_hz"]


def held_out(programs):
    """Return which programs are for tests alone, (n_programs,) bool."""
    return programs % HELD_OUT_EVERY == 4


class Notes:
    """Draws frames from the soundfont's notes."""

    def __init__(self, audio, f0_hz):
        self.audio = np.pad(audio, ((0, 0), (SIZE // 2, SIZE // 2)))
        inside = (f0_hz > crepe_hz(0)) & (f0_hz < crepe_hz(crepe.N_BINS - 1))
        self.voiced = np.argwhere(inside)
        self.f0_hz = f0_hz

    def draw(self, rng, n):
        rows, frames = self.voiced[rng.integers(len(self.voiced), size=n)].T
        samples = frames[:, None] * HOP_SIZE + np.arange(SIZE)
        return self.audio[rows[:, None], samples].astype(np.float32), self.f0_hz[rows, frames]


def crepe_hz(position):
    """Return the frequency of a bin in Hz."""
    return 10.0 * 2.0 ** (crepe.CENTS[position] / 1200.0)


def batch(rng, notes, n=128):
    """Return normalised frames (n, SIZE) and targets (n, 360)."""
    n_notes, n_quiet = int(0.45 * n), int(0.12 * n)
    n_drawn = n - n_notes - n_quiet
    drawn, drawn_hz = draw_oscillators(rng, n_drawn)
    played, played_hz = notes.draw(rng, n_notes)
    frames = np.concatenate([drawn, played])
    level = np.sqrt((frames**2).mean(axis=1, keepdims=True)) + 1e-9
    frames = frames / level
    # Another note's tail, an early reflection, a hum: weaker, and not the answer.
    other = rng.permutation(len(frames))
    frames += (
        frames[other]
        * 10 ** (rng.uniform(-50, -14, (len(frames), 1)) / 20)
        * (rng.random((len(frames), 1)) < 0.2)
    )
    noise = draw_unvoiced(rng, len(frames))
    noise /= np.sqrt((noise**2).mean(axis=1, keepdims=True)) + 1e-9
    snr_db = rng.uniform(-3, 50, (len(frames), 1))
    frames = np.concatenate([frames + noise * 10 ** (-snr_db / 20), draw_unvoiced(rng, n_quiet)])
    f0_hz = np.concatenate([drawn_hz, played_hz, np.zeros(n_quiet)])
    return crepe.normalise(frames.astype(np.float32)), target(f0_hz).astype(np.float32)


def start_filters(network):
    """Start the first layer as a bank of windowed tones, from which it learns on.

    Random filters take most of a short training to become something like it (figure 4 of the
    SincNet paper, Ravanelli and Bengio, 2018, shows the gain).
    """
    layer = network.get_layer("conv1")
    kernel, bias = layer.get_weights()
    width, _, _, n_filters = kernel.shape
    t = (np.arange(width) - width / 2) / SAMPLE_RATE
    hz = np.exp(np.linspace(np.log(40), np.log(6000), n_filters // 2))
    length = np.clip(8 / hz, 0.004, width / SAMPLE_RATE)
    window = np.where(np.abs(t[:, None]) < length / 2, np.cos(np.pi * t[:, None] / length) ** 2, 0)
    phase = 2 * np.pi * hz * t[:, None]
    tones = np.concatenate([window * np.cos(phase), window * np.sin(phase)], axis=1)
    tones /= np.sqrt((tones**2).sum(axis=0)) * 4
    layer.set_weights([0.3 * kernel + tones[:, None, None, :].astype(np.float32), bias])


def train(notes, work, steps):
    network = crepe.build("tiny")
    start_filters(network)
    for layer in network.layers:
        if "dropout" in layer.name:
            # Every batch is new: there is nothing to learn by heart.
            layer.rate = 0.0
    schedule = tf.keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.01)
    optimizer = tf.keras.optimizers.legacy.Adam(schedule)
    counter = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(network=network, optimizer=optimizer, step=counter)
    manager = tf.train.CheckpointManager(checkpoint, str(work / "checkpoints"), 2)
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint)
        print(f"Going on from step {int(counter)}.", flush=True)

    @tf.function
    def step(frames, wanted):
        with tf.GradientTape() as tape:
            said = tf.clip_by_value(network(frames, training=True), 1e-6, 1 - 1e-6)
            loss = -tf.reduce_mean(
                wanted * tf.math.log(said) + (1 - wanted) * tf.math.log(1 - said)
            )
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    rng = np.random.default_rng([7, int(counter)])
    recent, started = [], time.time()
    while int(counter) < steps:
        recent.append(float(step(*batch(rng, notes))))
        counter.assign_add(1)
        done = int(counter)
        if done % 100 == 0 or done == steps:
            each = (time.time() - started) / len(recent)
            print(
                f"step {done}/{steps}: loss {np.mean(recent):.4f}, {each:.2f} s a step", flush=True
            )
            if done % 500 == 0 or done == steps:
                manager.save()
            recent, started = [], time.time()
    return network


def evaluate(programs, audio, f0_hz, models):
    """Return a Markdown table of accuracy on programs not trained on, clean and in noise.

    Shares of voiced frames whose pitch is right, and of voiced and unvoiced frames with a
    confidence above 0.5.
    """
    import mir_eval

    lines = [
        "| weights | noise | within 50 cents | 25 | 10 | 50, any octave | sure: voiced | unvoiced |",
        "|---|---|---|---|---|---|---|---|",
    ]
    test = held_out(programs)
    # Ten seconds of each are enough, and keep this within minutes.
    n_frames = 10 * SAMPLE_RATE // HOP_SIZE
    for name, model in models.items():
        for noise_db in NOISE_DB:
            rng = np.random.default_rng(11)
            truth, found, sure = [], [], []
            for row, labels in zip(audio[test], f0_hz[test], strict=True):
                sound = row[: n_frames * HOP_SIZE].astype(np.float32)
                power = (sound**2).mean()
                if noise_db is not None:
                    noise = rng.standard_normal(len(sound)) * np.sqrt(power / 10 ** (noise_db / 10))
                    sound = sound + noise.astype(np.float32)
                salience = crepe.activation(sound, model)[:n_frames]
                guess, confidence = crepe.to_f0(salience, viterbi=False)
                truth.append(labels[:n_frames])
                found.append(guess)
                sure.append(confidence)
            truth, found, sure = map(np.concatenate, (truth, found, sure))
            certain = ~np.isnan(truth)
            truth, found, sure = truth[certain], found[certain], sure[certain]
            voiced = truth > 0
            a, b = cents_of(truth[voiced]), cents_of(found[voiced])
            yes = np.ones(len(a), bool)
            cells = [
                mir_eval.melody.raw_pitch_accuracy(yes, a, yes, b, cent_tolerance=tolerance)
                for tolerance in (50, 25, 10)
            ]
            cells.append(mir_eval.melody.raw_chroma_accuracy(yes, a, yes, b, cent_tolerance=50))
            cells += [(sure[voiced] > 0.5).mean(), (sure[~voiced] > 0.5).mean()]
            label = "none" if noise_db is None else f"{noise_db} dB SNR"
            lines.append(f"| {name} | {label} | " + " | ".join(f"{c:.3f}" for c in cells) + " |")
            print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def official_tiny():
    """Return the path of the official weights beside the clone, or the name to fetch them by."""
    local = _paths.ASSETS.parent.parent / "shared" / "weights" / "crepe-model-tiny.h5.bz2"
    return local if local.exists() else "tiny"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/crepe"))
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--evaluate", action="store_true", help="evaluate what assets/ holds")
    parser.add_argument("--to", type=Path, default=_paths.ASSETS / "crepe" / "course.h5")
    arguments = parser.parse_args()
    sounds.require_fluidsynth()
    arguments.work.mkdir(parents=True, exist_ok=True)
    programs, audio, f0_hz = soundfont_notes(arguments.work)
    if not arguments.evaluate:
        learn = ~held_out(programs)
        network = train(Notes(audio[learn], f0_hz[learn]), arguments.work, arguments.steps)
        crepe.save(network, arguments.to, dtype="float16")
    models = {"course": crepe.load(arguments.to), "official tiny": crepe.load(official_tiny())}
    table = evaluate(programs, audio, f0_hz, models)
    (arguments.to.parent / "scores.md").write_text(table)


if __name__ == "__main__":
    main()
