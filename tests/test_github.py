"""What a reader on GitHub sees of a notebook, where no script, player or frame survives.

GitHub shows the first it knows of an output's forms: HTML before PNG before text, the HTML
cleaned. `strip` takes away what is known to go: players, frames, scripts, forms, styles, and pictures
that lie in the HTML itself, of which reports differ.
"""

import html
import re

import nbformat
import pytest
from conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
GONE_WHOLE = re.compile(
    r"<(audio|video|iframe|script|style|object|embed|button|select|form)\b[^>]*>.*?</\1>", re.DOTALL
)
PICTURE_INSIDE = re.compile(r'<img\b[^>]*src="data:[^>]*>')
TAG = re.compile(r"<[^>]+>")
PLAYER = re.compile(r'<audio\b[^>]*aria-label="([^"]+)"')


def strip(text):
    """Return the words that are left of an output's HTML."""
    return " ".join(
        html.unescape(TAG.sub(" ", PICTURE_INSIDE.sub("", GONE_WHOLE.sub("", text)))).split()
    )


def outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            if "data" in output:
                yield output


def test_players_frames_and_pictures_in_html_are_what_is_stripped():
    player = '<div>A flute, 2.0 s</div><audio controls aria-label="A flute" src="data:a">no</audio>'
    assert strip(player) == "A flute, 2.0 s"
    assert strip('<img alt="A picture" src="data:image/png;base64,AA=="><b>4 &lt; 5</b>') == "4 < 5"
    assert strip("<details><summary>Watch</summary><iframe src='x'></iframe></details>") == "Watch"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_pictures_are_seen_and_have_their_text(path):
    for output in outputs(path):
        data = output["data"]
        assert not PICTURE_INSIDE.search(data.get("text/html", "")), data["text/plain"]
        if "image/png" in data:
            assert "text/html" not in data  # GitHub would show that
            alt = output["metadata"]["image/png"]["alt"]
            assert len(alt) >= 12
            assert alt in data["text/plain"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_sound_that_cannot_play_is_named_with_its_length(path):
    players = 0
    for output in outputs(path):
        text = output["data"].get("text/html", "")
        for name in PLAYER.findall(text):
            players += 1
            left = strip(text)
            assert html.unescape(name) in left
            assert re.search(r"\d s\b", left), left
    first = nbformat.read(path, as_version=4).cells[0].source
    assert not players or "sounds" in first
    assert not players or "colab.research.google.com" in first


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_output_with_anything_to_see_leaves_something(path):
    for output in outputs(path):
        data = output["data"]
        # A section of lesson 02 is about IPython's own player, which GitHub shows nothing of.
        if "text/html" in data and "IPython.lib.display.Audio" not in data["text/plain"]:
            assert strip(data["text/html"]), data["text/plain"]
