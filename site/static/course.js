// What the course adds to a page: one sound at a time, and wide boxes that the keyboard can scroll.

document.addEventListener("play", (event) => {
  for (const player of document.querySelectorAll("audio"))
    if (player !== event.target) player.pause();
}, true);

// A box that does not scroll would be an empty stop of the Tab key.
function letKeyboardScroll() {
  for (const box of document.querySelectorAll("article pre, article .text_html, .table-wrapper, div.math"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
}

addEventListener("load", letKeyboardScroll);
addEventListener("resize", letKeyboardScroll);
document.addEventListener("toggle", letKeyboardScroll, true);

// The live instrument lies in a frame, which takes the page's theme and has no scroll bar of its own.
function fitInstrument(frame) {
  const inside = frame.contentDocument;
  const theme = () => {
    const { theme } = document.body.dataset;
    inside.documentElement.style.colorScheme = theme === "auto" ? "light dark" : theme;
  };
  inside.querySelector("h1").hidden = true; // the page around it has the same
  new ResizeObserver(() => { frame.style.height = `${inside.body.offsetHeight + 40}px`; })
    .observe(inside.body);
  new MutationObserver(theme).observe(document.body, { attributeFilter: ["data-theme"] });
  theme();
}

addEventListener("load", () => {
  const frame = document.getElementById("instrument");
  if (frame) fitInstrument(frame);
});
