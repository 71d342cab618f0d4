// A module: its names are its own, whatever else a page loads.

// Keeps a page current. A socket tells that something happened; what happened is fetched, as the page itself was. Without
// the socket the same is done by the clock. A page says where it gets what:
//   [data-live]  an address whose [data-part] elements tell what the page's own of the same name are to show, fetched
//                also each [data-live-every] milliseconds
//   [data-tail]  a table whose newest rows come from that address, and are put on top

const SOCKET = "/live/activity/";
const CLOCK_MS = 2000; // without a socket
const SLOW_CLOCK_MS = 15000; // with one: the page's own safety net
const LEAST_REST_MS = 50; // between two fetches of the same address; else as long as the last one took
const RETRY_MS = [1000, 30000]; // first and longest wait for the next try of the socket
const MAX_ROWS = 200;
const MOST_MARKED = 20; // more rows at once are not marked as new: painting all of them would delay the next
const NEWS_MS = 4000; // between two announcements
const HIDDEN_MS = 30000; // after which a page that nobody looks at leaves its socket to others
const RELOAD_MS = 60000; // between two times that a page loads itself anew to have its user sign in
const RELOADED = "alknet-reloaded";

let socket = null;
let retry = RETRY_MS[0];
let ended = ""; // why this page shows nothing new any more
let paused = false;
let leaving = null; // the time at which a hidden page leaves its socket
const sources = [];

function say(words) {
  document.querySelectorAll("[data-live-state]").forEach((element) => {
    if (element.textContent !== words) {
      element.textContent = words;
    }
  });
}

function showState() {
  if (ended) {
    say(ended);
  } else if (sources.some((source) => source.failed)) {
    say("The panel does not answer. Trying again.");
  } else if (paused) {
    say("Paused");
  } else if (socket && socket.readyState === WebSocket.OPEN) {
    say("Live");
  } else {
    say(`Looking every ${CLOCK_MS / 1000} seconds`);
  }
}

// Why this page shows nothing new any more: where there is no line for it, above everything else.
function end(words) {
  ended = words;
  if (!document.querySelector("[data-live-state]")) {
    const notice = document.createElement("p");
    notice.className = "alknet-warning alknet-section";
    notice.dataset.liveState = "";
    notice.setAttribute("role", "alert");
    (document.getElementById("content") || document.getElementById("main") || document.body).prepend(notice);
  }
  showState();
}

// Whoever is signed out is led to sign in, and back here: loaded anew, the page does so. Not where something was filled in
// and would be lost; and not again and again, should a proxy lead away from what the page fetches alone.
function signIn() {
  const last = Number(window.sessionStorage.getItem(RELOADED) || 0);
  const filledIn = [...document.querySelectorAll("form[method=post] :is(input, textarea)")].some((field) =>
    ["checkbox", "radio"].includes(field.type)
      ? field.checked !== field.defaultChecked
      : field.type !== "hidden" && field.value !== field.defaultValue);
  end("You are signed out. Load the page again to sign in.");
  if (!filledIn && Date.now() - last > RELOAD_MS) {
    window.sessionStorage.setItem(RELOADED, String(Date.now()));
    window.location.reload();
  }
}

// What one address gives: one fetch at a time, and one more when something came meanwhile. Between two it rests as long
// as the last one took, so that a page has the panel work half of the time at most, and less where many pages are open;
// a page that is behind rests less, for as long as it takes to fetch what a page may be behind.
class Source {
  constructor(kinds) {
    this.kinds = kinds;
    this.busy = false;
    this.wanted = false;
    this.failed = false;
    this.took = 0; // milliseconds until the last answer was there
    this.behind = false; // whether it said that there is more already
  }

  concerns(kinds) {
    return this.kinds.length === 0 || kinds.some((kind) => this.kinds.includes(kind));
  }

  async look() {
    this.wanted = true;
    if (this.busy) {
      return;
    }
    this.busy = true;
    while (this.wanted && !ended && !this.waits()) {
      this.wanted = false;
      await this.fetchOnce();
      await new Promise((resolve) => { window.setTimeout(resolve, this.behind ? LEAST_REST_MS : Math.max(LEAST_REST_MS, this.took)); });
    }
    this.busy = false;
  }

  waits() {
    return document.hidden;
  }

