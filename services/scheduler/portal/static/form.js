// The form of a job: shows what belongs to what is chosen, and puts what is wrong beside what was typed.
"use strict";

const form = document.getElementById("job-form");

// A group counts when its choice was made; without this script all groups are there to be opened.
function showChosen() {
  for (const group of form.querySelectorAll("details[data-when]")) {
    const chosen = group.dataset.is.split(" ").includes(document.getElementById(group.dataset.when)?.value);
    if (group.hidden === !chosen) continue;
    group.hidden = !chosen;
    if (chosen && !("folded" in group.dataset)) group.open = true;
  }
}

// Only what was touched is found fault with: nobody has said the rest yet.
function showFaults(touched) {
  const wrong = new Map([...form.querySelectorAll("#still [data-at]")].map((item) => [item.dataset.at, item.dataset.says]));
  for (const id of touched) {
    const place = document.getElementById(`${id}-fault`);
    if (!place) continue;
    place.textContent = wrong.get(id) ?? "";
    document.getElementById(id).toggleAttribute("aria-invalid", wrong.has(id));
  }
}

function openTo(id) {
  for (let box = document.getElementById(id)?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
}

function offerOwnZone(button) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!button || !zone) return;
  button.textContent = `Yours: ${zone}`;
  button.hidden = false;
  button.addEventListener("click", () => {
    const input = document.getElementById(button.dataset.into);
    input.value = zone;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

async function readInto(input) {
  const bytes = new Uint8Array(await input.files[0].arrayBuffer());
  const place = document.getElementById(input.dataset.into);
  place.value = btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
  place.dispatchEvent(new Event("input", { bubbles: true }));
}

function start() {
  const touched = new Set([...form.querySelectorAll("[aria-invalid]")].map((input) => input.id));
  form.addEventListener("input", (event) => {
    const { target } = event;
    if (target.type === "file") readInto(target);
    touched.add(target.closest("[role=group]")?.id ?? target.id);
    showChosen();
  });
  document.getElementById("preview").addEventListener("htmx:after:swap", () => {
    showTimes(form);
    showFaults(touched);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#f-"]');
    if (!link) return;
    event.preventDefault();
    const id = link.getAttribute("href").slice(1);
    openTo(id);
    document.getElementById(id)?.focus();
  });
  for (const place of form.querySelectorAll(".from-file")) place.hidden = false;
  offerOwnZone(document.getElementById("own-zone"));
  showChosen();
}

if (form) start();
