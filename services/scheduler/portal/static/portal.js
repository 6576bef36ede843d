// Keeps a page fresh and its times readable: the stream says that something changed, htmx fetches what is inside of the
// frame and changes only what differs.
"use strict";

const REFRESH_AT_MOST_EVERY = 1000;
const REFRESH_AT_LEAST_EVERY = 10000;
const NOTICE_FOR = 10000;
const KINDS = ["message", "host", "event", "execution", "job"];

const main = document.getElementById("main");
const root = document.body.dataset.root;
const connection = document.getElementById("connection");
const connectionText = document.getElementById("connection-text");
const live = main.hasAttribute("hx-get");
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

// The labels of an axis: the whole time stands in the title.
function hourAndMinute(instant) {
  return instant.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

function timeAndZone(instant) {
  const parts = new Intl.DateTimeFormat([], { timeZoneName: "short" }).formatToParts(instant);
  return `${dayAndTime(instant)} ${parts.find((part) => part.type === "timeZoneName").value}`;
}

const TIMES = { at: dayAndTime, until: remaining, clock: hourAndMinute, zoned: timeAndZone };

function showTimes(place) {
  for (const element of place.querySelectorAll("time[data-show]")) {
    const instant = new Date(element.dateTime);
    const text = (TIMES[element.dataset.show] ?? dayAndTime)(instant);
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

function isBeingRead() {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && main.contains(selection.anchorNode);
}

function refresh() {
  timer = null;
  lastTry = Date.now();
  if (!isBeingRead()) main.dispatchEvent(new Event("refresh"));
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

// What the server says in place of the page, such as that the store is away, is shown; what a proxy says is not.
main.addEventListener("htmx:before:swap", (event) => {
  const { status } = event.detail.ctx.response;
  if (event.detail.ctx.sourceElement !== main) return;
  if (status === 401) location.reload();
  if (status >= 400 && ![404, 503].includes(status)) event.preventDefault();
});
// What came of a form stays to be read for a while, though the page is fetched again meanwhile.
const notice = document.getElementById("notice");
main.addEventListener("htmx:after:swap", () => {
  if (notice && !notice.isConnected && performance.now() < NOTICE_FOR) main.prepend(notice);
  showTimes(main);
});
main.addEventListener("htmx:after:request", (event) => {
  if (event.detail.ctx.sourceElement !== main) return;
  const { status } = event.detail.ctx.response;
  if (status < 400 || status === 404) fetchedAt = Date.now();
  showConnection(status < 400 || status === 404);
});
main.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx.sourceElement === main) showConnection(false);
});

document.addEventListener("visibilitychange", () => live && refreshSoon());
setInterval(() => {
  showTimes(document);
  if (live && Date.now() - lastTry > REFRESH_AT_LEAST_EVERY) refreshSoon();
}, 1000);
showTimes(document);
if (live) listen();
