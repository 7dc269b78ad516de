"""`make site`: the course as pages, from the lessons and the stored outputs.

The site is built once for all tests of the marker `browser`; with DDSP_COURSE_PHOTOGRAPHS=1 six of
its pages are photographed, and build/site_photographs/ is there to be looked at.
"""

import base64
import functools
import io
import os
import sys
import urllib.parse

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from conftest import CHROMIUM, ROOT, SECONDS, served
from PIL import Image

pytest.importorskip("sphinx", reason="the site's packages are not installed: make setup-test")
pytest.importorskip("myst_nb", reason="the site's packages are not installed: make setup-test")
sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "site")]
import build_notebooks
import build_site
import link_terms

PHOTOGRAPHS = os.environ.get("DDSP_COURSE_PHOTOGRAPHS")
FOLDER = ROOT / "build" / "site_photographs"
PHONE, DESK = (390, 844), (1280, 900)
NAMES = [build_site.page_name(lesson) for lesson in build_site.lessons()]
FIRST, DEMO = NAMES[0], "02_timbre_transfer/00_demo"
# One of each kind.
KINDS = ["index", FIRST, "app", "glossary", "reading", "live", "search"]
# name, size, theme, how far down
PICTURES = [
    ("index", DESK, "light", 0),
    ("index", PHONE, "dark", 0),
    (FIRST, DESK, "light", 700),
    (DEMO, PHONE, "light", 3000),
    ("01_ddsp_library/02_processors", DESK, "dark", 2600),
    ("live", DESK, "dark", 0),
]
PLAYER = (
    '<div>A sine (2.0 s)</div><audio controls preload="metadata" aria-label="A sine" '
    'src="data:audio/mpeg;base64,AAAA"></audio>'
)
built = [
    pytest.mark.browser,
    pytest.mark.tensorflow,  # exports the live instruments
    pytest.mark.xdist_group("site"),
]


def marked(test):
    """Give a test all the marks of one that needs the built site."""
    return functools.reduce(lambda one, mark: mark(one), built, test)


@pytest.fixture
def media(tmp_path):
    return build_site.Media(tmp_path / "media")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site's folder."""
    folder = tmp_path_factory.mktemp("made") / "site"
    build_site.build(folder)
    return folder


@pytest.fixture(scope="module")
def address(site):
    """Where the site is served."""

    with served(site) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def opened(browser, address):
    """A way to open a page by its name; `foreign` of the result has what other hosts were asked."""
    contexts = []

    def opened(name, size=DESK, theme="light"):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme
        )
        contexts.append(context)
        context.set_default_timeout(SECONDS)
        page = context.new_page()
        page.foreign = []
        here = (address, "data:", "blob:")
        page.on(
            "request",
            lambda one: one.url.startswith(here) or page.foreign.append(one.url),
        )
        page.goto(f"{address}{name}.html")
        return page

    yield opened
    for context in contexts:
        context.close()


def stored(name):
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def stored_players(name):
    """Return how many players a notebook's stored outputs have."""
    outputs = (made for cell in stored(name).cells for made in cell.get("outputs", []))
    return sum(made.get("data", {}).get("text/html", "").count("<audio") for made in outputs)


@functools.cache
def soup(path):
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def test_sound_of_a_player_becomes_a_file(media):
    made = BeautifulSoup(build_site.with_players(PLAYER * 2, media, "../"), "html.parser")
    assert [caption.text for caption in made.find_all("figcaption")] == ["A sine (2.0 s)"] * 2
    assert len(made.find_all("audio", controls=True)) == 2
    (name,) = {player["src"] for player in made.find_all("audio")}
    assert name.startswith("../media/") and name.endswith(".mp3")
    assert (media.folder / name.removeprefix("../media/")).read_bytes() == b"\0\0\0"


def test_player_of_ipython_becomes_one_of_the_course(media):
    text = (
        '<audio  controls="controls" ><source src="data:audio/wav;base64,AAAA" type="a"/>?</audio>'
    )
    made = BeautifulSoup(build_site.with_players(text, media, ""), "html.parser")
    assert made.audio["src"].endswith(".wav")
    assert made.audio["aria-label"]


