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
