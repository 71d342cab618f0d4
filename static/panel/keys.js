// A module: its names are its own, whatever else a page loads.

// What the keyboard can do on every page, and a list of it at "?". A key that is typed into a field is a letter.

const KEYS = [
  ["/", "Search the list that is shown"],
  ["g p", "Go to the peers"],
  ["g a", "Go to the activity"],
  ["g c", "Go to the live connections"],
  ["g h", "Go to the dashboard"],
  ["Ctrl E", "Light or dark"],
  ["?", "Show or close this list"],
];
const PLACES = { p: "/peers/peer/", a: "/activity/event/", c: "/activity/connection/", h: "/" };
const WAIT_MS = 1500; // for the second key of two

let went = 0; // when "g" was pressed

function typing(target) {
  return target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio], [type=submit]), textarea, select");
}

function made() {
  const dialog = document.createElement("dialog");
  dialog.id = "keys";
  dialog.className = "alknet-keys";
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = document.createElement("h2");
  title.id = "keys-title";
  title.textContent = "Keyboard";
  const list = document.createElement("dl");
  KEYS.forEach(([keys, words]) => {
    const term = document.createElement("dt");
    keys.split(" ").forEach((key) => {
      const one = document.createElement("kbd");
      one.textContent = key;
      term.append(one, " ");
    });
    const said = document.createElement("dd");
    said.textContent = words;
    list.append(term, said);
  });
  const close = document.createElement("button");
  close.type = "button";
  close.className = "alknet-button";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(title, list, close);
  document.body.append(dialog);
  return dialog;
}

function showKeys() {
  const dialog = document.getElementById("keys") || made();
  if (dialog.open) {
    dialog.close();
  } else {
    dialog.showModal();
  }
}

// The theme shows and hides the side bar by words that only a mouse can reach.
document.querySelectorAll("span[x-on\\:click*=sidebar].material-symbols-outlined").forEach((toggle) => {
  toggle.tabIndex = 0;
  toggle.setAttribute("role", "button");
  toggle.setAttribute("aria-label", "Show or hide the side bar");
  toggle.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toggle.click();
    }
  });
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) {
    return;
  }
  const second = Date.now() - went < WAIT_MS;
  went = 0;
  if (event.key === "?") {
    event.preventDefault();
    showKeys();
  } else if (second && PLACES[event.key] && document.querySelector(`a[href="${PLACES[event.key]}"]`)) {
    window.location.assign(PLACES[event.key]); // a page that the side bar offers
  } else if (event.key === "g") {
    went = Date.now();
  }
});
