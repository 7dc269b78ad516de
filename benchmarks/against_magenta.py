"""Compare the course's instruments with Magenta's of 2020: against_magenta.md and assets/README.md.

    make bench-magenta

It needs Magenta's models, play.py and recordings of real players in ../shared, which the project does
not hold. It also writes a page of players, build/against_magenta/index.html. Copy the table to
assets/README.md.

Magenta's models take five seconds at a time, so each source is played in pieces of five seconds.
"""

import html
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from tqdm import tqdm

from ddsp_course import _paths, audio, conditioning, crepe, features, files, instruments
from ddsp_course._tensorflow import ddsp
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE

ROOT = _paths.ASSETS.parent
SHARED = ROOT.parent / "shared"
PAGE = ROOT / "build" / "against_magenta" / "index.html"
TABLE = Path(__file__).with_suffix(".md")
PIECE_S = 5
# Mean pitch and average maximum of loudness (as ddsp 1 defines it) that Magenta publishes.
MAGENTA = {
    "violin": (62.0, -48.6),
    "trumpet": (68.6, -61.7),
    "flute": (63.2, -45.9),
    "tenor_saxophone": (58.9, -44.7),
}
SHIFTS_DB = range(-18, 19, 3)
GAIN_DB = (-30, 30)
BANDS_HZ = ((0, 1000), (1000, 2000), (2000, 4000), (4000, 8000))


@dataclass
class Source:
    """Audio to play: `own` is the instrument that it is a recording of, if any."""

    name: str
    path: Path
    start_s: int
    seconds: int
    own: str | None = None


SOURCES = (
    Source("the bundled phrase", _paths.ASSETS / "audio" / "phrase.ogg", 0, 5),
    Source("speech", SHARED / "recordings" / "speech.ogg", 0, 10),
    Source("a real trumpet", SHARED / "recordings" / "trumpet.ogg", 0, 5, "trumpet"),
    Source(
        "a real violin",
        SHARED / "recordings" / "john_garner" / "john-garner_bwv1002_mov6.mp3", 10, 20, "violin",
    ),
)  # fmt: skip


def course_player(name):
    """Return play(features) of one of the course's instruments."""
    return instruments.load(name).play


def magenta_player(name):
    """Return play(features) of one of Magenta's, whose loudness is ddsp 1's."""
    import play

    model = play.load(name)

    def sound(extracted):
        loudness = features.loudness_as(extracted, "ddsp1")
        pieces = range(0, len(loudness), PIECE_S * FRAME_RATE)
        size = PIECE_S * FRAME_RATE
        return np.concatenate(
            [model(extracted.f0_hz[i : i + size], loudness[i : i + size]) for i in pieces]
        )

    return sound