def test_page_has_the_texts_that_a_reader_without_python_needs(media):
    lesson = build_notebooks.lesson_called("00_first_sounds")
    page = build_site.page(lesson, media)
    text = "\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")
    assert build_notebooks.colab_address(lesson) in text
    assert "../glossary.md" in text and "GLOSSARY.md" not in text
    folded = [cell for cell in page.cells if cell.source.startswith(build_notebooks.TITLE)]
    assert folded and all("hide-input" in cell.metadata.tags for cell in folded)
    exercises = [cell for cell in page.cells if "exercise" in cell.metadata.get("tags", [])]
    assert exercises
    for cell in exercises:
        (said,) = cell.outputs
        assert build_notebooks.colab_address(lesson) in said.data["text/html"]


def test_each_picture_keeps_its_alternative_text(media):
    page = build_site.page(build_notebooks.lesson_called("00_first_sounds"), media)
    outputs = [one for cell in page.cells for one in cell.get("outputs", [])]
    made = [one.get("data", {}).get("text/html", "") for one in outputs]
    images = BeautifulSoup("".join(made), "html.parser").find_all("img")
    alts = [
        one.metadata["image/png"]["alt"]
        for cell in stored(FIRST).cells
        for one in cell.get("outputs", [])
        if "image/png" in one.get("data", {})
    ]
    assert [image["alt"] for image in images] == alts
    assert all(int(image["width"]) > 100 for image in images)


def test_notebook_behind_its_lesson_is_refused(media, monkeypatch):
    monkeypatch.setattr(build_notebooks, "keep_outputs", lambda notebook, path: False)
    with pytest.raises(build_site.CourseError, match="03_core"):
        build_site.page(build_notebooks.lesson_called("03_core"), media)


def test_glossary_has_each_term_and_abbreviation_once():
    terms = [
        line
        for line in build_site.glossary().splitlines()
        if line and not line.startswith((" ", "#", "`"))
    ]
    entries = build_site.ENTRY.findall((ROOT / "GLOSSARY.md").read_text("utf-8"))
    assert len(terms) == len(set(terms)) > len(entries) > 200
    assert {term for term, _, _ in entries} < set(terms)
    assert {"dB", "STFT"} < set(terms)


def test_links_of_the_repository_lead_to_pages_or_to_github():
    text = "[a](notebooks/01_ddsp_library/03_core.ipynb) [b](GLOSSARY.md#x) [c](assets/README.md) [d](https://e.org)"
    repository = build_notebooks.course_settings()["repository"]
    assert build_site.from_repository(text) == (
        "[a](01_ddsp_library/03_core.ipynb) [b](glossary.md#x) "
        f"[c](https://github.com/{repository}/blob/main/assets/README.md) [d](https://e.org)"
    )


def test_term_is_known_in_singular_and_in_plural():
    assert link_terms.forms("harmonics") == {"harmonics", "harmonic"}
    assert link_terms.forms("hop size") == {"hop size", "hop sizes"}


def test_pictures_look_as_in_the_notebook_and_are_smaller():
    stored = nbformat.read(
        ROOT / "notebooks" / "02_timbre_transfer" / "03_spectrogram.ipynb", as_version=4
    )
    outputs = [one for cell in stored.cells for one in cell.get("outputs", [])]
    pictures = [one.data["image/png"] for one in outputs if "image/png" in one.get("data", {})]
    assert pictures
    for one in map(base64.b64decode, pictures):
        few = build_site.fewer_colours(one)
        assert len(few) < len(one)
        before, after = (
            np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), int) for png in (one, few)
        )
        np.testing.assert_allclose(after, before, atol=10)  # of 255: too little to be seen


@marked
def test_site_has_a_page_for_each_notebook_and_is_small(site):
    for name in NAMES:
        page = soup(site / f"{name}.html")
        assert len(page.select(".buttons a")) == 3, name
        assert len(page.find_all("audio")) == stored_players(name), name
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    assert size <= 60e6
    assert (site / "live" / "index.html").exists()


@marked
def test_each_link_inside_the_site_leads_somewhere(site):
    pages = {path: soup(path) for path in site.rglob("*.html") if path.parent.name != "live"}
    anchors = {path: {one["id"] for one in page.find_all(id=True)} for path, page in pages.items()}
    wrong = []
    for path, page in pages.items():
        for one in page.find_all(["a", "link", "script", "img", "audio", "iframe", "source"]):
            link = urllib.parse.urlsplit(one.get("href") or one.get("src") or "")
            if link.scheme or link.netloc:
                continue
            target = path.parent / urllib.parse.unquote(link.path) if link.path else path
            target = target.resolve()
            if (
                not target.is_file()
                or (link.fragment and target in anchors)
                and (urllib.parse.unquote(link.fragment) not in anchors[target])
            ):
                wrong.append(f"{path.relative_to(site)}: {link.geturl()}")
    assert wrong == []


