/**
 * How this page is let in. A one-time code (of `claw-socket open`) or the token is traded for a cookie that no script can
 * read, and for a key that only pages of this very address can: a cookie goes to every port of its host, and the key
 * makes it worthless there. A WebSocket needs both.
 */

const CODES = { "code used": "used", "code expired": "expired" };
/** Under which name the key is kept, for all pages of this address. */
export const KEY = "claw-socket-key";
/** ms for the server to answer. */
const PATIENCE = 10_000;

/** The page may not come in; `reason` is `none`, `used`, `expired`, `token`, `gone` or `foreign`. */
export class Refused extends Error {
  constructor(reason) {
    super(`refused: ${reason}`);
    this.reason = reason;
  }
}

/** Take a one-time code out of the address, where nobody shall find it; null if there is none. */
export function takeCode() {
  const found = /^#code=([0-9a-f]+)$/.exec(location.hash);
  if (found === null) return null;
  history.replaceState(null, "", location.pathname);
  return found[1];
}

/**
 * Come in, and return the URL of the WebSocket.
 * @param {object} by `code` or `token`; without either, as this browser came in before.
 * @throws {Refused} the server does not let this page in.
 * @throws {Error} there is no server, it does not answer, or it can't say whether: it is at its limit, or another answers for it.
 */
export async function enter({ code, token } = {}) {
  const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const body = JSON.stringify(code ? { code } : token ? {} : { key: read() ?? "" });
  const signal = AbortSignal.timeout(PATIENCE);
  const answer = await fetch("/session", { method: "POST", headers, body, credentials: "same-origin", signal });
  if (answer.status === 403) throw new Refused("foreign");
  if (answer.status === 401) throw new Refused(token ? "token" : code ? CODES[(await answer.json()).error] : "gone");
  if (!answer.ok) throw new Error(`answered with ${answer.status}`);
  const { key } = await answer.json();
  if (key === null) throw new Refused("none");
  keep(key);
  return address(key);
}

/** Leave: without the key the cookie opens nothing. */
export function leave() {
  keep(null);
}

function address(key) {
  const url = new URL("/", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams({ page: key }).toString();
  return url.href;
}

let inMemory = null;

function read() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return inMemory;
  }
}

function keep(key) {
  inMemory = key;
  try {
    if (key === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, key);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}
