// A module: its names are its own, whatever else a page loads.

// What the page marks with `autofocus`, a field or a region that says something, has the focus. The browser's own way
// fails by chance: the theme shows nothing of the page (`x-cloak`) until its scripts have started, and what is not shown
// when the first frame is drawn is passed over for good. Modules run after them. Without scripts all is shown at once.

document.querySelector("[autofocus]")?.focus();
