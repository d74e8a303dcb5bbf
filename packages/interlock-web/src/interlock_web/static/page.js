// The page works without this script. It adds live rows, copies of commands and the arrow keys.
"use strict";

function follow(board) {
  const alarm = document.getElementById("live-problem");
  let seen = board.dataset.seen;
  let source = null;
  let wasOpen = false;

  // A hidden page takes no stream, since a browser opens only a few connections to a server.
  function open() {
    if (source || document.hidden) return;
    const address = new URL(board.dataset.live, location.href);
    address.searchParams.set("seen", seen);
    if (wasOpen) address.searchParams.set("again", "1");
    source = new EventSource(address);
    wasOpen = true;
    source.addEventListener("open", () => { alarm.textContent = ""; });
    source.addEventListener("problem", (event) => { alarm.textContent = event.data; });
    source.addEventListener("reload", () => location.reload());
    source.addEventListener("rows", (event) => {
      alarm.textContent = "";
      seen = event.lastEventId;
      change(event.data);
    });
    source.addEventListener("error", () => {
      alarm.textContent = "The page does not follow changes: the server is away, or has too many viewers.";
      // The browser connects again, but not after an answer that is no stream.
      if (source.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, 10000);
      }
    });
  }
  function close() {
    source?.close();
    source = null;
  }
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  // A closed source raises no error, so that a page that is left shows none.
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  document.getElementById("static").remove();
  open();
}

function change(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const id of ["summary", "elsewhere"]) renew(document.getElementById(id), fresh.getElementById(id));
  for (const { dataset } of fresh.querySelectorAll(".gone")) document.getElementById(dataset.row)?.remove();
  for (const row of fresh.querySelectorAll("tr[id]")) put(row);
  document.getElementById("empty").hidden = Boolean(document.querySelector("#rows tr"));
}

function renew(shown, fresh) {
  const focused = focusedLink(shown);
  shown.replaceWith(fresh);
  focusLink(fresh, focused);
}

// The address of the link with the focus in a part of the page.
function focusedLink(part) {
  return part?.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
}

function focusLink(part, address) {
  if (address) [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === address)?.focus();
}

// Puts a row to its place. Rows behind those that are loaded come with their part.
function put(row) {
  const rows = document.getElementById("rows");
  const more = rows.querySelector("tr.more");
  const shown = document.getElementById(row.id);
  const isBehind = more && Number(row.dataset.place) >= Number(more.dataset.offset);
  const isMoved = "moved" in row.dataset;
  if (shown ? isMoved : isBehind) return;
  row.classList.toggle("changed", !isMoved);
  const focused = focusedLink(shown);
  const before = document.getElementById(row.dataset.after);
  if (shown && (focused || isBehind || (row.dataset.after && !before))) shown.replaceWith(row);
  else {
    shown?.remove();
    if (!row.dataset.after) rows.prepend(row);
    else if (before) before.after(row);
    else if (more) more.before(row);
    else rows.append(row);
  }
  focusLink(row, focused);
}

// A row that moved behind the loaded ones comes again with its part.
function dropRepeated() {
  const known = new Set();
  for (const row of [...document.querySelectorAll("#rows tr[id]")].reverse()) {
    if (known.has(row.id)) row.remove();
    known.add(row.id);
  }
}

function move(event) {
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const step = steps[event.key];
  const place = event.target.closest("td, th");
  if (!step || !place) return;
  let row = place.parentElement;
  let column = place.cellIndex + step[1];
  if (step[0]) row = step[0] > 0 ? row.nextElementSibling : row.previousElementSibling;
  while (row && row.cells[column]) {
    const link = row.cells[column].querySelector("a");
    if (link) {
      link.focus();
      event.preventDefault();
      return;
    }
    if (step[0]) row = step[0] > 0 ? row.nextElementSibling : row.previousElementSibling;
    else column += step[1];
  }
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    button.textContent = "selected";
  }
}

document.addEventListener("keydown", (event) => {
  const search = document.getElementById("search");
  const isPlain = !(event.ctrlKey || event.metaKey || event.altKey);
  if (event.key === "/" && isPlain && search && !["INPUT", "SELECT"].includes(event.target.tagName)) {
    search.focus();
    event.preventDefault();
  }
});
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
const board = document.getElementById("board");
if (board) {
  board.addEventListener("keydown", move);
  document.body.addEventListener("htmx:afterSwap", dropRepeated);
  if (board.dataset.live && window.EventSource) follow(board);
}
