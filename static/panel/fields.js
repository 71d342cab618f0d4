// A module: its names are its own, whatever else a page loads.

// Fields that are checked while one types, and the comboboxes that fill them (WAI-ARIA's pattern of an editable combobox
// with a list). The server finds what is offered and says what is wrong; htmx asks it. Here are the keys, and what a
// choice does to the field. Without this, the field is a plain one, and the combobox stays hidden.

function parts(box) {
  const input = box.querySelector("[role=combobox]");
  return { input, list: box.querySelector("[role=listbox]"), about: box.querySelector("[role=status]"), field: document.getElementById(box.dataset.complete) };
}

function options(list) {
  return [...list.querySelectorAll("[role=option]")];
}

function close(box) {
  const { input, list } = parts(box);
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
  options(list).forEach((one) => one.setAttribute("aria-selected", "false"));
}

function open(box) {
  const { input, list } = parts(box);
  const shown = options(list).length > 0;
  list.hidden = !shown;
  input.setAttribute("aria-expanded", String(shown));
}

function active(list) {
  return list.querySelector("[aria-selected=true]");
}

function move(box, step) {
  const { input, list } = parts(box);
  const all = options(list);
  if (!all.length) {
    return;
  }
  open(box);
  const now = all.indexOf(active(list));
  const next = all[(now + step + (now < 0 && step < 0 ? 1 : 0) + all.length) % all.length];
  all.forEach((one) => one.setAttribute("aria-selected", String(one === next)));
  input.setAttribute("aria-activedescendant", next.id);
  next.scrollIntoView({ block: "nearest" });
}

function scopesIn(text) {
  return text.split(/[\n,]/).map((one) => one.trim()).filter(Boolean);
}

function addScopes(field, texts) {
  const held = scopesIn(field.value);
  const fresh = texts.filter((one) => !held.includes(one));
  if (fresh.length) {
    field.value = [...held, ...fresh].join("\n");
  }
  return fresh.length ? `Added ${fresh.join(", ")}.` : "It is there already.";
}

function addResource(field, text) {
  const colon = text.indexOf(":");
  const [kind, name] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon < 1 || !name) {
    return "A kind, a colon and a name, such as repo:web.";
  }
  let held;
  try {
    held = JSON.parse(field.value.trim() || "{}");
  } catch {
    return "The field below is not valid JSON: mend it first.";
  }
  if (typeof held !== "object" || held === null || Array.isArray(held) || (Object.hasOwn(held, kind) && !Array.isArray(held[kind]))) {
    return "The field is not a map of lists: mend it first.";
  }
  const names = Object.hasOwn(held, kind) ? held[kind] : [];
  if (names.includes(name)) {
    return "It is there already.";
  }
  // A kind may be called "__proto__": as an own member, and nothing else.
  Object.defineProperty(held, kind, { value: [...names, name], enumerable: true, configurable: true, writable: true });
  field.value = JSON.stringify(held, null, 2);
  return `Added ${name} of kind ${kind}.`;
}

// The beginning of a resource goes on in the combobox; all else goes into the field.
function choose(box, text) {
  const { input, about, field } = parts(box);
  if (!text) {
    return;
  }
  const resources = box.dataset.completes === "resources";
  if (resources && text.endsWith(":")) {
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    return;
  }
  box.dataset.chosen = ""; // an answer that is still under way is to what was typed before
  const before = field.value;
  const said = resources ? addResource(field, text) : addScopes(field, scopesIn(text));
  close(box);
  if (field.value !== before) {
    input.value = "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  about.textContent = said;
}

function pressed(box, event) {
  const { input, list } = parts(box);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    move(box, event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") {
    event.preventDefault(); // the form is sent by its button
    choose(box, active(list)?.dataset.text ?? input.value.trim());
  } else if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    close(box);
  } else if (event.key === "Escape") {
    input.value = "";
  } else if (event.key === "Tab") {
    close(box);
  }
}

function start(box) {
  const { input, list } = parts(box);
  box.hidden = false;
  input.addEventListener("keydown", (event) => pressed(box, event));
  input.addEventListener("input", () => { delete box.dataset.chosen; });
  input.addEventListener("blur", () => close(box));
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays where it is
  list.addEventListener("click", (event) => {
    const one = event.target.closest("[role=option]");
    if (one) {
      choose(box, one.dataset.text);
      input.focus();
    }
  });
}

// What htmx has put into the list: scopes that the field has already go, the options get their ids, and the sentence
// goes to its place.
function answered(list) {
  const box = list.closest("[data-complete]");
  const { input, about, field } = parts(box);
  if ("chosen" in box.dataset) {
    list.replaceChildren();
    return;
  }
  if (box.dataset.completes === "scopes") {
    const held = scopesIn(field.value);
    options(list).filter((one) => scopesIn(one.dataset.text).every((text) => held.includes(text))).forEach((one) => one.remove());
  }
  const told = list.querySelector("template[data-about]");
  options(list).forEach((one, n) => { one.id = `${list.id}_${n}`; });
  input.removeAttribute("aria-activedescendant");
  about.textContent = told ? told.content.textContent : "";
  told?.remove();
  if (document.activeElement === input) {
    open(box);
  }
}

function said(region) {
  const wrong = region.querySelector(".alknet-says-wrong") !== null;
  region.closest(".alknet-checked").querySelectorAll("input, textarea").forEach((field) => {
    field.setAttribute("aria-invalid", String(wrong));
  });
  region.dispatchEvent(new Event("alknet:replaced", { bubbles: true })); // keys get their buttons to copy
}

document.querySelectorAll("[data-complete]").forEach(start);
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.matches(".alknet-options")) {
    answered(event.target);
  } else if (event.target.matches(".alknet-says")) {
    said(event.target);
  }
});

// A field that is judged is no reason to leave the page: whoever is signed out would lose what was filled in.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.target.closest(".alknet-checked, .alknet-complete") && event.detail.xhr.getResponseHeader("HX-Redirect")) {
    event.preventDefault();
  }
});
