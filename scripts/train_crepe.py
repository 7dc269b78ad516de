"""Train the course's CREPE weights: the `tiny` network on sounds whose pitch is known.

    python scripts/train_crepe.py    # from scratch, or resume from the last checkpoint

Four kinds of sound, mixed in every batch:

- a harmonic oscillator with random f0, spectra, glides and vibrato, and sometimes with a voice's
  formants;
- notes of all pitched programs of two soundfonts; the pitch comes from the score, and YIN corrects
  it if a sample is out of tune or has vibrato;
- espeak-ng's voices, resynthesised with ddsp's oscillator and filtered noise at a pitch that is
  therefore known exactly (Salamon et al., "An Analysis/Synthesis Framework for Automatic F0
  Annotation of Multitrack Datasets", ISMIR 2017);
- noise, silence, and the unpitched parts of speech. Their target is zero in every bin, which is how
  the network learns to report low confidence.

Some of the sounds have reverb. Targets and loss are the paper's (Kim et al., ICASSP 2018, section
2): a Gaussian of 25 cents around the true pitch, and binary cross-entropy. `make bench-pitch` compares
the result with other trackers, on sources that the training does not use.
"""

import argparse
import multiprocessing
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from ddsp_course import _paths, audio, crepe, files
from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.training import soundfonts
from ddsp_course.units import HOP_SIZE, SAMPLE_RATE, midi_to_hz

SIZE = crepe.FRAME_SIZE
BLUR_CENTS = 25.0
TABLE = 4096
PROGRAMS = range(112)
# Drums, several notes at once, or no clear pitch: bells, timpani, orchestra hits.
UNPITCHED = {9, 13, 14, 47, 55}
NOTES_S = 20
SOUNDFONTS = ("fluidr3", "musescore")
# Voices of espeak-ng: languages for a variety of vowels, variants for a variety of timbres.
VOICES = ("en-gb", "en-us", "de", "fr-fr", "es", "it", "pt-br", "pl", "fi", "sv", "ro", "tr")
N_VOICES = 60
VARIANTS = ("", "+f1", "+m3", "+f2", "+m7", "+f4", "+croak", "+klatt2", "+f5", "+klatt4")
# The opening of Carroll's "Jabberwocky" (1871), which has all kinds of vowels in any language.
TEXT = (
    "Twas brillig, and the slithy toves did gyre and gimble in the wabe; all mimsy were the "
    "borogoves, and the mome raths outgrabe. Beware the Jabberwock, my son! The jaws that bite, "
    "the claws that catch! Beware the Jubjub bird, and shun the frumious Bandersnatch!"
)


def cents_of(f0_hz):
    """Return cents above 10 Hz."""
    return 1200.0 * np.log2(np.asarray(f0_hz) / 10.0)


def target(f0_hz):
    """Return the target activation (n, 360) for f0_hz (n,): all zero where f0_hz is 0."""
    f0_hz = np.asarray(f0_hz)
    distance = crepe.CENTS - cents_of(np.where(f0_hz > 0, f0_hz, 1.0))[:, None]
    return np.exp(-0.5 * (distance / BLUR_CENTS) ** 2) * (f0_hz > 0)[:, None]


def wavetables(rng, f0_hz):
    """Return n random timbres, one cycle each (n, TABLE), without partials above Nyquist."""
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
    # Some sounds have weak even partials (a clarinet) or a weak fundamental; a whistle has only the
    # fundamental.
    spectrum[:, 1::2] *= np.where(rng.random((n, 1)) < 0.1, rng.uniform(0, 0.2, (n, 1)), 1.0)
    spectrum[:, :1] *= np.where(rng.random((n, 1)) < 0.2, rng.uniform(0, 0.3, (n, 1)), 1.0)
    spectrum[:, 1:] *= np.where(rng.random((n, 1)) < 0.05, 0.02, 1.0)
    spectrum *= hz < SAMPLE_RATE / 2
    phase = rng.uniform(0, 2 * np.pi, hz.shape) * (rng.random((n, 1)) < 0.5)
    table = np.fft.irfft(np.pad(spectrum * np.exp(1j * phase), ((0, 0), (1, 0))), TABLE, axis=1)
    return table / np.sqrt((table**2).mean(axis=1, keepdims=True) + 1e-12)


