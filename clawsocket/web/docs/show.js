// Events as text. What is in them was written by anyone: it is cut to what a page can hold, and shows what is invisible in it.

const LONGEST = 2000;
const MOST = 100;
const DEEPEST = 20;
const WHOLE = 20_000;

// Controls, marks that turn the direction of text, what has no width, halves of characters, other ends of lines.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Return a line of text with what is invisible as JSON would write it. */
export function visible(text) {
  return text.replace(INVISIBLE, escaped);
}

function escaped(character) {
  return character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Return an event as indented JSON, of a bounded size. */
export function json(event) {
  const text = JSON.stringify(bounded(event, 0, { left: WHOLE }), null, 2);
  return text.replace(INVISIBLE, (character) => (character === "\n" ? character : escaped(character)));
}

function bounded(value, depth, room) {
  if (typeof value === "string") return cut(value, Math.max(0, Math.min(LONGEST, room.left)), room);
  if (typeof value !== "object" || value === null) {
    room.left -= 8;
    return value;
  }
  if (depth === DEEPEST || room.left <= 0) return "…";
  const keys = Object.keys(value);
  const kept = keys.slice(0, MOST).map((key) => [cut(key, LONGEST, room), bounded(value[key], depth + 1, room)]);
  const more = keys.length - kept.length;
  if (more > 0) kept.push(["…", `${more.toLocaleString("en")} more`]);
  return Array.isArray(value) ? kept.map(([, part]) => part) : Object.fromEntries(kept);
}

function cut(text, most, room) {
  room.left -= Math.min(text.length, most) + 4;
  return text.length <= most ? text : `${text.slice(0, most)}… ${(text.length - most).toLocaleString("en")} characters more`;
}

const TELLING = (
  "toolName state agentType hook_event_name name text question inputSummary outputSummary error message reason path " +
  "newCwd subject subtype"
).split(" ");

/** Return what an event tells in a line. */
export function about(event) {
  const data = event.data ?? {};
  const told = TELLING.map((name) => data[name]);
  for (const block of first(data.contentBlocks)) told.push(block?.text ?? block?.name ?? block?.type);
  for (const agent of first(data.agents)) told.push(agent?.agentType, agent?.status, agent?.currentTool);
  const words = told.filter((one) => typeof one === "string" && one).map((one) => one.slice(0, 200));
  return visible(words.join(" · ").slice(0, 400).replace(/\s+/g, " "));
}

function first(list) {
  return Array.isArray(list) ? list.slice(0, 3) : [];
}
