// The page of ddsp_course.player: playback continues at the same position when the user switches
// sounds, or when Python sends a new mix.

function url(bytes, type) {
  return URL.createObjectURL(new Blob([bytes], { type }));
}

function render({ model, el }) {
  el.innerHTML = `
    <div role="group" aria-label="Player">
      <button type="button" class="before jupyter-widgets jupyter-button">Before</button>
      <button type="button" class="after jupyter-widgets jupyter-button">After</button>
      <label><input type="checkbox" class="loop"> repeat</label>
      <div class="title" style="margin: 6px 0"></div>
      <audio controls preload="auto" style="width: 100%; max-width: 520px"></audio>
      <div><a style="text-decoration: underline" hidden></a></div>
    </div>`;
  const find = (name) => el.querySelector(name);
  const [player, title, link, loop] = ["audio", ".title", "a", ".loop"].map(find);
  const buttons = { before: find(".before"), after: find(".after") };
  let [source, loaded, saved] = []; // bytes that the page has loaded
  let goOn = null; // position at which a new sound continues, and whether it plays

  function load(sound) {
    if (sound === loaded) return;
    const isNew = model.get("before") !== source;
    // The player has no position while a sound is loading.
    goOn ??= { place: player.ended ? 0 : player.currentTime, plays: !player.paused };
    if (isNew) goOn = { place: 0, plays: false };
    [source, loaded] = [model.get("before"), sound];
    URL.revokeObjectURL(player.src);
    player.src = url(sound, "audio/flac");
  }

  player.onloadedmetadata = () => {
    const { place, plays } = goOn ?? { place: 0, plays: false };
    goOn = null;
    if (place) player.currentTime = Math.min(place, player.duration);
    if (plays) player.play().catch(() => {}); // the browser may want a click first
  };

  function show() {
    const shown = model.get("shown");
    const hasAfter = model.get("after").byteLength > 0;
    for (const [which, button] of Object.entries(buttons)) {
      button.setAttribute("aria-pressed", which === shown);
      button.classList.toggle("mod-primary", which === shown);
    }
    buttons.after.disabled = !hasAfter;
    const name = model.get(`${shown}_title`);
    title.textContent = name;
    player.setAttribute("aria-label", name);
    if (model.get(shown).byteLength > 0) load(model.get(shown));
    link.hidden = !hasAfter;
    if (hasAfter && model.get("saved") !== saved) {
      saved = model.get("saved");
      URL.revokeObjectURL(link.href);
      link.href = url(saved, "audio/wav");
    }
    link.download = model.get("name");
    link.textContent = `Download ${model.get("name")}`;
  }

  for (const [which, button] of Object.entries(buttons))
    button.onclick = () => { model.set("shown", which); model.save_changes(); };
  loop.onchange = () => { player.loop = loop.checked; };
  const changes = ["before", "after", "before_title", "after_title", "shown", "saved", "name"];
  for (const one of changes) model.on(`change:${one}`, show);
  show();
  return () => {
    for (const one of changes) model.off(`change:${one}`, show);
    for (const address of [player.src, link.href]) URL.revokeObjectURL(address);
  };
}

export default { render };
