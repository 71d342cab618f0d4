// A module: its names are its own, whatever else a page loads.

// Shows how far a backup is that is under way, and the list as it is then when it has ended. Without it, the page says
// how far it was when it was opened.

const EVERY = 1000;

function show(box, told) {
  const bar = box.querySelector("progress");
  if (told.of) {
    bar.max = told.of;
    bar.value = told.done;
    box.querySelector("[role=status]").textContent = `${told.step}: ${Math.floor((100 * told.done) / told.of)} %`;
  }
}

async function look(box) {
  const answer = await fetch(box.dataset.status, { headers: { Accept: "application/json" } });
  if (!answer.ok) {
    throw new Error(answer.status);
  }
  const told = await answer.json();
  if (!told.running) {
    window.location.reload();
    return;
  }
  show(box, told);
  again(box);
}

// A panel that does not answer may be starting again: the page goes on asking.
function again(box) {
  window.setTimeout(() => { look(box).catch(() => again(box)); }, EVERY);
}

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("backup-under-way");
  if (box) {
    again(box);
  }
});
