// A module: its names are its own, whatever else a page loads.

// Long work is done in steps, each the answer to a form. This sends the forms one after another, and shows each answer
// in place, so that the browser's history holds one page of them. Without it, the button does a step.

async function goOn(box) {
  const form = box.querySelector("form");
  const sent = { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" };
  const answer = await fetch(form.action, sent);
  if (answer.type === "opaqueredirect") {
    window.location.replace(box.dataset.then);
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = document.adoptNode(page.getElementById("go-on"));
  box.replaceWith(next);
  start(next);
}

function start(box) {
  const form = box.querySelector("form");
  if (!("going" in box.dataset)) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.querySelectorAll("button").forEach((button) => { button.disabled = true; });
      step(box);
    });
    return;
  }
  step(box);
}

// Whatever goes wrong, the page stays as it is with its button, which then sends the form in the plain way.
function step(box) {
  goOn(box).catch(() => {
    const form = box.querySelector("form");
    form.querySelectorAll("button").forEach((button) => { button.disabled = false; });
    form.replaceWith(form.cloneNode(true));
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("go-on");
  if (box) {
    start(box);
  }
});
