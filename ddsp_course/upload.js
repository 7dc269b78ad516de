// The button of ddsp_course.upload: sends a file to Python in parts.

// A Jupyter server closes the connection on messages of ten megabytes and more.
const PART = 2_000_000;
const UNANSWERED = "Python is not answering: wait if another cell is running; after a restart, " +
  "run this cell again.";

function render({ model, el }) {
  el.innerHTML = `
    <label>${model.get("label")}: <input type="file" accept="${model.get("accept")}"></label>
    <span role="status"></span>`;
  const [input, said] = ["input", "span"].map((name) => el.querySelector(name));
  let answered = () => {};
  let id = 0;
  const onMessage = (answer) => answered(answer);
  model.on("msg:custom", onMessage);

  async function send(file) {
    const mine = ++id;
    const parts = Math.max(1, Math.ceil(file.size / PART));
    for (let part = 0; part < parts; part++) {
      const data = await file.slice(part * PART, (part + 1) * PART).arrayBuffer();
      if (mine !== id) return; // another file was chosen
      const answer = new Promise((resolve) => {
        answered = (a) => a.id === mine && a.part === part && resolve();
      });
      const clock = setTimeout(() => { said.textContent = UNANSWERED; }, 10_000);
      model.send({ id: mine, name: file.name, part, parts }, undefined, [data]);
      await answer;
      clearTimeout(clock);
      said.textContent = part + 1 < parts ? `${Math.round((100 * (part + 1)) / parts)} % sent` : "";
    }
  }

  input.onchange = () => {
    const [file] = input.files;
    if (file) send(file).catch(() => { said.textContent = UNANSWERED; });
    input.value = ""; // the menu shows what is in use, and the same file can be chosen again
  };
  return () => model.off("msg:custom", onMessage);
}

export default { render };