def matched(extracted, name, who):
    """Return features in an instrument's register and at its loudness, as its makers do it."""
    statistics = instruments.load(name).statistics
    adjusted = conditioning.adjust(extracted, statistics)
    if who == "the course":
        return adjusted
    mean_pitch, maximum = MAGENTA[name]
    mask = adjusted.note_mask
    f0_hz = conditioning.shift_register(extracted.f0_hz, mask, mean_pitch)
    pieces = features.loudness_as(extracted, "ddsp1")[: len(mask) // FRAME_RATE * FRAME_RATE]
    shift = maximum - pieces.reshape(-1, FRAME_RATE).max(axis=1).mean()
    return replace(extracted, f0_hz=f0_hz, loudness_db=extracted.loudness_db + np.float32(shift))


def spectral_loss(wanted, played):
    """Return ddsp's multi-scale spectral loss at the best gain."""
    loss = ddsp.losses.SpectralLoss(loss_type="L1", mag_weight=1.0, logmag_weight=1.0)
    found = minimize_scalar(
        lambda gain_db: float(loss(wanted[None], played[None] * np.float32(10 ** (gain_db / 20)))),
        bounds=GAIN_DB,
        options={"xatol": 0.2},
    )
    return found.fun


def at_best_level(play, extracted):
    """Return (loss, audio) of an instrument's own curves at the loudness that suits it best."""
    found = []
    for shift in SHIFTS_DB:
        shifted = np.maximum(extracted.loudness_db + np.float32(shift), features.FLOOR_DB)
        played = play(replace(extracted, loudness_db=shifted))
        found.append((spectral_loss(extracted.audio, played), played))
    return min(found, key=lambda pair: pair[0])


def measure(curves, played):
    """Return how well audio follows curves, and where its energy lies."""
    f0_hz, _ = crepe.pitch(played, crepe.load())
    sure = curves.f0_confidence >= ddsp.training.metrics.MIN_F0_CONFIDENCE
    cents = 1200 * np.abs(np.log2(f0_hz[: len(sure)] / curves.f0_hz))[sure]
    difference = features.loudness_db(played) - curves.loudness_db
    notes = difference[sure]
    spectrum = np.abs(ddsp.spectral_ops.stft(played[None], 2048, 0.75).numpy()[0]) ** 2
    hz = np.fft.rfftfreq(2048, 1 / SAMPLE_RATE)
    total = spectrum.sum()
    bands = [spectrum[:, (hz >= low) & (hz < high)].sum() / total for low, high in BANDS_HZ]
    return [
        f"{np.median(cents):.1f}",
        f"{(cents > 50).mean():.1%}",
        f"{np.abs(notes - np.median(notes)).mean():.2f}",
        *(f"{10 * np.log10(band + 1e-12):.0f}" for band in bands[1:]),
        f"{noise_db(spectrum, hz, curves.f0_hz, sure):.0f}",
    ]


def noise_db(spectrum, hz, f0_hz, sure):
    """Return the power between harmonics relative to all, in dB, over frames with a sure pitch."""
    hop = 2048 // 4 // HOP_SIZE
    # The centre of each frame of the spectrum.
    centre = np.arange(len(spectrum)) * hop + 1024 // HOP_SIZE
    keep = (centre < len(f0_hz)) & sure[centre.clip(max=len(sure) - 1)]
    centre, spectrum = centre[keep], spectrum[keep]
    number = hz / f0_hz[centre][:, None]
    between = np.abs(number - np.round(number)) > 0.3
    # A share of the band lies there, so that noise alone counts whole.
    return 10 * np.log10((spectrum * between).sum() / spectrum.sum() / between.mean() + 1e-12)


def rows():
    """Yield (source, instrument, who, loss, figures, audio): each source, and all who play it.

    The source itself has no instrument, and only an instrument of the same kind has a loss.
    """
    for source in tqdm(SOURCES, unit="source"):
        sound = audio.load(source.path)[source.start_s * SAMPLE_RATE :]
        extracted = features.extract(sound[: source.seconds * SAMPLE_RATE])
        yield source, None, None, None, measure(extracted, extracted.audio), extracted.audio
        for name in [source.own] if source.own else MAGENTA:
            for who, player in (("the course", course_player), ("Magenta", magenta_player)):
                play = player(name)
                if source.own:
                    loss, played = at_best_level(play, extracted)
                    curves = extracted
                else:
                    curves = matched(extracted, name, who)
                    loss, played = None, play(curves)
                yield source, name, who, loss, measure(curves, played), played


def main():
    if not (SHARED / "magenta").exists():
        raise SystemExit(f"{SHARED / 'magenta'} is missing, and with it Magenta's models.")
    sys.path.insert(0, str(SHARED / "magenta"))
    columns = (
        "| played | on | by | spectral loss | f0: median cents | off by more than 50 "
        "| loudness (dB) | 1 to 2 kHz | 2 to 4 | 4 to 8 | between harmonics |"
    )
    lines = [columns, "|---|---|---|---|---|---|---|---|---|---|---|"]
    players = []
    for source, name, who, loss, figures, sound in rows():
        label = name.replace("_", " ") if name else "(the source itself)"
        cells = [source.name, label, who or "", f"{loss:.2f}" if loss else "", *figures]
        lines.append(f"| {' | '.join(cells)} |")
        title = f"{source.name} on {label}: {who}" if name else source.name
        players.append(audio.player_html(sound, title=title))
    text = "\n".join(lines) + "\n"
    with files.whole_file(TABLE) as part:
        part.write_text(text, "utf-8")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    with files.whole_file(PAGE) as part:
        part.write_text(page(players), "utf-8")
    print(text, PAGE, sep="\n")


def page(players):
    """Return a page of players."""
    title = html.escape("The course's instruments and Magenta's")
    cells = "\n".join(f"<div>{player}</div>" for player in players)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><style>:root{color-scheme:light dark;'
        "font:1rem system-ui;margin:2rem auto;max-width:40rem;padding:0 1rem}main{display:grid;"
        "gap:1rem}audio{width:100%}"
        f"</style><h1>{title}</h1><main>{cells}</main></html>\n"
    )


if __name__ == "__main__":
    main()
