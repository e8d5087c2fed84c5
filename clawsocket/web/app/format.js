/** Words and numbers for people, and text from elsewhere made harmless. */

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

/** A span of time in ms: `0.3 s`, `12 s`, `4 min`, `2 h 05`, `3 d`. */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 0) return duration(0);
  if (ms < 950) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ${String(Math.floor((ms % HOUR) / MINUTE)).padStart(2, "0")}`;
  return `${Math.floor(ms / DAY)} d`;
}

/** How long ago: `now`, `12 s`, `4 min`, …; `at` is in ms since 1970. */
export function age(at, now = Date.now()) {
  return now - at < SECOND ? "now" : now - at < 10 * SECOND ? `${Math.floor((now - at) / SECOND)} s` : duration(now - at);
}

/** A function that formats times as the person is used to: see Intl.DateTimeFormat. Its first call makes the formatter. */
export function times(options) {
  let made;
  return (at) => (made ??= new Intl.DateTimeFormat(undefined, options)).format(at);
}

/** A time of day, with seconds. */
export const clock = times({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
/** Make the first formatter: it takes as long as a view, all later ones together a millisecond. */
export const warm = () => clock(0);
/** A day and a time. */
export const when = times({ dateStyle: "medium", timeStyle: "medium" });
/** A day. */
export const date = times({ dateStyle: "medium" });

/** A whole number: `812`, `1,300,000`. Intl would do it, and takes long to begin. */
export const whole = (number) => String(number).replace(/\B(?=(?:\d{3})+$)/g, ",");

/** A number of tokens: `812`, `4.2k`, `1.3M`. */
export function tokens(count) {
  if (count === null || count === undefined) return "–";
  if (count < 1000) return String(count);
  if (count < 99_950) return `${(count / 1000).toFixed(1)}k`;
  if (count < 999_500) return `${Math.round(count / 1000)}k`;
  return count < 999_500_000 ? `${(count / 1e6).toFixed(1)}M` : `${(count / 1e9).toFixed(1)}G`;
}

/** US dollars: `$0`, `$0.004`, `$1.24`, `$312`; null, a price that is not known, is `–`. */
export function cost(usd) {
  if (usd === null || usd === undefined) return "–";
  if (usd === 0) return "$0";
  if (usd < 0.01) return `$${usd.toFixed(4)}`;
  return usd < 100 ? `$${usd.toFixed(2)}` : `$${whole(Math.round(usd))}`;
}

/** A share of 100: `7 %`. */
export const percent = (value) => (value === null || value === undefined ? "–" : `${Math.round(value)} %`);

const LIMITS = { five_hour: "5 hours", seven_day: "7 days", spend_limit: "spending" };
/** A limit of the account, by its type. */
export const limitName = (type) => LIMITS[type] ?? type;

/** How full a context window is; `~` where that was worked out. */
export const fullness = ({ percentUsed, tokensMax, official }) => `${official ? "" : "~"}${percent(percentUsed)} of ${tokens(tokensMax)}`;

/** What a session cost; `+?` where a model in it has no price. */
export const spent = ({ totalCostUsd, unpricedModels }) => `${cost(totalCostUsd)}${unpricedModels.length ? " +?" : ""}`;

/** A size: `812 B`, `4.2 kB`, `1.3 MB`. */
export function bytes(count) {
  if (count === null || count === undefined) return "–";
  if (count < 1000) return `${count} B`;
  if (count < 999_950) return `${(count / 1000).toFixed(1)} kB`;
  return count < 999_950_000 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}

/** `1 agent`, `2 agents`. */
export const count = (number, one, many = `${one}s`) => `${whole(number)} ${number === 1 ? one : many}`;

/** The last part of a path, for a title. */
export function folder(path) {
  const given = String(path ?? "");
  let end = given.length;
  while (end > 0 && isSlash(given[end - 1])) end--;
  let from = end;
  while (from > 0 && !isSlash(given[from - 1])) from--;
  return given.slice(from, end) || "/";
}

const isSlash = (sign) => sign === "/" || sign === "\\";

/** The branch of a session's repository; Claude Code tells of `HEAD` where there is none. */
export const branch = ({ gitBranch }) => (gitBranch === "HEAD" ? "" : gitBranch);

/** A model's name without what all have: `claude-opus-4-8` is `opus-4-8`. */
export const model = (name) => (name ? visible(name, 60).replace(/^claude-/, "").replace(/-\d{8}$/, "") : "");

/** What is invisible or turns the direction of text; but what joins two emojis to one, or chooses how a sign looks, is seen. */
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\p{Cs}\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\u{e0000}-\u{e00ff}\u{e01f0}-\u{e0fff}]|(?<!\p{Extended_Pictographic}[\ufe0f\u{1f3fb}-\u{1f3ff}]?)\u200d|\u200d(?!\p{Extended_Pictographic})/gu;
const SHOWN = 20_000;

/**
 * Text from elsewhere as it may be shown: what would steer a terminal, turn the direction of text or be invisible is
 * shown as a sign, and a long text is cut.
 * @param {*} value the text.
 * @param {number} limit characters that are shown at most.
 */
export function visible(value, limit = SHOWN) {
  const given = typeof value === "string" ? value : value === null || value === undefined ? "" : String(value);
  const end = endOf(given, limit);
  const shown = given.slice(0, end).replace(/\r\n/g, "\n").replace(CONTROL, sign);
  return end < given.length ? `${shown}… (${whole(given.length - end)} more characters)` : shown;
}

/** Where a text is cut that may have so many characters: not within one that counts as two, as emojis do. */
export function endOf(given, limit) {
  if (given.length <= limit) return given.length;
  return given.codePointAt(limit - 1) > 0xffff ? limit - 1 : limit;
}

function sign(character) {
  const code = character.codePointAt(0);
  if (code === 0x0d) return "\u240d";
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
}

/** Text from elsewhere as one line. */
export const line = (value, limit = 200) => {
  const given = String(value ?? "");
  const shown = visible(given.slice(0, endOf(given, limit)).replace(/\s+/g, " ").trim(), limit);
  return given.length > limit ? `${shown}…` : shown;
};

const STATES = {
  requires_action: "needs you",
  running: "running",
  background: "in the background",
  failed: "failed",
  idle: "idle",
  ended: "ended",
};

/** A session's state in words. */
export const state = (name) => STATES[name] ?? visible(name, 40);

/** The states in the order in which a person wants to see them. */
export const STATE_ORDER = Object.keys(STATES);

/** What tells most of a tool's input, the first that is there. */
const TELLING = ["command", "file_path", "notebook_path", "pattern", "path", "url", "query", "question", "description", "prompt", "skill", "plan", "summary", "message"];

/**
 * What a tool was called with, in short: of `{"command":"ls","timeout":5}` it is `ls`.
 * @param {string} summary the input as JSON, which may have been cut.
 */
export function toolInput(summary) {
  const given = summary ?? "";
  try {
    const input = JSON.parse(given);
    const found = telling(input) ?? telling(input.questions?.[0] ?? {});
    return found ?? given;
  } catch {
    const cut = /^\s*\{\s*(?:"to"\s*:\s*"([^"\\]+)"\s*,\s*)?"(?:summary|message|command|file_path|path|pattern|url|query|prompt|description|plan|questions"\s*:\s*\[\s*\{\s*"question)"\s*:\s*"((?:[^"\\]|\\.)*)/.exec(given);
    return cut === null ? given : addressed(cut[1], unescaped(cut[2]));
  }
}

function telling(input) {
  const name = TELLING.find((one) => typeof input[one] === "string");
  return name && addressed(input.to, input[name]);
}

const addressed = (to, said) => (typeof to === "string" ? `${to}: ${said}` : said);

function unescaped(cut) {
  const text = cut.replace(/(?:…|\\u?[0-9a-f]{0,3})$/, "");
  try {
    return `${JSON.parse(`"${text}"`)}…`;
  } catch {
    return `${text}…`;
  }
}

const WAITS = { permission: "asks for permission", question: "has a question", elicitation: "has a question of a server" };

/** Why a session needs its owner, in words. */
export const waitsFor = (session) => WAITS[session.waitingFor] ?? (line(session.waitingFor, 80) || "needs you");
