"""Plot audio and features.

Plots have a white background and dark text in every theme, and colours that colour-blind readers
can distinguish (magma; Okabe and Ito's blue and orange). Explained in
notebooks/02_timbre_transfer/03_spectrogram.ipynb.
"""

import base64
import html
import io

import numpy as np

from ddsp_course.units import FRAME_RATE, SAMPLE_RATE

BEFORE, AFTER = "#0072b2", "#d55e00"
DPI = 80  # nine inches then fit a notebook's column


def spectrogram(audio, ax=None, title="Log-magnitude spectrogram", sample_rate=SAMPLE_RATE):
    """Draw a log-magnitude spectrogram with `matshow`, time to the right, frequency upwards.

    The STFT is that of `ddsp.spectral_ops.compute_mag` (2048 samples, 75 % overlap). For long
    recordings the hop is larger, giving about 2000 frames, to limit memory.

    Args:
      audio: (n_samples,).
      ax: matplotlib axes; None creates a figure.
      title: title of the plot.
      sample_rate: in Hz.

    Returns:
      The axes.
    """
    size = 2048
    audio = np.asarray(audio, np.float32)
    step = max(size // 4, len(audio) // 2000)
    padded = np.pad(audio, (0, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: len(audio) : step]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size, dtype=np.float32) / size)
    magnitude = np.abs(np.fft.rfft(frames * window, axis=1))
    picture = np.rot90(np.log(np.maximum(magnitude, 1e-5)))
    ax = _axes(ax)
    shown = ax.matshow(
        picture,
        aspect="auto",
        cmap="magma",
        vmin=-5,
        vmax=4,
        extent=(0, len(audio) / sample_rate, 0, sample_rate / 2000),
    )
    ax.xaxis.set_ticks_position("bottom")
    ax.set_xlabel("time (s)")
    ax.set_ylabel("frequency (kHz)")
    ax.set_title(title, parse_math=False)  # a file may be called Ba$$in.wav
    ax.figure.colorbar(shown, ax=ax, label="log magnitude")
    return ax


def features(before, after=None, figure=None):
    """Draw pitch, confidence and loudness over time.

    Args:
      before: `features.Features`.
      after: the same after `conditioning.adjust`, drawn on top.
      figure: matplotlib figure to draw in; None creates one.

    Returns:
      The figure.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    if figure is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(9, 6.5), layout="constrained", facecolor="white")
    axes = figure.subplots(3, 1, sharex=True)
    pairs = [(before, BEFORE, "-", "recording")]
    if after is not None:
        pairs.append((after, AFTER, "--", "adjusted"))
    for values, colour, style, label in pairs:
        time = np.arange(len(values.f0_hz)) / FRAME_RATE
        sure = values.f0_confidence > 0.5
        axes[0].plot(time, np.where(sure, values.f0_hz, np.nan), style, color=colour, label=label)
        axes[1].plot(time, values.loudness_db, style, color=colour, label=label)
    axes[2].plot(time, before.f0_confidence, color=BEFORE, label="recording")
    if after is not None and after.note_mask is not None:
        axes[2].fill_between(time, 0, after.note_mask, color=AFTER, alpha=0.25, label="note")
    axes[0].set(title="Pitch (where confidence > 0.5)", ylabel="f0 (Hz)", yscale="log")
    low, high = _at_least(2 / 3, *axes[0].get_ylim())
    axes[0].set_ylim(low, high)
    steps = (1, 2, 5) if high > 4 * low else (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)
    axes[0].yaxis.set_major_locator(LogLocator(subs=steps))
    axes[0].yaxis.set_major_formatter("{x:.0f}")
    axes[0].yaxis.set_minor_locator(NullLocator())
    axes[1].set(title="Loudness", ylabel="A-weighted (dB)")
    axes[2].set(title="Confidence of pitch", ylabel="0 to 1", xlabel="time (s)", ylim=(0, 1.05))
    for ax in axes:
        ax.grid(alpha=0.3)
        if after is not None:
            ax.set_title(ax.get_title(), loc="left")
            ax.set_title("")
            # Beside the title, where it hides no curve.
            ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, borderpad=0)
    return figure


def _at_least(octaves, low, high):
    """Return limits in Hz, widened around their middle to span at least `octaves`."""
    missing = max(0.0, octaves - np.log2(high / low))
    return low * 2 ** (-missing / 2), high * 2 ** (missing / 2)


def show(figure, alt):
    """Show a figure with a text alternative, and close it.

    Args:
      figure: matplotlib figure.
      alt: text alternative, a sentence that says what the picture shows.
    """
    from IPython.display import display

    display({"text/html": to_html(figure, alt), "text/plain": f"[picture: {alt}]"}, raw=True)


def to_html(figure, alt):
    """Return a figure as HTML with the picture embedded, and close it; see `show`."""
    import matplotlib.pyplot as plt

    file = io.BytesIO()
    figure.savefig(file, format="png", facecolor="white", dpi=DPI)
    plt.close(figure)
    text = base64.b64encode(file.getvalue()).decode("ascii")
    # At most as wide as the page, so a narrow window does not crop it.
    return (
        f'<img alt="{html.escape(alt, quote=True)}" style="max-width: 100%" '
        f'src="data:image/png;base64,{text}">'
    )


def _axes(ax):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(9, 3.6), layout="constrained", facecolor="white")[1]
