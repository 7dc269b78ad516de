"""Detect faults in a recording: several notes at once, a room, hum, noise, clipping.

`features.extract` uses `several_notes` to warn of chords, and `ddsp-course prepare` reports
`findings`. A comment beside each threshold says which recordings it was measured on.
Explained in notebooks/03_train_your_own/00_train.ipynb.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from ddsp_course.units import HOP_SIZE, SAMPLE_RATE

# Spectra: 128 ms, every 40 ms.
_FFT = 2048
_EVERY = 10  # frames of f0
_STEP = _EVERY * HOP_SIZE
STEP_S = _STEP / SAMPLE_RATE
_BLOCK = 500  # spectra in memory at once
_HZ_PER_BIN = SAMPLE_RATE / _FFT

# Several notes at once. In 87 recordings of one voice or instrument (15 from a soundfont, speech,
# rooms, noise, slides) at most 0.21 of the judged frames had several notes. In 102 recordings of
# chords other than octaves and twelfths it was at least 0.57; two had hardly any frame with a sure
# pitch. A growl, or a hum as loud as the notes, also counts as several notes.
SEVERAL_SHARE = 1 / 3
_SEVERAL_S = 0.2
_N_PEAKS = 20
_PEAKS_BELOW_HZ = 4200
_PEAKS_WITHIN_DB = 25  # of the strongest
_LOUD_DB = 35  # frames this far below the loudest do not count
_IN_TUNE = 0.0175  # of a partial's frequency, 30 cents
_STRONG = 0.25  # of the strongest partial
_UNEXPLAINED, _GAPS = 0.2, 0.25
_SURE = 0.5


def several_notes(audio, f0_hz, f0_confidence):
    """Find where several notes sound at once.

    A frame contains several notes if its partials are not the harmonics of a single note. They may
    also fit a much lower note whose own lowest harmonics are missing; that, too, is a chord. A note
    whose harmonics all belong to another note, such as its octave, is not found. Frames are skipped
    if they are soft, or if their pitch is uncertain or moving.

    Args:
      audio: (n_samples,) at 16 kHz.
      f0_hz, f0_confidence: (n_frames,) at 250 Hz.

    Returns:
      judged: (n,) bool, one per 40 ms: whether the frame could be judged.
      several: (n,) bool, true only in judged frames.
    """
    from scipy import ndimage

    f0_hz = np.asarray(f0_hz, np.float64)
    sure = np.asarray(f0_confidence)[::_EVERY] > _SURE
    near = np.lib.stride_tricks.sliding_window_view(np.pad(f0_hz, 16, mode="edge"), 33)[::_EVERY]
    steady = near.max(axis=1) < 1.06 * near.min(axis=1)
    f0_hz, several = f0_hz[::_EVERY], []
    level = []
    for start, spectra in _spectra(audio):
        here = f0_hz[start : start + len(spectra)]
        spectra = spectra[: len(here)]
        level.append(spectra.max(axis=1))
        several.append(_more_than_one(*_partials(spectra), here))
    level, several = np.concatenate(level), np.concatenate(several)
    judged = (sure & steady)[: len(level)] & (level > level.max() - _LOUD_DB)
    # The majority of five judged neighbours decides, because one frame may be a change of notes.
    if judged.any():
        several[judged] = ndimage.median_filter(several[judged], 5)
    return judged, several & judged


def share_of_several(judged, several):
    """Return the share of judged frames with several notes; 0 if they last less than 0.2 s."""
    return several.sum() / judged.sum() if several.sum() * STEP_S >= _SEVERAL_S else 0.0


def _spectra(audio, step=_STEP, n_fft=_FFT):
    """Yield (index of the first, spectra (n, n_fft / 2 + 1) in dB) for each block in turn."""
    padded = np.pad(audio, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::step]
    window = np.hanning(n_fft) / (n_fft / 4)  # a sine of amplitude 1 has 0 dB
    for start in range(0, len(frames), _BLOCK):
        magnitude = np.abs(np.fft.rfft(frames[start : start + _BLOCK] * window))
        yield start, 20 * np.log10(magnitude + 1e-9)


def _partials(spectra):
    """Return hz and amplitude (n, 20) of the strongest peaks; unused entries have amplitude 0."""
    spectra = spectra[:, : int(_PEAKS_BELOW_HZ / _HZ_PER_BIN)]
    inner = spectra[:, 2:-2]
    is_peak = inner > spectra.max(axis=1, keepdims=True) - _PEAKS_WITHIN_DB
    for shift in (0, 1, 3, 4):
        is_peak &= inner >= spectra[:, shift : shift + inner.shape[1]]
    is_peak[:, :2] = False  # below 30 Hz
    level = np.where(is_peak, inner, -np.inf)
    place = np.argsort(-level, axis=1)[:, :_N_PEAKS]
    level = np.take_along_axis(level, place, axis=1)
    # A parabola through a peak's three bins locates it between them.
    left, middle, right = (np.take_along_axis(spectra, place + i, axis=1) for i in (1, 2, 3))
    bend = left - 2 * middle + right
    hz = (place + 2 + 0.5 * (left - right) / np.where(bend == 0, -1, bend)) * _HZ_PER_BIN
    return hz, np.where(np.isfinite(level), 10 ** (level / 20), 0)


def _more_than_one(hz, amplitude, f0_hz):
    """Return (n,) bool: true where no note at f0, or at a multiple of it, explains the partials."""
    one_voice = np.zeros(len(hz), bool)
    for multiple in (1, 2, 3, 0.5):
        unexplained, gaps = _explained(hz, amplitude, multiple * f0_hz)
        one_voice |= (unexplained <= _UNEXPLAINED) & (gaps <= _GAPS)
    return ~one_voice


def _explained(hz, amplitude, f0_hz):
    """Return two shares (n,): amplitude outside the harmonics of f0, and missing harmonics."""
    number = np.maximum(np.round(hz / f0_hz[:, None]), 1)
    close = amplitude * (np.abs(hz / (number * f0_hz[:, None]) - 1) < 0.03)
    mean = (close * hz / number).sum(axis=1) / np.maximum(close.sum(axis=1), 1e-12)
    f0_hz = np.where(mean > 0, mean, f0_hz)[:, None]
    number = np.maximum(np.round(hz / f0_hz), 1)
    off_hz = np.abs(hz - number * f0_hz)
    fits = (amplitude > 0) & (off_hz < np.maximum(_IN_TUNE * hz, 0.35 * _HZ_PER_BIN))
    unexplained = (amplitude * ~fits).sum(axis=1) / np.maximum(amplitude.sum(axis=1), 1e-12)

    present = np.zeros((len(hz), 64), bool)
    row, column = np.nonzero(fits & (number <= 64))
    present[row, number[row, column].astype(int) - 1] = True
    first = present.argmax(axis=1) + 1
    last = 64 - present[:, ::-1].argmax(axis=1)
    # In a chord of three sines, harmonics 4, 5 and 6 of one note, harmonics 7 and 8 are missing.
    gaps = 1 - present.sum(axis=1) / (np.maximum(last, 2 * first) - first + 1)
    strongest = amplitude.max(axis=1)
    has_fundamental = (amplitude * (fits & (number == 1))).max(axis=1) > _STRONG * strongest
    return unexplained, np.where(has_fundamental, 0, gaps)


# The thresholds of `findings`, measured on the bundled clarinet, a real violin, 15 instruments of a
# soundfont, and degraded versions of them; see tests/test_listening.py.
SECTION_S = 10
# In rooms with an RT60 of 0.6 s the last note falls by 29 dB or more, with 0.8 s by 25 dB or less.
# Dry instruments fall by 27 dB or more, except those that ring (a vibraphone: 14).
_ECHO_DB, _LATER = 26, 6  # frames of 40 ms
_ALL = 0.9
# The SNR of digital recordings in a quiet room is at least 40 dB. Without rests, the bow noise of a
# real violin limits it to 27.
_NOISE_DB, _NOISE_IN_NOTES_DB = 35, 22
_HUM_DB = -60  # clean recordings have fewer than three spectral lines of it at any level
_CLIPPED_TIMES = 10

_ADVICE = {
    "several notes": "play one note at a time, or cut out these seconds",
    "echo": "damp the strings, or record closer to the instrument in a room with curtains",
    "noise": "record closer to the instrument, or away from fans, computers and the street",
    "hum": "use a different cable or socket, and keep away from power supplies",
    "clipping": "turn down the recording level and record again",
}


@dataclass(frozen=True)
class Finding:
    """A fault in a recording, which a model would learn along with the instrument.

    Attributes:
      what: "several notes", "echo", "noise", "hum" or "clipping".
      start_s, end_s: where it is, in seconds from the beginning, rounded to ten seconds.
      amount: how bad it is, in words.
      advice: how to avoid it.
    """

    what: str
    start_s: float
    end_s: float
    amount: str
    advice: str

    def __str__(self):
        start, end = (f"{int(s) // 60}:{int(s) % 60:02d}" for s in (self.start_s, self.end_s))
        return f"{self.what} from {start} to {end} ({self.amount}): {self.advice}"


def findings(audio, f0_hz, f0_confidence, clipped=None):
    """Find the faults anywhere in a recording.

    The recording is analysed in sections of ten seconds. Neighbouring sections with the same fault
    make one finding, which reports the worst section.

    Args:
      audio: (n_samples,) at 16 kHz.
      f0_hz, f0_confidence: (n_frames,) at 250 Hz, as from `features.extract`.
      clipped: `clipped_share` of each ten seconds of the recording at its original rate; None
        measures it in `audio`, which works only if that was not resampled.

    Returns:
      list of `Finding`, ordered by fault, then by time; empty for a clean recording.
    """
    size = SECTION_S * SAMPLE_RATE
    # A short remainder belongs to the last section.
    last = max(0, (len(audio) - size // 2) // size)
    edges = [*range(0, (last + 1) * size, size), len(audio)]
    sections = [slice(*pair) for pair in itertools.pairwise(edges)]
    if clipped is None:
        clipped = [clipped_share(audio[section]) for section in sections]
    faults = {what: [] for what in _ADVICE}
    for i, share in enumerate(clipped):
        if share:
            amount = f"{share:.1%} of the samples are clipped"
            faults["clipping"].append((min(i, last), share, amount))
    for i, section in enumerate(sections):
        frames = slice(section.start // HOP_SIZE, -(-section.stop // HOP_SIZE))
        for what, bad, amount in _faults(audio[section], f0_hz[frames], f0_confidence[frames]):
            faults[what].append((i, bad, amount))
    found = []
    for what, sections_of_it in faults.items():
        for run in _runs(sections_of_it):
            start_s, end_s = edges[run[0][0]] / SAMPLE_RATE, edges[run[-1][0] + 1] / SAMPLE_RATE
            _, _, amount = max(run, key=lambda fault: fault[1])
            found.append(Finding(what, start_s, end_s, amount, _ADVICE[what]))
    return found


def _runs(found):
    """Group faults (section, how bad, amount) whose sections are neighbours."""
    runs = []
    for fault in found:
        if runs and fault[0] - runs[-1][-1][0] <= 1:
            runs[-1].append(fault)
        else:
            runs.append([fault])
    return runs


def _faults(audio, f0_hz, f0_confidence):
    """Yield (what, how bad, amount in words) for each fault of a section except clipping."""
    if len(audio) < 2 * SAMPLE_RATE or not audio.any():  # detecting hum takes 2 s
        return
    share = share_of_several(*several_notes(audio, f0_hz, f0_confidence))
    if share > SEVERAL_SHARE:
        yield "several notes", share, f"in {share:.0%} of the notes"
    spectra = np.concatenate([block for _, block in _spectra(audio)])[: -(-len(f0_hz) // _EVERY)]
    f0_hz, sure = f0_hz[::_EVERY][: len(spectra)], f0_confidence[::_EVERY][: len(spectra)] > _SURE
    if sure.sum() * STEP_S < 0.5:
        return
    # If nearly everything is chords, the end of a note cannot be measured.
    fall_db = _fall_db(spectra, f0_hz, sure) if share < _ALL else np.inf
    if fall_db < _ECHO_DB:
        # The end of the direct sound accounts for 5 dB at once.
        rt60_s = 60 * _LATER * STEP_S / max(fall_db - 5, 5)
        yield "echo", -fall_db, f"notes take about {rt60_s:.1f} s to die away"
    level_db = 10 * np.log10((10 ** (spectra / 10)).sum(axis=1) / 3 + 1e-18)
    notes_db = np.median(level_db[sure])
    rests = ~sure & (level_db < notes_db - 20)
    has_rests = rests.sum() >= 5
    below_db = notes_db - _noise_db(spectra[rests] if has_rests else spectra)
    if below_db < (_NOISE_DB if has_rests else _NOISE_IN_NOTES_DB):
        yield "noise", -below_db, f"{below_db:.0f} dB below the notes"
    mains_hz, hum_db = _hum(audio)
    if hum_db - notes_db > _HUM_DB:
        yield "hum", hum_db, f"{mains_hz} Hz, {notes_db - hum_db:.0f} dB below the notes"


def clipped_share(samples):
    """Return the share of clipped samples, whatever the level they are clipped at.

    Samples count as clipped where at least three in a row equal the maximum or the minimum (within
    1e-4 of it), and this happens at least ten times. It is visible only at the original sample
    rate, because resampling smooths the flat tops.

    Args:
      samples: (n_samples,), one channel at any rate.
    """
    n_clipped = 0
    for side in (samples, -samples):
        peak = side.max(initial=0)
        edges = np.flatnonzero(np.diff(np.r_[False, side > (1 - 1e-4) * peak, False]))
        lengths = edges[1::2] - edges[::2]
        flat = lengths[lengths >= 3]
        if peak > 0 and len(flat) >= _CLIPPED_TIMES:
            n_clipped += flat.sum()
    return float(n_clipped / max(len(samples), 1))


def _fall_db(spectra, f0_hz, sure):
    """Return how far a note has decayed, in dB, 0.24 s after the next began; inf if unknown.

    Only partials that the next note lacks are measured. The result is the median over all changes
    of notes.
    """
    falls = []
    for i in range(2, len(f0_hz) - _LATER):
        before, after = f0_hz[i - 2 : i], f0_hz[i + 2 : i + _LATER + 1]
        held = sure[i - 2 : i + 1].all() and (_semitones(before, f0_hz[i]) < 0.5).all()
        if not held or not sure[i + _LATER] or (_semitones(after, f0_hz[i]) < 0.7).any():
            continue
        hz = np.arange(1, 7) * f0_hz[i]
        apart = np.abs(hz - np.round(hz / after[-1]) * after[-1]) > 45
        place = np.round(hz[apart & (hz < 4000)] / _HZ_PER_BIN).astype(int)
        then, now = (
            np.max([spectra[j, place + shift] for shift in (-1, 0, 1)], axis=0)
            for j in (i - 1, i + _LATER)
        )
        strong = then > spectra[i - 1].max() - 15
        if strong.any() and spectra[i - 1].max() > spectra.max() - 25:
            then, now = (10 * np.log10((10 ** (x[strong] / 10)).sum()) for x in (then, now))
            falls.append(then - now)
    return np.median(falls) if len(falls) >= 4 else np.inf


def _semitones(a, b):
    return 12 * np.abs(np.log2(a / b))


def _noise_db(spectra):
    """Return the noise level in dB, measured between the partials of a section's softest frames."""
    power = 1e-18
    for low, high in ((500, 1000), (1000, 2000), (2000, 4000), (4000, 7500)):
        band = spectra[:, int(low / _HZ_PER_BIN) : int(high / _HZ_PER_BIN)]
        # The median power of noise is ln 2 times its mean.
        floor_db = np.quantile(np.median(band, axis=1), 0.1)
        power += 10 ** (floor_db / 10) / np.log(2) * band.shape[1] / 3
    return 10 * np.log10(power)


def _hum(audio):
    """Return the mains frequency, and the power in dB of its steady harmonics."""
    # Spectra of one second have bins 1 Hz wide.
    spectra = np.concatenate([block for _, block in _spectra(audio, SAMPLE_RATE // 2, SAMPLE_RATE)])
    # The first and the last spectrum extend beyond the audio.
    steady = np.quantile(spectra[1:-1, :420], 0.1, axis=0)
    found = []
    for mains_hz in (50, 60):
        lines = []
        for hz in range(mains_hz, 400, mains_hz):
            beside = np.median(np.r_[steady[hz - 12 : hz - 4], steady[hz + 5 : hz + 13]])
            line = steady[hz - 1 : hz + 2].max()
            lines += [line] if line > beside + 10 else []
        power = sum(10 ** (line / 10) for line in lines) / 2 if len(lines) >= 3 else 0
        found.append((10 * np.log10(power + 1e-18), mains_hz))
    hum_db, mains_hz = max(found)
    return mains_hz, hum_db
