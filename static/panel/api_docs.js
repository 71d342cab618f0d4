// A module: its names are its own, whatever else a page loads.

// The page of the REST API: Swagger UI over our own schema, in the panel's light or dark, with its CSRF token.

const dark = window.matchMedia("(prefers-color-scheme: dark)");

// The panel keeps what a person chose there; else the browser's wish counts.
function wantsDark() {
  const chosen = window.localStorage.getItem("adminTheme") || "";
  return chosen.includes("dark") || (!chosen.includes("light") && dark.matches);
}

function paint() {
  document.documentElement.classList.toggle("dark-mode", wantsDark());
}

const { schema, csrf } = document.body.dataset;
paint();
dark.addEventListener("change", paint);
window.SwaggerUIBundle({
  url: schema,
  dom_id: "#api-docs",
  deepLinking: true,
  docExpansion: "list",
  layout: "BaseLayout",
  showExtensions: true,
  tryItOutEnabled: false,
  validatorUrl: null,
  requestInterceptor(request) {
    // Of a session the server asks for it; to another host nothing of ours goes.
    if (new URL(request.url, window.location.href).origin === window.location.origin) {
      request.headers["X-CSRFToken"] = csrf;
    }
    return request;
  },
});
