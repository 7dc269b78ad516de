"""What everybody can see and operate: the app's page and an explorable, in Chromium.

On a phone, by keyboard, with a screen reader, in the dark. axe-core (axe-playwright-python) finds
what it can; the rest is measured here. With DDSP_COURSE_PHOTOGRAPHS=1 both are photographed:
build/photographs/access-*.png are there to be looked at.
"""

import contextlib
import re
import subprocess
import sys

import pytest
import test_browser
from conftest import CHROMIUM, ROOT, SECONDS, free_port, wait_for

sys.path.insert(0, str(ROOT))
import course

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = [pytest.mark.browser, pytest.mark.tensorflow]
lab = test_browser.lab

PHONE, WINDOW, DESK = (390, 844), (700, 900), (1280, 900)
# A slider of each kind that the lessons use, and what else they put beside.
EXPLORABLE = """
import ipywidgets, numpy as np, matplotlib.pyplot as plt
from ddsp_course import explore

def render(f0, depth, size, wave, on):
    figure, ax = plt.subplots(figsize=(9, 3))
    sound = 0.1 * np.sin(2 * np.pi * f0 * np.arange(8000) / 16000)
    ax.plot(sound[:200])
    return sound, figure

explore.explore(
    render,
    "A wave",
    f0=ipywidgets.FloatLogSlider(1410, min=np.log10(55), max=np.log10(1760), step=0.001,
                                 description="f0 of the note (Hz)"),
    depth=ipywidgets.IntSlider(20, min=0, max=100, description="vibrato (cents)"),
    size=ipywidgets.SelectionSlider(options=[256, 512, 1024], description="frame size"),
    wave=ipywidgets.Dropdown(options=["sine", "saw"], description="wave"),
    on=ipywidgets.Checkbox(True, description="memory"),
)
"""
# Returns what is cut off at a side, of all that is to be seen or operated in `root`.
CUT = """root => {
  const labels = "button, .widget-label, .widget-label-basic, .widget-label-basic span";
  const seen = labels + ", input, select, [role=slider], .widget-readout, img, audio, meter, " +
    "canvas, a, h1, h2, .widget-hprogress .progress";
  const cut = [];
  for (const one of root.querySelectorAll(seen)) {
    const { left, right, width } = one.getBoundingClientRect();
    if (!width || one.closest("[hidden]")) continue;
    if (one.matches(labels) && one.scrollWidth > one.clientWidth) cut.push(one.outerHTML);
    for (let box = one; box; box = box.parentElement) {
      const clips = box !== one && getComputedStyle(box).overflowX !== "visible";
      const edge = box === document.documentElement
        ? { left: 0, right: innerWidth } : clips ? box.getBoundingClientRect() : null;
      // The half of a pixel is rounding.
      if (edge && (left < edge.left - 0.5 || right > edge.right + 0.5)) {
        cut.push(`${one.outerHTML.slice(0, 90)}: ${left}..${right} in ${edge.left}..${edge.right}`);
        break;
      }
    }
  }
  return cut;
}"""
# Returns an element's outline width, and its contrast with the colour behind it (WCAG 2).
OUTLINE = """element => {
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(element);
  // A slider's track is thin: the outline lies on what is behind it.
  let behind = (element.closest(".slider-container") ?? element).parentElement;
  while (/, 0\\)$/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
  const colors = [style.outlineColor, getComputedStyle(behind).backgroundColor];
  const [a, b] = colors.map(luminance);
  return {
    colors,
    width: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05),
  };
}"""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt install chromium)")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


def opened(browser):
    context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]})
    context.set_default_timeout(SECONDS)
    return context.new_page()


