// Try it: what happens now, told by the server of this page. The token is kept in its field alone.

import { connect, TokenRefusedError } from "/claw-socket.js";
import { about, json, visible } from "./show.js";

const KEPT = 300; // events, in the list and while it is paused

const form = document.getElementById("connect");
const secret = document.getElementById("secret");
const go = document.getElementById("go");
const status = document.getElementById("connection");
const filter = document.getElementById("filter");
const pause = document.getElementById("pause");
const count = document.getElementById("count");
const list = document.getElementById("stream");

// The connection

let session = null; // while connected or about to be: `stop`, its end, and later `claw` and `stream`

async function open() {
  const stop = new AbortController();
  const mine = (session = { stop });
  go.textContent = "Disconnect";
  tell("Connecting…");
  try {
    const claw = await connect({ token: secret.value.trim() || undefined, signal: stop.signal });
    stop.signal.addEventListener("abort", () => claw.close());
    if (stop.signal.aborted) return void claw.close();
    mine.claw = claw;
    await follow(mine);
  } catch (error) {
    failed(mine, error);
  }
}

/** Show the events of the topics that are chosen now, from now on, in place of those that were. */
async function follow(mine) {
  const topics = new FormData(form).getAll("topic");
  const before = mine.stream;
  const stream = (mine.stream = topics.length ? mine.claw.events(topics, { batch: 50, notice }) : null);
  before?.close();
  if (!stream) return tell("Connected. Choose a topic.", "good");
  tell("Connecting…");
  await stream.open();
  if (mine.stream === stream && !stream.closed) tell("Connected.", "good");
  for await (const event of stream) take(event);
}

function notice(told) {
  if (told.type === "lost") tell("The connection was lost; trying again.", "bad");
  else if (told.type === "back") tell("Connected.", "good");
  else take({ timestamp: Date.now(), sessionId: "", ...told, data: { reason: told.reason } });
}

function failed(mine, error) {
  if (session !== mine) return; // it was ended meanwhile
  close();
  const refused = secret.value.trim() ? "This is not the token of this server." : "This server wants its token.";
  tell(error instanceof TokenRefusedError ? `${refused} It is in ~/.claw-socket/token.` : error.message, "bad");
}

function close() {
  session?.stop.abort();
  session = null;
  go.textContent = "Connect";
  tell("Not connected.");
}

function tell(text, kind = "") {
  status.textContent = text;
  status.className = kind;
}

// What is shown: rows, the newest first, and what waits for the next frame or the end of a pause, the oldest first

let rows = [];
let waiting = [];
let seen = 0;
let frame = 0;

function take(event) {
  const text = json(event);
  waiting.push({ event: summary(event), text, words: text.toLowerCase() });
  if (waiting.length > KEPT) waiting.shift();
  seen += 1;
  frame ||= requestAnimationFrame(draw);
}

/** Keep of an event what its row shows; the event itself may be large. */
function summary({ type, timestamp, sessionId, ...rest }) {
  const time = new Date(timestamp).toLocaleTimeString([], { hour12: false });
  return [make("time", time), make("code", visible(String(type).slice(0, 100))),
    make("span", visible(String(sessionId).slice(0, 8))), make("span", about(rest), "about")];
}

function draw() {
  frame = 0;
  if (!isPaused()) {
    const fresh = waiting.reverse().map(row);
    waiting = [];
    list.prepend(...fresh.map(({ element }) => element));
    rows = [...fresh, ...rows];
    for (const { element } of rows.splice(KEPT)) element.remove();
  }
  const shown = rows.filter(({ element }) => !element.hidden).length;
  const told = [`${shown} shown of ${seen}`, ...(isPaused() ? [`${waiting.length} wait`] : [])].join("; ");
  count.textContent = seen ? `${told}.` : "Nothing yet.";
}

function row({ event, text, words }) {
  const element = document.createElement("li");
  const details = element.appendChild(document.createElement("details"));
  details.appendChild(document.createElement("summary")).append(...event);
  details.addEventListener("toggle", () => details.append(make("pre", text)), { once: true });
  element.hidden = !isWanted(words);
  return { element, words };
}

function make(tag, text, kind) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

function isWanted(words) {
  return words.includes(filter.value.toLowerCase());
}

function isPaused() {
  return pause.getAttribute("aria-pressed") === "true";
}

// What one does

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (session) close();
  else open();
});

form.addEventListener("change", ({ target }) => {
  const mine = session;
  if (target.name === "topic" && mine?.claw) follow(mine).catch((error) => failed(mine, error));
});

filter.addEventListener("input", () => {
  for (const { element, words } of rows) element.hidden = !isWanted(words);
  draw();
});

pause.addEventListener("click", () => {
  pause.setAttribute("aria-pressed", String(!isPaused()));
  draw();
});

document.getElementById("clear").addEventListener("click", () => {
  list.replaceChildren();
  rows = [];
  waiting = [];
  seen = 0;
  draw();
});

document.getElementById("without").hidden = true;
document.getElementById("live").hidden = false;
