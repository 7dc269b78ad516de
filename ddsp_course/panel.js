// Adds what ipywidgets leaves out: sliders get their label as an accessible name, and their value
// as it is displayed, with its unit; the box for typing a value gets a name as well.

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function nameAll(panel) {
  for (const slider of panel.querySelectorAll(".widget-slider")) {
    const label = slider.querySelector(".widget-label").textContent;
    const readout = slider.querySelector(".widget-readout");
    const unit = label.match(/\(([^() ]+)\)$/)?.[1] ?? "";
    const handle = slider.querySelector(".noUi-handle, .ui-slider-handle"); // ipywidgets 8, and 7
    if (!handle) continue;
    if (handle.matches(".ui-slider-handle")) {
      set(handle, "role", "slider");
      set(handle, "aria-valuenow", readout.textContent);
    }
    set(handle, "aria-label", label);
    set(handle, "aria-valuetext", `${readout.textContent} ${unit}`.trim());
    if (readout.isContentEditable) {
      set(readout, "role", "textbox");
      set(readout, "aria-label", `${label}, value`);
    }
  }
}

function render({ el }) {
  let panel;
  const observer = new MutationObserver(() => nameAll(panel));
  // The panel is attached a moment after its parts.
  const clock = setInterval(() => {
    panel = el.closest(".ddsp-course");
    if (!panel) return;
    clearInterval(clock);
    nameAll(panel);
    const attributeFilter = ["aria-valuetext", "contenteditable", "style"];
    observer.observe(panel, {
      subtree: true, childList: true, characterData: true, attributes: true, attributeFilter,
    });
  }, 50);
  return () => { clearInterval(clock); observer.disconnect(); };
}

export default { render };
