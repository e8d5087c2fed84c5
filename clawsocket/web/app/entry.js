/**
 * Coming in, and staying so. It begins before the rest of the page is there, which need not wait for it: this module has
 * a script element of its own.
 */

import { NoServerError } from "/claw-socket.js";
import { enter, KEY, leave, Refused, takeCode } from "./login.js";
import { router } from "./router.js";
import { store } from "./store.js";

/** ms until a service that was not there is tried again. */
const AGAIN = 1000;

const listeners = new Set();

export const entry = {
  /** Whether the page was let in; null until that is known. */
  isIn: null,
  /** Why it was not: see Refused. */
  reason: null,
  /** Call a function whenever the page was let in, or was not; returns what ends that. */
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Come in with a token. */
  comeIn: (token) => come({ token }),
};

/** Calls of come() so far: only what the newest one is told counts. */
let calls = 0;
let timer = 0;

/** Come in as login's enter() does, as often as it takes, and connect. */
async function come(by) {
  clearTimeout(timer);
  const call = ++calls;
  let url;
  try {
    url = await enterOrStay(by);
  } catch (error) {
    if (call !== calls) return;
    if (error instanceof Refused) refused(error);
    else again(by);
    return;
  }
  if (call !== calls) return;
  store.start({ url: after(url), asks: router.route.view === "session", onEnded: again });
  settle(true, null);
}

/** An old link takes nothing from a browser that was let in before. */
async function enterOrStay(by) {
  try {
    return await enter(by);
  } catch (error) {
    if (error.reason !== "expired") throw error;
    return enter().catch((other) => Promise.reject(other instanceof Refused ? error : other));
  }
}

function again(by) {
  clearTimeout(timer);
  timer = setTimeout(come, AGAIN, by);
}

/**
 * Return what tells each connection its address: the first one's is known. Each later one asks whether the page may still
 * come in, as the token may have been replaced: a WebSocket does not say, and its error shows the key in the console. Those
 * that ask at the same time ask once.
 */
function after(first) {
  let asked = null;
  return async () => {
    const url = first;
    first = null;
    if (url !== null) return url;
    try {
      return await (asked ??= enter().finally(() => (asked = null)));
    } catch (error) {
      if (!(error instanceof Refused)) throw new NoServerError(location.host, "no connection");
      if (entry.isIn) refused(error);
      throw error;
    }
  };
}

function refused({ reason }) {
  store.stop();
  if (reason !== "gone") leave(); // a key that is good for nothing has the other pages of this browser be told so, too
  settle(false, reason);
}

function settle(isIn, reason) {
  entry.isIn = isIn;
  entry.reason = reason;
  for (const listener of listeners) listener();
}

/** Come in with the code in the address, if there is one; returns whether there is. */
function comeByCode() {
  const code = takeCode();
  if (code !== null) come({ code });
  return code !== null;
}

// A link that is put into the address of a page that is there changes its hash alone.
addEventListener("hashchange", comeByCode);
// Another page of this browser signed out, or came in: so does this one. One that lost its connection asks anyway.
addEventListener("storage", ({ key, newValue }) => {
  if (key !== KEY) return;
  if (newValue !== null && entry.isIn === false) come();
  else if (newValue === null && entry.isIn && store.connection.status === "live") refused(new Refused("none"));
});
if (!comeByCode()) come();
