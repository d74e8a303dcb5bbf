// The page works without this script. It adds live rows, copies of commands and the arrow keys.
"use strict";

function follow(board) {
  const source = new EventSource(board.dataset.live);
  const alarm = document.getElementById("live-problem");
  source.addEventListener("problem", (event) => { alarm.textContent = event.data; });
  source.addEventListener("error", () => { alarm.textContent = "The page does not follow changes: the server is away."; });
  source.addEventListener("open", () => { alarm.textContent = ""; });
  source.addEventListener("rows", (event) => {
    alarm.textContent = "";
    const fresh = new DOMParser().parseFromString(event.data, "text/html");
    for (const part of fresh.querySelectorAll("#summary, tr[id]")) {
      const shown = document.getElementById(part.id);
      part.classList.toggle("changed", part.tagName === "TR");
      if (!shown) {
        // A new pipeline comes last. Its place may also be behind the rows that are loaded.
        if (part.tagName === "TR" && !document.querySelector("tr.more")) document.getElementById("rows").append(part);
        document.getElementById("empty")?.remove();
        continue;
      }
      const focused = shown.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      shown.replaceWith(part);
      if (focused) [...part.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus();
    }
  });
  // A closed source raises no error, so that a page that is left shows none.
  window.addEventListener("pagehide", () => source.close());
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
  if (event.key === "/" && search && !["INPUT", "SELECT"].includes(event.target.tagName)) {
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
  if (board.dataset.live && window.EventSource) follow(board);
}