@marked
def test_terms_lead_to_the_glossary(site):
    for name in NAMES[:-1]:  # the app explains none
        terms = soup(site / f"{name}.html").select("a.term")
        assert len({term["href"] for term in terms}) >= 5, name
        assert all(term.get("title") for term in terms), name


@marked
@pytest.mark.parametrize("name", [*NAMES, "index", "glossary", "reading"])
def test_page_plays_every_sound_asks_no_other_host_and_fits_a_phone(opened, name):
    page = opened(name, PHONE)
    page.wait_for_function(
        "[...document.querySelectorAll('audio')].every((one) => one.readyState > 0)"
    )
    durations = page.eval_on_selector_all("audio", "all => all.map((one) => one.duration)")
    assert all(0.05 < one < 60 for one in durations)
    if name in NAMES:
        assert len(durations) == stored_players(name)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    wide = page.eval_on_selector_all(
        "article :is(p, li, h1, h2, h3, figure, img, audio, summary, td)",
        """all => all.filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5 &&
            !one.closest('pre, .text_html, .table-wrapper, .math')).map((one) => one.outerHTML)""",
    )
    assert wide == []
    assert page.foreign == []


@marked
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", KINDS)
def test_axe_finds_nothing_serious(opened, name, theme):
    page = opened(name, theme=theme)
    found = axe.Axe().run(page).response["violations"]
    faults = {
        fault["id"]: [node["html"][:200] for node in fault["nodes"]][:5]
        for fault in found
        if fault["impact"] in ("serious", "critical")
    }
    assert faults == {}


@marked
def test_sound_is_played_by_keyboard_and_stops_the_other(opened):
    page = opened(FIRST)
    page.wait_for_function(
        "[...document.querySelectorAll('audio')].every((one) => one.readyState > 0)"
    )
    players = page.locator("audio")
    for player in (players.nth(0), players.nth(1)):
        player.focus()
        page.keyboard.press("Space")
        page.wait_for_function("one => !one.paused", arg=player.element_handle())
    page.wait_for_function("one => one.paused", arg=players.nth(0).element_handle())


@marked
def test_formulas_are_drawn(opened):
    page = opened("01_ddsp_library/02_processors")
    page.wait_for_selector("article mjx-container[display=true]")
    assert page.locator("article mjx-container").count() > 10
    assert page.locator("article mjx-merror").count() == 0


@marked
def test_video_is_fetched_when_it_is_opened(opened):
    page = opened(FIRST)
    page.wait_for_load_state("load")
    assert page.foreign == []
    page.locator("details:has(iframe) > summary").first.click(position={"x": 5, "y": 5})
    page.wait_for_timeout(1000)
    assert [one for one in page.foreign if "youtube-nocookie.com" in one]


@marked
def test_search_finds_a_page(opened, address):
    page = opened("search")
    page.goto(f"{address}search.html?q=wavetable")
    page.wait_for_selector("#search-results li a")
    assert any(
        "02_processors" in one.get_attribute("href")
        for one in page.locator("#search-results li a").all()
    )


@marked
def test_live_instrument_stands_in_its_page_whole(opened):
    page = opened("live", PHONE)
    frame = page.frame_locator("#instrument")
    frame.locator("select").first.wait_for()
    page.wait_for_function(
        """() => { const inside = document.querySelector("#instrument");
            return inside.contentDocument.documentElement.scrollHeight <= inside.clientHeight; }"""
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert page.foreign == []


@marked
@pytest.mark.skipif(not PHOTOGRAPHS, reason="DDSP_COURSE_PHOTOGRAPHS is not set")
def test_photographs(opened):
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, size, theme, down in PICTURES:
        page = opened(name, size, theme)
        page.evaluate(f"scrollTo(0, {down})")
        page.wait_for_timeout(2000)  # until formulas and pictures are drawn
        shot = f"{name.replace('/', '-')}-{size[0]}-{theme}.png"
        page.screenshot(path=FOLDER / shot)
