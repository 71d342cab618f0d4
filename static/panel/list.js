// A module: its names are its own, whatever else a page loads.

// A list saves its switches together. Until then a flipped one says so in its own row, with a button beside it, and
// leaving the page asks first: a revocation that only looks done is worse than none.

const CHANGED = "alknet-unsaved";
let leaving = false;

function note() {
  const words = document.createElement("span");
  words.textContent = "Not saved yet";
  words.setAttribute("role", "status");
  const save = document.createElement("button");
  save.type = "submit";
  save.name = "_save";
  save.textContent = "Save now";
  const box = document.createElement("span");
  box.className = "alknet-unsaved-note";
  box.append(words, save);
  return box;
}

function mark(box) {
  const row = box.closest("tr");
  const changed = box.checked !== box.defaultChecked;
  row.classList.toggle(CHANGED, changed);
  const shown = row.querySelector(".alknet-unsaved-note");
  if (changed && !shown) {
    box.closest("td").append(note());
  } else if (!changed && shown) {
    shown.remove();
  }
}

// As cards, on a narrow screen, rows leave out what is empty.
function markEmpty(cell) {
  cell.classList.toggle("alknet-empty", cell.textContent.trim() === "-" && !cell.querySelector("input"));
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("changelist-form");
  if (!form) {
    return;
  }
  form.querySelectorAll("tr.data-row td").forEach(markEmpty);
  const boxes = form.querySelectorAll("input[type=checkbox][name$=-enabled]");
  boxes.forEach((box) => {
    box.addEventListener("change", () => mark(box));
    mark(box);
  });
  form.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && form.querySelector(`.${CHANGED}`)) {
      event.preventDefault();
    }
  });
  window.addEventListener("pageshow", () => {
    leaving = false;
    boxes.forEach(mark);
  });
});