def envelopes(rng, n):
    """Return level curves (n, SIZE) within a frame: steady, rising, falling, onsets or offsets."""
    t = np.linspace(-1, 1, SIZE)
    slope = rng.normal(0, 6, (n, 1)) * (rng.random((n, 1)) < 0.7)
    level = 10 ** (slope * t / 20)
    # The centre always sounds; otherwise the target would be wrong.
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
    # The slope is in octaves per second; the phase is the integral of f0 e^(at).
    rate = np.where(np.abs(slope) < 1e-3, 1e-3, slope) * np.log(2)
    phase = f0_hz[:, None] * np.expm1(rate * t) / rate + rng.random((n, 1))
    place = (phase % 1.0) * TABLE
    left = place.astype(np.int64) % TABLE
    table = wavetables(rng, f0_hz)
    below = np.take_along_axis(table, left, axis=1)
    above = np.take_along_axis(table, (left + 1) % TABLE, axis=1)
    return (below + (above - below) * (place % 1.0)) * envelopes(rng, n), f0_hz


def draw_unvoiced(rng, n):
    """Return frames (n, SIZE) of noise of various colours, clicks, and near silence."""
    spectrum = np.fft.rfft(rng.standard_normal((n, SIZE)), axis=1)
    hz = np.maximum(np.fft.rfftfreq(SIZE, 1 / SAMPLE_RATE), 20.0)
    colour = rng.uniform(-1.5, 0.5, (n, 1))
    # The noise bands span at least an octave; narrower noise would have a pitch.
    low = np.exp(rng.uniform(np.log(20), np.log(3000), (n, 1)))
    high = low * 2 ** rng.uniform(1, 8, (n, 1))
    spectrum *= (hz / 500) ** colour * ((hz > low) & (hz < high) | (rng.random((n, 1)) < 0.5))
    frames = np.fft.irfft(spectrum, SIZE, axis=1)
    clicks = np.exp(
        -np.abs(np.arange(SIZE) - rng.uniform(0, SIZE, (n, 1))) / rng.uniform(2, 40, (n, 1))
    )
    frames = np.where(rng.random((n, 1)) < 0.1, frames * clicks, frames)
    return frames * 10 ** (rng.uniform(-100, 0, (n, 1)) / 20)


def reverberate(rng, sound, f0_hz):
    """Add the reverb of a random room to every second clip.

    Where the room still rings, an unvoiced frame is no longer certain and becomes NaN.
    """
    if rng.random() < 0.5:
        return sound, f0_hz
    n = SAMPLE_RATE // 2
    decay = 10 ** (-3 * np.arange(n) / (rng.uniform(0.1, 0.8) * SAMPLE_RATE))
    room = rng.standard_normal(n) * decay
    room *= 10 ** (rng.uniform(-24, -8) / 20) / np.sqrt((room**2).sum())
    room[0] = 1.0
    size = len(sound) + n
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(room, size), size)
    wet = wet[: len(sound)].astype(np.float32)
    dry_level, wet_level = (level_of(a)[: len(f0_hz)] for a in (sound, wet))
    rings = (wet_level > 1.4 * dry_level) & (wet_level > 1e-6 * wet_level.max())
    return wet, np.where(rings & (f0_hz == 0), np.nan, f0_hz)


def level_of(sound):
    """Return the RMS level of each frame (n_frames,)."""
    import librosa

    return librosa.feature.rms(y=sound, frame_length=SIZE, hop_length=HOP_SIZE)[0]


