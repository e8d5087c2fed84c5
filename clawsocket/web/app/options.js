/** What the person who looks has chosen, kept in this browser. */

const DEFAULTS = { theme: "auto", hide: false, notify: false, sound: false };
const KEY = "claw-socket-options";
const listeners = new Set();
const values = { ...DEFAULTS, ...stored() };

function stored() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

export const options = {
  /** The theme (`auto`, `light`, `dark`), `hide` contents, `notify`, `sound`. */
  get: (name) => values[name],
  set(name, value) {
    values[name] = value;
    try {
      localStorage.setItem(KEY, JSON.stringify(values));
    } catch {
      // A browser that keeps nothing forgets it with the page.
    }
    apply();
    for (const listener of listeners) listener(name);
  },
  /** Call a function with the name of each option that changes; returns what ends that. */
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** Bring the page in line: theme.css looks at these. */
function apply() {
  document.documentElement.dataset.theme = values.theme;
  document.documentElement.classList.toggle("hide-contents", values.hide);
}

addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  Object.assign(values, DEFAULTS, stored());
  apply();
  for (const listener of listeners) listener(null);
});
apply();
