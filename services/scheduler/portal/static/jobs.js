// Searches as one types, and copies what stands in a box.
"use strict";

const frame = document.getElementById("main");

// An answer to an older question must not come after the one to a newer.
frame.addEventListener("htmx:before:request", (event) => {
  if (event.detail.ctx.sourceElement.id === "finder") frame.dispatchEvent(new Event("htmx:abort"));
});

// What was found is the page from then on: for a reload, a bookmark, and what keeps the page fresh.
frame.addEventListener("htmx:after:swap", (event) => {
  const { sourceElement, request, response } = event.detail.ctx;
  if (sourceElement.id !== "finder" || response.status >= 400) return;
  const address = new URL(request.action, location.href);
  for (const [name, value] of [...address.searchParams]) if (!value) address.searchParams.delete(name);
  history.replaceState(history.state, "", address);
  frame.setAttribute("hx-get", address);
});

frame.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.firstChild.textContent = "Copied ";
  setTimeout(() => (button.firstChild.textContent = "Copy "), 2000);
});

// The clipboard is there for pages that come by HTTPS or from this machine.
document.documentElement.classList.toggle("can-copy", Boolean(navigator.clipboard));