def play_program(program, seed, soundfont, seconds=NOTES_S):
    """Return audio (n_samples,) and f0_hz (n_frames,) of one instrument; f0_hz is 0 in silence.

    Frames whose YIN pitch is more than 50 cents from the score become NaN: it is uncertain whether
    they are voiced.
    """
    import librosa

    rng = np.random.default_rng([program, seed])
    n_samples = seconds * SAMPLE_RATE
    notes, t = [], 0.1
    while t < seconds - 1.0:
        length = np.exp(rng.uniform(np.log(0.15), np.log(1.5)))
        notes.append((t, t + length, rng.integers(26, 95), rng.integers(30, 127)))
        t += length + rng.choice([0.02, 0.15, 0.5])
    starts = np.array([note[0] for note in notes])
    bend_t = np.arange(0, seconds, 0.01)
    since = bend_t - starts[np.maximum(np.searchsorted(starts, bend_t, "right") - 1, 0)]
    since = np.maximum(since, 0)
    depth = np.repeat(rng.choice([0.0, 0.2, 0.5], seconds), 100)
    bend = depth * np.clip(since / 0.2, 0, 1) * np.sin(2 * np.pi * 5.5 * bend_t)
    bend += np.repeat(rng.choice([0, 0, 2.0], seconds), 100) * np.exp(-since / 0.1)
    detune = rng.uniform(-0.5, 0.5)
    midi = soundfonts.score(program, notes, bend + detune)
    sound = soundfonts.render(midi, n_samples, soundfont)

    frame_t = np.arange(n_samples // HOP_SIZE) * HOP_SIZE / SAMPLE_RATE
    index = np.maximum(np.searchsorted(starts, frame_t, "right") - 1, 0)
    midi = np.array([note[2] for note in notes])[index] + np.interp(frame_t, bend_t, bend) + detune
    score_hz = midi_to_hz(midi)
    # Low notes need a long frame; vibrato and slides need a short one.
    found_hz = np.full(len(frame_t), np.nan)
    for frame_length in (2048, 1024):
        fmin = 2.2 * SAMPLE_RATE / frame_length
        yin_hz = librosa.yin(
            sound,
            fmin=fmin,
            fmax=2200,
            sr=SAMPLE_RATE,
            frame_length=frame_length,
            hop_length=HOP_SIZE,
        )[: len(frame_t)]
        near = np.abs(1200 * np.log2(yin_hz / score_hz)) < 50
        found_hz = np.where(near, yin_hz, found_hz)
    level = level_of(sound)[: len(frame_t)]
    released = frame_t > np.array([note[1] for note in notes])[index] + 0.05
    # The last trace of a note keeps its pitch if nothing louder masks it.
    f0_hz = np.where(released | (level < 1e-4 * level.max()), np.nan, found_hz)
    return sound, np.where(level < 1e-6 * level.max(), 0.0, f0_hz).astype(np.float32)


def speak(voice, seed, seconds):
    """Return (seconds * 16000,) of text read by an espeak-ng voice."""
    rng = np.random.default_rng([seed])
    command = ["espeak-ng", "-v", voice, "-s", str(rng.integers(110, 190)), "--stdout"]
    said = subprocess.run(
        [*command, "-p", str(rng.integers(10, 95)), TEXT], check=True, capture_output=True
    )
    sound = audio.load(said.stdout)
    return np.tile(sound, -(-seconds * SAMPLE_RATE // len(sound)))[: seconds * SAMPLE_RATE]


def play_again(rng, sound, shift=0.0):
    """Resynthesise a voice or an instrument with an exactly known pitch.

    pYIN estimates which frames have a pitch, and which one. ddsp's oscillator plays that pitch
    (shifted by `shift` semitones) with the original's spectral envelope, and filtered noise plays
    the rest.

    Returns:
      audio (n_samples,) and f0_hz (n_frames,), which is 0 where no pitch is played, and NaN within
      32 ms of the start or end of a pitch.
    """
    import librosa
    from scipy.ndimage import binary_dilation, median_filter

    found, voiced, _ = librosa.pyin(
        sound, fmin=60, fmax=1200, sr=SAMPLE_RATE, frame_length=2048, hop_length=HOP_SIZE * 2
    )
    n_frames = len(sound) // HOP_SIZE
    voiced = np.repeat(voiced, 2)[:n_frames]
    known = np.flatnonzero(~np.isnan(found))
    f0_hz = np.exp(np.interp(np.arange(n_frames) / 2, known, np.log(found[known])))
    voiced &= np.abs(np.log2(f0_hz / median_filter(f0_hz, 25))) < 0.2

    power = np.abs(librosa.stft(sound, n_fft=512, hop_length=HOP_SIZE))[:, :n_frames] ** 2
    # The first 1.5 ms of the cepstrum describe the envelope, which varies slowly over frequency.
    cepstrum = np.fft.irfft(np.log(power + 1e-9), axis=0)
    cepstrum[24:-24] = 0
    envelope = np.exp(np.fft.rfft(cepstrum, axis=0).real).T
    f0_hz = f0_hz * 2 ** (shift / 12)
    k = np.arange(1, 121)
    hz = k * f0_hz[:, None]
    amplitudes = np.stack(
        [np.interp(row, np.linspace(0, 8000, 257), e) for row, e in zip(hz, envelope, strict=True)]
    )
    amplitudes = np.sqrt(amplitudes) * (hz < 7800) * voiced[:, None] * 4 / 512
    # Breath noise in the high bands; its amount differs from voice to voice.
    breath = 1 / (1 + np.exp(-(np.linspace(0, 8000, 257) - rng.uniform(2000, 6000)) / 500))
    amplitudes *= np.sqrt(1 - 0.8 / (1 + np.exp(-(hz - rng.uniform(3000, 7000)) / 500)))
    noise_share = np.where(voiced[:, None], breath * rng.uniform(0.05, 0.5), 1.0)
    played = ddsp.core.harmonic_synthesis(
        f0_hz[None, :, None].astype(np.float32),
        np.ones((1, n_frames, 1), np.float32),
        harmonic_distribution=amplitudes[None].astype(np.float32),
        n_samples=n_frames * HOP_SIZE,
        sample_rate=SAMPLE_RATE,
        use_angular_cumsum=True,
    )[0]
    noise = rng.standard_normal((1, n_frames * HOP_SIZE)).astype(np.float32)
    magnitudes = np.sqrt(envelope * noise_share)[None].astype(np.float32) * (
        1 / np.sqrt(0.375 * 512)
    )
    hiss = ddsp.core.frequency_filter(noise, magnitudes, window_size=512)[0]
    edge = binary_dilation(np.diff(voiced, prepend=voiced[0]), iterations=8)
    f0_hz = np.where(edge, np.nan, np.where(voiced, f0_hz, 0.0))
    return (np.asarray(played) + np.asarray(hiss)).astype(np.float32), f0_hz.astype(np.float32)


def clip(task):
    """Make the clip of a task, (soundfont, program) or ("speech", i).

    Returns:
      audio (n_samples,) and f0_hz (n_frames,).
    """
    source, number = task
    rng = np.random.default_rng([5, number, len(source)])
    if source == "speech":
        voice = VOICES[number % len(VOICES)] + VARIANTS[number % len(VARIANTS)]
        made = play_again(rng, speak(voice, number, NOTES_S), rng.uniform(-6, 9))
    else:
        made = play_program(number, SOUNDFONTS.index(source), source)
    return reverberate(rng, *made)


def clips(work):
    """Return (audio, f0_hz) of all training clips, made once and cached in `work`."""
    path = work / "clips.npz"
    if not path.exists():
        from tqdm import tqdm

        programs = [p for p in PROGRAMS if p not in UNPITCHED]
        tasks = [(soundfont, program) for soundfont in SOUNDFONTS for program in programs]
        tasks += [("speech", i) for i in range(N_VOICES)]
        # TensorFlow does not survive a fork.
        with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
            made = list(tqdm(pool.map(clip, tasks), total=len(tasks), unit="clip"))
        peak = [np.abs(a).max() + 1e-6 for a, _ in made]
        scaled = [a / p for (a, _), p in zip(made, peak, strict=True)]
        with files.whole_file(path) as part:
            np.savez(
                part,
                audio=np.stack(scaled).astype(np.float16),
                f0_hz=np.stack([f for _, f in made]),
            )
    with np.load(path) as held:
        return held["audio"], held["f0_hz"]


class Notes:
    """Draws random frames from the clips."""

    def __init__(self, audio, f0_hz):
        self.audio = np.pad(audio, ((0, 0), (SIZE // 2, SIZE // 2)))
        inside = (f0_hz > crepe_hz(0)) & (f0_hz < crepe_hz(crepe.N_BINS - 1))
        self.voiced = np.argwhere(inside)
        self.unvoiced = np.argwhere(f0_hz == 0)
        self.f0_hz = f0_hz

    def draw(self, rng, n):
        return self._cut(self.voiced[rng.integers(len(self.voiced), size=n)])

    def draw_unvoiced(self, rng, n):
        return self._cut(self.unvoiced[rng.integers(len(self.unvoiced), size=n)])[0]

    def _cut(self, places):
        rows, frames = places.T
        samples = frames[:, None] * HOP_SIZE + np.arange(SIZE)
        return self.audio[rows[:, None], samples].astype(np.float32), self.f0_hz[rows, frames]


def crepe_hz(position):
    """Return the frequency of a bin in Hz."""
    return 10.0 * 2.0 ** (crepe.CENTS[position] / 1200.0)


def batch(rng, notes, n=128):
    """Return normalised frames (n, SIZE) and targets (n, 360)."""
    n_notes, n_quiet, n_breath = int(0.55 * n), int(0.08 * n), int(0.1 * n)
    n_drawn = n - n_notes - n_quiet - n_breath
    drawn, drawn_hz = draw_oscillators(rng, n_drawn)
    played, played_hz = notes.draw(rng, n_notes)
    # Consonants, breaths and rests have no pitch, even if they are loud.
    frames = np.concatenate([drawn, played, notes.draw_unvoiced(rng, n_breath)])
    f0_hz = np.concatenate([drawn_hz, played_hz, np.zeros(n_breath)])
    level = np.sqrt((frames**2).mean(axis=1, keepdims=True)) + 1e-9
    frames = frames / level
    # A second, weaker pitch, such as another note's tail or hum, that the network must ignore.
    pitched = np.flatnonzero(f0_hz > 0)
    other = frames[rng.permutation(pitched)]
    other *= 10 ** (rng.uniform(-50, -14, (len(other), 1)) / 20)
    frames[pitched] += other * (rng.random((len(other), 1)) < 0.15)
    noise = draw_unvoiced(rng, len(frames))
    noise /= np.sqrt((noise**2).mean(axis=1, keepdims=True)) + 1e-9
    snr_db = rng.uniform(-3, 50, (len(frames), 1))
    frames = np.concatenate([frames + noise * 10 ** (-snr_db / 20), draw_unvoiced(rng, n_quiet)])
    f0_hz = np.concatenate([f0_hz, np.zeros(n_quiet)])
    return crepe.normalise(frames.astype(np.float32)), target(f0_hz).astype(np.float32)


def start_filters(network):
    """Initialise the first layer as a bank of windowed tones.

    From random filters, a short training would spend most of its time learning such a bank (figure
    4 of the SincNet paper, Ravanelli and Bengio, 2018, shows the gain).
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


def train(notes, work, steps, start=None):
    network = crepe.build("tiny")
    if start is None:
        start_filters(network)
    else:
        network.set_weights(crepe.load(start).network.get_weights())
    for layer in network.layers:
        if "dropout" in layer.name:
            # Every batch is new, so the network cannot overfit.
            layer.rate = 0.0
    schedule = tf.keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.01)
    optimizer = tf.keras.optimizers.legacy.Adam(schedule)
    counter = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(network=network, optimizer=optimizer, step=counter)
    manager = tf.train.CheckpointManager(checkpoint, str(work / "checkpoints"), 2)
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint)
        print(f"Resuming from step {int(counter)}.", flush=True)

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
                f"step {done}/{steps}: loss {np.mean(recent):.4f}, {each:.2f} s per step",
                flush=True,
            )
            if done % 500 == 0 or done == steps:
                manager.save()
            recent, started = [], time.time()
    return network


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/crepe"))
    parser.add_argument("--steps", type=int, default=5600)
    parser.add_argument("--start", help="initial weights instead of random ones")
    parser.add_argument("--to", type=Path, default=_paths.ASSETS / "crepe" / "course.h5")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    network = train(Notes(*clips(arguments.work)), arguments.work, arguments.steps, arguments.start)
    crepe.save(network, arguments.to, dtype="float16")


if __name__ == "__main__":
    main()