  async fetchOnce() {
    const began = performance.now();
    try {
      const answer = await fetch(this.address(), { redirect: "manual", headers: { "X-Requested-With": "fetch" } });
      const text = await answer.text();
      this.took = performance.now() - began;
      if (answer.type === "opaqueredirect") {
        signIn();
      } else if (answer.status === 403) {
        end("You may not see this any more.");
      } else if (answer.ok) {
        if (this.failed) {
          connect(); // the panel is back: not only at the next try
        }
        this.show(new DOMParser().parseFromString(this.wrap(text), "text/html"));
      }
      this.failed = !answer.ok && !ended;
    } catch (error) {
      this.failed = true;
    }
    showState();
  }

  wrap(text) {
    return text;
  }
}

class Parts extends Source {
  constructor(element) {
    super((element.dataset.liveKinds || "").split(" ").filter(Boolean));
    this.element = element;
    this.every = Number(element.dataset.liveEvery || 0); // milliseconds: what no event tells, such as a count of bytes
  }

  address() {
    return this.element.dataset.live;
  }

  // A part within another comes and goes with that one.
  show(found) {
    const given = [...found.querySelectorAll("[data-part]")];
    given.filter((part) => !part.parentElement.closest("[data-part]")).forEach((part) => {
      const known = parts.get(part.dataset.part);
      const text = part.innerHTML;
      if (known && known.text !== text) {
        known.text = text;
        replaceIn(known.element, part);
      }
    });
  }
}

// What the panel has sent of each part, before other scripts of the page add to it.
const parts = new Map([...document.querySelectorAll("[data-part]")].map((element) => [
  element.dataset.part, { element, text: element.innerHTML },
]));

// What a node is known by among its brothers: rows have names, and of the others like follows like.
function nameOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? `${node.tagName} ${node.dataset.row || ""}` : String(node.nodeType);
}

// Brings what is shown to what was given, and leaves alone what is the same: so a button that is being pressed is pressed,
// a selection stays, and a reader of screens keeps its place.
function renewChildren(old, given) {
  const known = new Map();
  [...old.childNodes].forEach((node) => known.set(nameOf(node), [...(known.get(nameOf(node)) || []), node]));
  const wanted = [...given.childNodes].map((node) => {
    const same = (known.get(nameOf(node)) || []).shift();
    return same ? renewed(same, node) : node;
  });
  const kept = new Set(wanted);
  [...old.childNodes].filter((node) => !kept.has(node)).forEach((node) => node.remove());
  wanted.forEach((node, place) => {
    if (old.childNodes[place] !== node) {
      old.insertBefore(node, old.childNodes[place] || null);
    }
  });
}

// The old one as it should be, or the new one in its place.
function renewed(old, given) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== given.data) {
      old.data = given.data;
    }
    return old;
  }
  if (old.classList.contains("alknet-copied")) { // a script has put a button into it
    return old.firstElementChild.textContent === given.textContent ? old : given;
  }
  if (!old.isEqualNode(given)) {
    const isOurs = (name) => name === "open" && old.tagName === "DETAILS"; // what somebody has opened stays open
    [...old.attributes].filter(({ name }) => !given.hasAttribute(name) && !isOurs(name))
      .forEach(({ name }) => old.removeAttribute(name));
    [...given.attributes].filter(({ name, value }) => old.getAttribute(name) !== value)
      .forEach(({ name, value }) => old.setAttribute(name, value));
    renewChildren(old, given);
  }
  return old;
}

// The keyboard stays where it is, on what has the same data-key.
function replaceIn(old, part) {
  const active = document.activeElement;
  const key = old.contains(active) ? active.dataset.key : null;
  renewChildren(old, part);
  old.dispatchEvent(new CustomEvent("alknet:replaced", { bubbles: true }));
  if (key && !old.contains(document.activeElement)) {
    const again = [...old.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key);
    (again || old.querySelector("button, a") || document.body).focus();
  }
}

class Tail extends Source {
  constructor(table) {
    super([]);
    this.table = table;
    this.body = table.tBodies[0];
    this.newest = table.dataset.newest;
    this.news = 0;
  }

  waits() {
    return paused || super.waits();
  }

  address() {
    const address = new URL(this.table.dataset.tail, window.location.href);
    address.searchParams.set("after", this.newest);
    return address;
  }

