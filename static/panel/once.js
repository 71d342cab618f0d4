// A module: its names are its own, whatever else a page loads.

// A form that is sent once: while the panel works on it, a second press does nothing, and the page says that it works.

document.querySelectorAll("form[data-once]").forEach((form) => {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.querySelectorAll("[data-once-says]").forEach((words) => { words.hidden = false; });
  });
  window.addEventListener("pageshow", () => { delete form.dataset.sent; });
});
