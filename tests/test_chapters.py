"""The player of a video's chapter, in Chromium, with a stand-in for YouTube."""

import pytest

from ddsp_course import chapters


@pytest.fixture
def opened(page, monkeypatch):
    """A page that holds a chapter's player and tells nobody where it is; what it asks YouTube."""
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: displayed.append(data))
    chapters.show("02", 190)
    window, asked = page(), []
    quiet = '<meta charset="utf-8"><meta name="referrer" content="no-referrer">'

    def answer(route):
        if "youtube" in route.request.url:
            asked.append((route.request.url, route.request.all_headers().get("referer")))
            return route.abort("internetdisconnected")
        return route.fulfill(content_type="text/html", body=quiet + displayed[0]["text/html"])

    window.route("**/*", answer)
    window.goto("https://notebooks.example/lab/a.ipynb")
    return window, asked


def test_player_says_from_where_it_is_shown_as_youtube_asks(opened):
    window, asked = opened
    assert asked == []
    with window.expect_event("requestfailed"):
        window.click("summary", position={"x": 3, "y": 8})
    ((address, referrer),) = asked
    assert address.startswith("https://www.youtube-nocookie.com/embed/")
    assert address.endswith("?start=190")
    # The origin alone, not the notebook's name.
    assert referrer == "https://notebooks.example/"


def test_without_a_network_an_unfolded_player_has_a_sentence(opened):
    window, _ = opened
    sentence = window.locator("details div:has-text('YouTube')")
    assert not sentence.is_visible()
    window.click("summary", position={"x": 3, "y": 8})
    assert sentence.is_visible()
    assert window.is_visible('a[href*="youtu.be"]')