  wrap(text) {
    return `<table>${text}</table>`;
  }

  show(found) {
    const body = found.querySelector("tbody");
    if (!body || paused) {
      return;
    }
    this.newest = body.dataset.newest;
    this.behind = "more" in body.dataset;
    this.wanted ||= this.behind;
    const known = new Set([...this.body.rows].map((row) => row.dataset.id));
    const given = [...body.rows].map((row) => document.adoptNode(row));
    const rows = given.filter((row) => !known.has(row.dataset.id));
    if ("whole" in body.dataset) {
      this.body.replaceChildren(...given);
    } else {
      this.body.prepend(...rows);
    }
    if (rows.length <= MOST_MARKED) {
      rows.forEach((row) => row.classList.add("alknet-new"));
    }
    while (this.body.rows.length > MAX_ROWS) {
      this.body.rows[MAX_ROWS].remove();
    }
    this.tell(rows.length);
  }

  // One sentence now and then: a reader of screens that is read every row could read nothing else.
  tell(count) {
    const empty = document.querySelector("[data-empty]");
    if (empty) {
      empty.hidden = this.body.rows.length > 0;
    }
    this.news += count;
    if (this.news && !this.telling) {
      this.telling = window.setTimeout(() => {
        const element = document.querySelector("[data-live-news]");
        element.textContent = `${this.news} new event${this.news === 1 ? "" : "s"}`;
        this.news = 0;
        this.telling = null;
      }, NEWS_MS);
    }
  }
}

function connect() {
  if (ended || document.hidden || socket) {
    return;
  }
  const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
  try {
    socket = new WebSocket(`${scheme}//${window.location.host}${SOCKET}`);
  } catch (error) {
    return; // the browser lets none through: the clock does it
  }
  socket.addEventListener("open", () => {
    retry = RETRY_MS[0];
    showState();
    lookAll();
  });
  socket.addEventListener("message", (event) => {
    const told = JSON.parse(event.data);
    sources.filter((source) => source.concerns(told.kinds)).forEach((source) => source.look());
  });
  socket.addEventListener("close", () => {
    socket = null;
    showState();
    lookAll(); // whether the session has ended, too
    window.setTimeout(connect, retry * (0.5 + Math.random() / 2));
    retry = Math.min(2 * retry, RETRY_MS[1]);
  });
}

function lookAll() {
  sources.forEach((source) => source.look());
}

function tick() {
  if (!document.hidden) {
    lookAll();
  }
  const open = socket && socket.readyState === WebSocket.OPEN;
  window.setTimeout(tick, open ? SLOW_CLOCK_MS : CLOCK_MS);
}

function offerPause() {
  const button = document.querySelector("[data-live-pause]");
  if (!button) {
    return;
  }
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Go on" : "Pause";
    showState();
    lookAll();
  });
}

// Rows that a search has put in place are kept current from then on, and those that are gone no longer.
document.addEventListener("htmx:afterSettle", () => {
  const gone = sources.filter((source) => source instanceof Parts && !source.element.isConnected);
  if (gone.length === 0) {
    return;
  }
  gone.forEach((source) => sources.splice(sources.indexOf(source), 1));
  parts.clear();
  document.querySelectorAll("[data-part]").forEach((element) => {
    parts.set(element.dataset.part, { element, text: element.innerHTML });
  });
  const known = new Set(sources.map((source) => source.element));
  document.querySelectorAll("[data-live]").forEach((element) => {
    if (!known.has(element)) {
      sources.push(new Parts(element));
    }
  });
});

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-live]").forEach((element) => sources.push(new Parts(element)));
  document.querySelectorAll("[data-tail]").forEach((table) => sources.push(new Tail(table)));
  if (sources.length === 0) {
    return;
  }
  offerPause();
  connect();
  window.setTimeout(tick, CLOCK_MS);
  sources.filter((source) => source.every).forEach((source) => {
    window.setInterval(() => source.look(), source.every);
  });
  document.addEventListener("visibilitychange", () => {
    window.clearTimeout(leaving);
    if (document.hidden) {
      leaving = window.setTimeout(() => socket && socket.close(), HIDDEN_MS);
    } else {
      connect();
      lookAll();
    }
  });
});