@contextlib.contextmanager
def make_app():
    """Run what `make app` runs while a block runs; gives the page's address."""
    port = free_port()
    command, environment = course.app_command("--no-browser", f"--port={port}")
    server = subprocess.Popen(
        command,
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def voila(browser):
    """The app's page after a transfer; its attribute `foreign` has what other hosts were asked."""
    with make_app() as address:
        page = opened(browser)
        page.foreign = []
        page.on("request", lambda request: page.foreign.append(request.url))
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_selector("text=Ready:")
        page.click("button:has-text('Transfer')")
        page.wait_for_selector("text=Done:")
        here = ("data:", "blob:", address, address.replace("http", "ws"))
        page.foreign = [url for url in page.foreign if not url.startswith(here)]
        yield page


@pytest.fixture(scope="module")
def explorable(browser, lab):
    """A page of JupyterLab with an explorable."""
    page = opened(browser)
    test_browser.open_notebook(page, lab, EXPLORABLE)
    page.wait_for_selector('.jp-OutputArea img[alt="A wave"]')
    page.wait_for_selector('[role=slider][aria-label="frame size"]')
    # JupyterLab's list of files would be wider than a phone.
    page.evaluate("() => jupyterapp.shell.collapseLeft()")
    return page


@pytest.fixture(params=["voila", "explorable"])
def shown(request):
    """(page, selector of what the course shows on it), for the app and for an explorable."""
    page = request.getfixturevalue(request.param)
    show(page, DESK)
    return page, "body" if request.param == "voila" else ".jp-OutputArea"


def show(page, size, theme="light"):
    """Give the page a size, and a theme: the browser's for the app, JupyterLab's in JupyterLab."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    page.evaluate(
        """async (theme) => {
          const [set, name] = ["apputils:change-theme", `JupyterLab ${theme}`];
          if (jupyterapp.commands.hasCommand(set) && document.body.dataset.jpThemeName !== name)
            await jupyterapp.commands.execute(set, { theme: name });
        }""",
        theme.capitalize(),
    )
    light = "true" if theme == "light" else "false"
    page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
    page.wait_for_timeout(300)  # until it is drawn


def faults(page, selector):
    """Return what axe-core calls serious or critical, with the elements."""
    found = axe.Axe().run(page, context=selector).response["violations"]
    return {
        fault["id"]: [node["html"][:200] for node in fault["nodes"]]
        for fault in found
        if fault["impact"] in ("serious", "critical")
    }


@pytest.mark.parametrize("size", [PHONE, WINDOW, DESK], ids=["phone", "window", "desk"])
def test_nothing_is_cut_off(shown, size):
    page, selector = shown
    show(page, size)
    assert page.eval_on_selector(selector, CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    if selector == "body":
        assert page.locator(".widget-hprogress .progress").bounding_box()["height"] > 10
    readouts = page.locator(f"{selector} .widget-readout")
    assert readouts.count() >= 3
    assert all(text.strip() for text in readouts.all_inner_texts())
    if test_browser.PHOTOGRAPHS:
        for theme in ("light", "dark"):
            show(page, (size[0], 2600), theme)
            name = f"access-{'app' if selector == 'body' else 'explorable'}-{size[0]}-{theme}.png"
            page.screenshot(path=ROOT / "build" / "photographs" / name)


def test_bundled_choices_of_a_list_are_shown_whole(voila):
    show(voila, DESK)
    missing = voila.eval_on_selector_all(
        "select",
        """(selects) => selects.map((select) => {
          const pen = document.createElement("canvas").getContext("2d");
          pen.font = getComputedStyle(select).font;
          const bundled = [...select.options].filter(({ text }) => !text.includes("Magenta"));
          const widths = bundled.map(({ text }) => pen.measureText(text).width);
          return Math.max(...widths) + 24 - select.clientWidth;  // the arrow takes up to 24
        })""",
    )
    assert len(missing) == 2
    assert max(missing) < 0, missing


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(shown, theme, size):
    page, selector = shown
    show(page, size, theme)
    assert faults(page, selector) == {}


def test_every_slider_has_its_label_as_a_name_and_says_its_value_as_shown(shown):
    page, selector = shown
    sliders = page.locator(f"{selector} .widget-slider")
    assert sliders.count() == page.locator(f"{selector} [role=slider]").count() >= 3
    for slider in sliders.all():
        label = slider.locator(".widget-label").inner_text()
        handle, readout = slider.locator("[role=slider]"), slider.locator(".widget-readout")
        value = readout.inner_text()
        unit = label[label.index("(") + 1 : -1] if label.endswith(("(Hz)", "(dB)", "s)")) else ""
        sync_api.expect(handle).to_have_accessible_name(label)
        assert handle.get_attribute("aria-valuetext") == f"{value} {unit}".strip()
        if readout.get_attribute("contenteditable") == "true":
            sync_api.expect(readout).to_have_role("textbox")
            sync_api.expect(readout).to_have_accessible_name(f"{label}, value")
    assert page.locator(f"{selector} [title=null]").count() == 0


def test_frequency_is_said_and_shown_in_hertz_and_follows_the_slider(explorable):
    show(explorable, DESK)
    handle = explorable.locator('[role=slider][aria-label="f0 of the note (Hz)"]')
    assert handle.get_attribute("aria-valuetext") == "1410 Hz"
    handle.focus()
    explorable.keyboard.press("ArrowRight")
    # A step is a quarter of a percent; the browser rounds to steps from the lower end.
    sync_api.expect(handle).to_have_attribute("aria-valuetext", re.compile("^141[1-7] Hz$"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_where_the_keyboard_is_can_be_seen(shown, theme):
    page, selector = shown
    show(page, DESK, theme)
    kinds = ["[role=slider]", ".widget-readout", "select", "input[type=checkbox]"]
    if selector == "body":
        kinds += ["button.record", "button:has-text('Transfer')", "input[type=text]", "a[download]"]
    page.keyboard.press("Tab")  # the browser shows where the keyboard is to those who use it
    for kind in kinds:
        element = page.locator(f"{selector} {kind}").first
        element.focus()
        outline = element.evaluate(OUTLINE)
        # WCAG 2.2: two pixels, 3 to 1.
        assert outline["width"] >= 2, kind
        assert outline["contrast"] >= 3, (kind, outline)


def test_sliders_of_an_explorable_begin_at_one_line(explorable):
    show(explorable, DESK)
    tracks = explorable.locator(".ddsp-course .slider-container").all()
    assert len({round(box.bounding_box()["x"]) for box in tracks}) == 1


def test_page_is_titled_asks_no_other_host_and_has_its_headings_in_order(voila):
    show(voila, DESK)
    assert voila.title() == "Timbre transfer"
    assert voila.foreign == []
    levels = voila.eval_on_selector_all(
        "h1, h2, h3, h4", "all => all.map((one) => +one.tagName[1])"
    )
    assert levels == [1] + [2] * 5


def test_page_is_dark_where_the_browser_wants_it(voila):
    def brightness():
        color = voila.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, color[4:-1].split(","))) / 3

    show(voila, DESK)
    assert brightness() > 230
    show(voila, DESK, "dark")
    assert brightness() < 50
    assert "brightness" in voila.eval_on_selector("img", "image => getComputedStyle(image).filter")
