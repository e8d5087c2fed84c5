/** Tells the person that a session needs them: to those who hear the page, as a notification, by a sound. */

import { briefly } from "./card.js";
import { say } from "./dom.js";
import { line, toolInput } from "./format.js";
import { options } from "./options.js";
import { router } from "./router.js";
import { store } from "./store.js";

/** ms in which the call that a session waits for is told, if it was not at once. */
const LATER = 300;

/** Session id to what it was told to wait for: the `since` of its state. */
const waiting = new Map();
const notifications = new Map();
let isFirst = true;

/**
 * Watch for sessions that come to need somebody.
 * @param {Element} spoken what is read out, politely, when something new is in it.
 */
export function watchCalls(spoken) {
  store.subscribe((changes) => {
    const fresh = look(changes.sessions);
    if (store.connection.status !== "connecting") isFirst = false;
    if (fresh.length === 0) return;
    say(spoken, fresh.map(briefly).join("; "));
    const unseen = fresh.filter((session) => !isInView(session.sessionId));
    if (unseen.length === 0) return;
    if (options.get("notify")) unseen.forEach(({ sessionId, tool }) => setTimeout(notify, tool ? 0 : LATER, sessionId));
    if (options.get("sound")) chime();
  });
}

/** How many sessions wait for the person. */
export const waitingNow = () => waiting.size;

/** Return which of these sessions wait since the last look. Those that waited when the page came are no news. */
function look(ids) {
  const fresh = [];
  for (const id of ids) {
    const session = store.sessions.get(id);
    if (session?.state === "requires_action") {
      if (!isFirst && waiting.get(id) !== session.since) fresh.push(session);
      waiting.set(id, session.since);
    } else if (waiting.delete(id)) {
      notifications.get(id)?.close();
      notifications.delete(id);
    }
  }
  return fresh;
}

/** Whether the person has a session before their eyes. */
function isInView(id) {
  if (document.hidden || !document.hasFocus()) return false;
  if (router.route.view === "session") return router.route.id === id;
  const card = document.querySelector(`[data-session="${CSS.escape(id)}"]`);
  if (card === null) return false;
  const { top, bottom } = card.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

function notify(id) {
  const session = store.sessions.get(id);
  if (session?.state !== "requires_action" || !canNotify()) return;
  const { tool } = session;
  const body = options.get("hide") || !tool ? "" : `${line(tool.name, 60)}: ${line(toolInput(tool.inputSummary), 160)}`;
  const shown = new Notification(briefly(session), { body, tag: `claw-socket-${id}`, silent: options.get("sound") });
  shown.onclick = () => {
    focus();
    router.go("session", id);
    shown.close();
  };
  notifications.set(id, shown);
}

/** Whether the browser lets this page notify. */
export const canNotify = () => "Notification" in self && Notification.permission === "granted";

/** Ask the browser for leave to notify; resolves to whether there is. */
export async function mayNotify() {
  return "Notification" in self && (await Notification.requestPermission()) === "granted";
}

let audio = null;
let newest = null;

/** Two soft tones. A browser plays nothing in a page that nobody has touched yet, and then all of it at once: the newest is enough. */
export async function chime() {
  audio ??= new AudioContext();
  const mine = (newest = {});
  await audio.resume();
  if (mine !== newest) return;
  for (const [index, pitch] of [659, 880].entries()) {
    const at = audio.currentTime + index * 0.16;
    const tone = new OscillatorNode(audio, { frequency: pitch });
    const volume = new GainNode(audio, { gain: 0 });
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.3);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.32);
  }
}
