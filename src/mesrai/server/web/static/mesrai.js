// What pages gain where scripts run: pieces that appear as they are known, and times in the reader's zone.
// Everything works without it; there, a form simply loads the next page.
"use strict";

function put(patch) {
  const place = document.getElementById(patch.into);
  if (!place) return;
  if (patch.more) place.insertAdjacentHTML("beforeend", patch.html);
  else place.innerHTML = patch.html;
  dress(place);
}

// <form data-live> sends itself in the background; the answer is lines of JSON: pieces, {"go": address}, {"told": words}.
async function send(form, submitter) {
  const fields = new URLSearchParams(new FormData(form, submitter));
  const buttons = [...form.querySelectorAll("button")];
  buttons.forEach((each) => (each.disabled = true));
  const place = document.getElementById(form.dataset.live);
  const tell = (words) => {
    if (!place) return;
    const line = document.createElement("p");
    line.className = "said bad";
    line.setAttribute("role", "alert");
    line.textContent = words;
    place.append(line);
  };
  if (place && !form.hasAttribute("data-quiet")) place.replaceChildren();
  let away = false;
  try {
    const answer = await fetch(submitter?.hasAttribute("formaction") ? submitter.formAction : form.getAttribute("action") || location.href, {
      method: "POST", body: fields, headers: { "x-mesrai-live": "1" }, redirect: "follow",
    });
    if (answer.redirected) { away = true; location.assign(answer.url); return; }
    for await (const line of linesOf(answer.body)) {
      const said = JSON.parse(line);
      if (said.go) { away = true; location.assign(said.go); return; }
      if (said.told) tell(said.told);
      else put(said);
    }
  } catch {
    tell("The connection broke before the answer was complete.");
  } finally {
    if (!away) buttons.forEach((each) => (each.disabled = false));
  }
}

async function* linesOf(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    rest += value ?? "";
    const lines = rest.split("\n");
    rest = done ? "" : lines.pop();
    for (const line of lines) if (line.trim()) yield line;
    if (done) return;
  }
}

// <div data-follow="/address"> shows pieces that the server sends while it likes.
function follow(place) {
  const source = new EventSource(place.dataset.follow);
  source.onmessage = (event) => put(JSON.parse(event.data));
  source.addEventListener("end", () => source.close());
  addEventListener("pagehide", () => source.close());
}

// <input data-check="/address" data-into="id">: what stands there is checked by the server while it is typed.
function check(input) {
  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const fields = new URLSearchParams(new FormData(input.form));
      const answer = await fetch(input.dataset.check, { method: "POST", body: fields, headers: { "x-mesrai-live": "1" } });
      for await (const line of linesOf(answer.body)) put(JSON.parse(line));
    }, 300);
  });
}

function dress(place) {
  for (const time of place.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  }
  for (const each of place.querySelectorAll("[data-follow]")) follow(each);
  for (const each of place.querySelectorAll("[data-check]")) check(each);
  for (const each of place.querySelectorAll("[data-copy]")) {
    each.hidden = false;
    each.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(each.dataset.copy).textContent);
      each.textContent = "Copied";
    });
  }
  for (const each of place.querySelectorAll("select[data-go]")) each.addEventListener("change", () => each.form.requestSubmit());
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) { event.preventDefault(); return; }
  if (form.dataset.live === undefined) return;
  event.preventDefault();
  send(form, event.submitter);
});
dress(document);
