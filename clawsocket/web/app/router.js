/** What is shown is in the address, so that a view can be linked: `#/session/ID?agent=a1`. */

export const VIEWS = ["now", "session", "usage", "events", "service"];

/** A place: the view, what it is about (a session's id, or null), and its parameters. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  const id = decode(rest.join("/")) || null;
  const isPlace = VIEWS.includes(view) && !(view === "session" && id === null);
  return { view: isPlace ? view : "now", id, params: new URLSearchParams(query) };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place, for a link. */
export function href(view, id = null, params = {}) {
  const given = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  return `#/${view}${id === null ? "" : `/${encodeURIComponent(id)}`}${query ? `?${query}` : ""}`;
}

const listeners = new Set();

export const router = {
  route: parse(location.hash),
  /** Call a function with the route, whenever it changes; returns what ends that. */
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Go to another place; Back leads here. */
  go(view, id = null, params = {}) {
    location.hash = href(view, id, params);
  },
  /** Change parameters of this place, without a step in the history; null takes one out. */
  set(params) {
    const { view, id, params: before } = router.route;
    history.replaceState(history.state, "", href(view, id, { ...Object.fromEntries(before), ...params }));
    changed();
  },
};

function changed() {
  router.route = parse(location.hash);
  for (const listener of listeners) listener(router.route);
}

addEventListener("hashchange", changed);
