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

// The theme opens the filters by a link that leads nowhere, which the keyboard does not reach.
function asButton(link) {
  link.setAttribute("role", "button");
  link.tabIndex = 0;
  link.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      link.click();
    }
  });
}

// A list that is searched while one types gets another form with other rows.
function start(form) {
  form.querySelectorAll("tr.data-row td").forEach(markEmpty);
  const boxes = form.querySelectorAll("input[type=checkbox][name$=-enabled]");
  boxes.forEach((box) => {
    box.addEventListener("change", () => mark(box));
    mark(box);
  });
  form.addEventListener("submit", () => { leaving = true; });
}

function unsaved() {
  return document.querySelector(`#changelist-form .${CHANGED}`);
}

// The filters, which are not fetched again, go on with what is searched for.
function tellFilters(query) {
  document.querySelectorAll("#changelist-filter a[href^='?']").forEach((link) => {
    const kept = new URLSearchParams(link.getAttribute("href"));
    if (query) {
      kept.set("q", query);
    } else {
      kept.delete("q");
    }
    link.setAttribute("href", `?${kept}`);
  });
  document.querySelectorAll("#changelist-filter input[name=q]").forEach((field) => { field.value = query; });
}

// A filter is saved as the list stands now, which is searched while one types.
function tellSaved() {
  const form = document.querySelector("[data-saved-form]");
  if (form) {
    const query = new URLSearchParams(window.location.search);
    ["p", "e"].forEach((name) => query.delete(name));
    const narrowed = [...query.values()].some((value) => value.trim());
    form.elements.query.value = query.toString();
    form.hidden = !narrowed;
    document.querySelector("[data-saved-hint]").hidden = narrowed;
  }
}

function renew(form) {
  const rows = form.querySelectorAll("tr input.action-select");
  if (rows.length && window.Actions) {
    window.Actions(rows, { parent: form.closest(".result-list-wrapper") });
  }
  start(form);
  tellFilters(document.getElementById("searchbar").value.trim());
  tellSaved();
  const count = Number(document.getElementById("changelist-pages").dataset.found);
  document.getElementById("search-found").textContent = `${count} found`;
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("changelist-form");
  if (!form) {
    return;
  }
  start(form);
  document.querySelectorAll("#changelist a:not([href])").forEach(asButton);
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && unsaved()) {
      event.preventDefault();
    }
  });
  window.addEventListener("pageshow", () => {
    leaving = false;
    document.querySelectorAll("#changelist-form input[type=checkbox][name$=-enabled]").forEach(mark);
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.id === "changelist-search" && unsaved() && !window.confirm("Switches of this list are not saved yet. Search all the same?")) {
      event.preventDefault();
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "changelist-form") {
      renew(document.getElementById("changelist-form"));
    }
  });
});
