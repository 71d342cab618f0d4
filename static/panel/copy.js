// A module: its names are its own, whatever else a page loads.

// Puts a Copy button beside every text that people carry elsewhere: whatever has data-copy, and the spellings of keys.

const PRAISE_MS = 2000;

// A page of plain HTTP from another machine has no clipboard; there the old command still copies a selection.
function copyBySelection(element) {
  const selection = window.getSelection();
  selection.selectAllChildren(element);
  const done = document.execCommand("copy");
  if (done) {
    selection.removeAllRanges();
  }
  return done ? Promise.resolve() : Promise.reject(new Error("not copied"));
}

function copy(element) {
  return navigator.clipboard ? navigator.clipboard.writeText(element.textContent.trim()) : copyBySelection(element);
}

function say(button, words) {
  button.textContent = words;
  window.setTimeout(() => { button.textContent = "Copy"; }, PRAISE_MS);
}

function addButton(element) {
  const shown = document.createElement("span");
  shown.append(...element.childNodes);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "alknet-copy";
  button.textContent = "Copy";
  button.title = `Copy the ${element.dataset.copy || "text"}`;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", () => {
    copy(shown).then(() => say(button, "Copied"), () => say(button, "Not copied"));
  });
  element.classList.add("alknet-copied");
  element.append(shown, button);
}

function addButtons(element) {
  const bare = [...element.querySelectorAll("[data-copy], .alknet-key dd")];
  bare.filter((one) => !one.classList.contains("alknet-copied")).forEach(addButton);
}

document.addEventListener("DOMContentLoaded", () => addButtons(document));
document.addEventListener("alknet:replaced", (event) => addButtons(event.target));
