// Keeps the page fresh: the stream says that something changed, the server renders what, and only changed parts are swapped.
"use strict";

const REFRESH_AT_MOST_EVERY = 1000;
const REFRESH_AT_LEAST_EVERY = 10000;
const KINDS = ["message", "host", "event", "execution", "job"];

const overview = document.getElementById("overview");
const root = document.body.dataset.root;
const connection = document.getElementById("connection");
const connectionText = document.getElementById("connection-text");
let streaming = false;
let fetchedAt = Date.now();
let lastTry = 0;
let timer = null;

function clockTime(instant) {
  return instant.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

// Where it is narrow a line may end between day and time, nowhere else.
function dayAndTime(instant) {
  if (instant.toDateString() === new Date().toDateString()) return clockTime(instant);
  const day = instant.toLocaleDateString([], { day: "numeric", month: "short" }).replaceAll(" ", "\u00a0");
  return `${day} ${clockTime(instant)}`;
}

function remaining(instant) {
  const seconds = Math.round((instant - Date.now()) / 1000);
  if (seconds <= 0) return `now (${clockTime(instant)})`;
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `in ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return minutes ? `in ${minutes} min ${seconds % 60} s` : `in ${seconds} s`;
}

function showTimes(root) {
  for (const element of root.querySelectorAll("time[data-show]")) {
    const instant = new Date(element.dateTime);
    const text = element.dataset.show === "until" ? remaining(instant) : dayAndTime(instant);
    if (element.textContent !== text) element.textContent = text;
  }
}

function showConnection(fresh) {
  const state = fresh && streaming ? "live" : "stale";
  const text = state === "live" ? "Live" : `Not connected, as of ${dayAndTime(new Date(fetchedAt))}`;
  document.body.classList.toggle("stale", state === "stale");
  if (connection.dataset.state !== state) connection.dataset.state = state;
  if (connectionText.textContent !== text) connectionText.textContent = text;
}

function isBeingRead(element) {
  const selection = document.getSelection();
  return !selection.isCollapsed && element.contains(selection.anchorNode);
}

function twinOf(element, replacement) {
  return element?.id ? replacement.querySelector(`#${CSS.escape(element.id)}`) : null;
}

// What the user opened, closed or typed, and the focus, survive a swap.
function swap(old, replacement) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  for (const details of old.querySelectorAll("details[id]")) {
    const twin = twinOf(details, replacement);
    if (twin && details.dataset.touched) {
      twin.open = details.open;
      twin.dataset.touched = "yes";
    }
  }
  for (const field of old.querySelectorAll("input[id], select[id]")) {
    const twin = twinOf(field, replacement);
    if (twin) twin.value = field.value;
  }
  old.replaceWith(replacement);
  showTimes(replacement);
  const place = twinOf(focused, replacement) ?? twinOf(focused?.closest("details"), replacement)?.querySelector("summary");
  place?.focus();
}

const rendered = new Map();

function show(html) {
  const parts = new DOMParser().parseFromString(html, "text/html").body.children;
  const fresh = new Map([...parts].map((part, place) => [part.id || `part-${place}`, part]));
  const known = [...overview.children];
  if (known.length !== fresh.size || known.some((part, place) => (part.id || `part-${place}`) !== [...fresh.keys()][place])) {
    rendered.clear();
    overview.replaceChildren(...fresh.values());
    showTimes(overview);
    return;
  }
  [...fresh].forEach(([name, part], place) => {
    const source = part.outerHTML;
    if (rendered.get(name) === source || isBeingRead(known[place])) return;
    rendered.set(name, source);
    swap(known[place], document.importNode(part, true));
  });
}

async function refresh() {
  timer = null;
  lastTry = Date.now();
  try {
    const answer = await fetch(overview.dataset.fragment, { signal: AbortSignal.timeout(8000) });
    if (answer.status === 401) return location.reload();
    if (!answer.ok && ![404, 503].includes(answer.status)) throw new Error(`status ${answer.status}`);
    show(await answer.text());
    fetchedAt = Date.now();
    showConnection(answer.ok);
  } catch {
    showConnection(false);
  }
}

function refreshSoon() {
  if (timer !== null || document.hidden) return;
  timer = setTimeout(refresh, Math.max(150, lastTry + REFRESH_AT_MOST_EVERY - Date.now()));
}

function listen() {
  const stream = new EventSource(`${root}api/v1/stream`);
  stream.addEventListener("open", () => {
    streaming = true;
    refreshSoon();
  });
  stream.addEventListener("error", () => {
    streaming = false;
    showConnection(false);
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  });
  for (const kind of KINDS) stream.addEventListener(kind, refreshSoon);
}

overview.addEventListener("click", (click) => {
  const details = click.target.closest("summary")?.parentElement;
  if (details) details.dataset.touched = "yes";
});
document.addEventListener("visibilitychange", refreshSoon);
setInterval(() => {
  showTimes(overview);
  if (Date.now() - lastTry > REFRESH_AT_LEAST_EVERY) refreshSoon();
}, 1000);
showTimes(overview);
listen();
