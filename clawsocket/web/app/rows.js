/** The items of a story as elements: one article each. */

import { h, set, text } from "./dom.js";
import { clock, cost, count, duration, endOf, line, model, visible, whole } from "./format.js";
import { markdown } from "./markdown.js";
import { href } from "./router.js";
import { showTool, toolRow } from "./tool-row.js";

/** Characters of a text that are shown at once; a button shows more. */
const PIECE = 12_000;

/**
 * Make the row of an item.
 * @param {object} item of story.js.
 * @param {object} context the view: `{story, isOpen(key), opened(key, isOpen), session, agentName(id), showsAgents, next()}`.
 */
export function createRow(item, context) {
  const row = h("article", { class: `row-item row-${item.kind}`, tabindex: "-1", "data-key": item.key, "data-kind": item.kind });
  const time = h("time", { class: "row-time soft small", datetime: new Date(item.at).toISOString() }, clock(item.at));
  row.body = h("div", { class: "row-body" });
  row.append(time);
  if (context.showsAgents && item.agent) row.append(h("span", { class: "row-agent small soft" }, context.agentName(item.agent)));
  row.append(row.body);
  const make = MAKERS[item.kind];
  if (make !== undefined) make(row, item, context);
  return row;
}

/** Bring a row up to date. */
export function updateRow(row, item, context) {
  UPDATERS[item.kind]?.(row, item, context);
}

const MAKERS = {
  prompt: (row, item) => {
    set(row, "aria-label", "Prompt");
    row.body.append(h("span", { class: "unseen" }, "Prompt: "), long(item.data.text, "prompt-text content", plain));
  },
  answer: (row, item) => {
    set(row, "aria-label", "Answer");
    row.body.append(long(item.data.text, "md content", rich));
  },
  live: (row) => {
    set(row, "aria-label", "Answer, as it comes");
    row.live = h("div", { class: "md content live-text" });
    row.body.append(row.live);
  },
  thinking: (row, item, context) => {
    set(row, "aria-label", "Thinking");
    if (item.data.text.trim() === "") row.body.append(h("span", { class: "soft" }, "Thought; what is not told."));
    else row.body.append(fold(item, context, "Thought", line(item.data.text, 160), () => long(item.data.text, "md content soft", rich)));
  },
  note: (row, item, context) => {
    set(row, "aria-label", "Note to Claude");
    const [name, shown] = noteOf(item.data.text);
    row.body.append(fold(item, context, name, shown, () => long(item.data.text, "content plain-text", plain)));
  },
  other: (row, item, context) => {
    const name = line(item.data.block.type ?? "something else", 60);
    set(row, "aria-label", name);
    row.body.append(fold(item, context, name, "", () => h("pre", { class: "content" }, visible(JSON.stringify(item.data.block, null, 2), PIECE))));
  },
  tool: (row, item, context) => toolRow(row, item, context),
  error: (row, item) => {
    set(row, "aria-label", "Error");
    const { status, error } = item.data;
    row.body.append(h("p", { class: "row-title bad" }, `The API refused${status ? ` (${status})` : ""}${error && error !== "unknown" ? `: ${line(error, 60).replaceAll("_", " ")}` : ""}`), long(item.data.text, "content plain-text", plain));
  },
  turn: (row, item) => {
    set(row, "aria-label", "End of the turn");
    const { subtype, durationMs, numTurns, totalCostUsd } = item.data;
    const calls = numTurns > 1 && count(numTurns - 1, "call"); // Claude Code counts the prompt and each result of a call
    const facts = [duration(durationMs), calls, totalCostUsd !== undefined && cost(totalCostUsd)].filter(Boolean).join(" · ");
    set(row, "data-subtype", subtype);
    row.body.append(h("span", { class: subtype === "success" ? "soft" : "turn-word" }, TURNS[subtype] ?? line(subtype, 40)), h("span", { class: "soft small" }, ` ${facts}`));
  },
  compacted: (row, item, context) => {
    set(row, "aria-label", "Compacted");
    const how = item.data.trigger === "auto" ? "Compacted by itself" : "Compacted";
    const summary = item.data.summary;
    row.body.append(summary ? fold(item, context, how, "the conversation goes on from a summary", () => long(summary, "md content", rich), false) : h("span", null, how));
  },
  life: (row, item, context) => {
    row.life = h("span");
    row.body.append(row.life);
    showLife(row, item, context);
  },
  agent: (row, item, context) => toolRow(row, item, context),
  gap: (row, item) => {
    set(row, "aria-label", "Events are missing");
    row.body.append(h("span", null, "Here the service could not tell everything:"), h("span", { class: "soft small" }, ` ${GAPS[item.data.reason] ?? line(item.data.reason, 60)}; what the transcript holds was read again.`));
  },
};

const UPDATERS = {
  live: (row, item) => row.live.replaceChildren(rich(visible(item.data.text.slice(-PIECE)))),
  tool: showTool,
  agent: showTool,
  life: (row, item, context) => showLife(row, item, context),
};

const TURNS = { success: "Turn ended", interrupted: "Interrupted", error_during_execution: "Ended by an error" };
const GAPS = {
  evicted: "this page was away too long", epoch: "it has a new log", spool_full: "too much waited for it",
  crash: "it crashed before all was on disk", source: "a source was damaged",
};

const plain = (value) => value;
const rich = (value) => markdown(value);

/** A text, of which a part is shown if it is long, and a button for more of it. */
export function long(value, className, render, piece = PIECE) {
  const given = String(value ?? "");
  if (given.length <= piece) return h("div", { class: className }, render(visible(given)));
  let shown = endOf(given, piece);
  const made = h("div", null, h("div", { class: className }, render(visible(given.slice(0, shown)))));
  const more = h("button", { class: "small", onclick: () => {
    const from = shown;
    shown = endOf(given, shown + piece);
    made.insertBefore(h("div", { class: `${className} plain-text` }, visible(given.slice(from, shown))), more);
    label();
  } });
  const label = () => (shown < given.length ? text(more, `Show more: ${whole(given.length - shown)} characters are left`) : more.remove());
  made.append(more);
  label();
  return made;
}

/**
 * What opens: a name, a line of it, and the whole once it is open.
 * @param {boolean} [isContent] whether the line is what somebody wrote.
 */
export function fold(item, context, name, shown, whole, isContent = true) {
  const made = h("details", { class: "fold" },
    h("summary", null, h("span", { class: "fold-name" }, name), shown && h("span", { class: `fold-line soft clip ${isContent ? "content" : ""}` }, shown)));
  unfolds(made, item, context, () => made.append(whole()));
  return made;
}

/** Fill a details element when it is opened first, and remember that it is; `details.unfold()` opens it. */
export function unfolds(details, item, context, fill) {
  let isFilled = false;
  const show = () => {
    if (details.open && !isFilled) {
      isFilled = true;
      fill();
    }
  };
  details.unfold = () => {
    details.open = true;
    show();
  };
  if (context.isOpen(item.key)) details.unfold();
  details.querySelector("summary").addEventListener("click", () => context.opened(item.key, !details.open));
  details.addEventListener("toggle", show);
}

/** A note's name and what is shown of it: a command is told by its name. */
function noteOf(note) {
  const command = /<command-name>([^<]{1,100})<\/command-name>/.exec(note);
  if (command) return [line(command[1], 80), line(/<command-args>([^<]{0,200})/.exec(note)?.[1], 120)];
  if (note.startsWith("<local-command-stdout>")) return ["Output of the command", line(bare(note), 160)];
  const summary = note.startsWith("<task-notification>") && /<summary>([^<]{1,500})/.exec(note);
  if (summary) return ["A task tells", line(summary[1], 160)];
  const [first, ...others] = note.slice(0, 8000).matchAll(PEERS);
  if (first) return [`Message from ${sender(first[2])}`, line([first, ...others].map((one) => saidBy(one[3])).join(" · "), 160)];
  return ["Note to Claude", line(bare(note), 160)];
}

/** What other sessions, and members of the team, say to this one. */
const PEERS = /<(teammate|cross-session)-message\b([^>]{0,500})>([^]*?)(?:<\/\1-message>|$)/g;

function sender(attributes) {
  const given = Object.fromEntries([...attributes.matchAll(/([a-z_-]+)="([^"]+)"/g)].map(([, name, value]) => [name, value]));
  return line(given["from-name"] ?? given.teammate_id ?? given.from ?? "somebody", 40);
}

/** What a message says; what Claude Code sends in an agent's place is JSON. */
function saidBy(body) {
  try {
    const { result, type } = JSON.parse(body);
    return typeof result === "string" ? result : type.replaceAll("_", " ");
  } catch {
    return body;
  }
}

const bare = (note) => note.slice(0, 1000).replace(/<\/?[a-z-]{1,40}>/g, " ");

const SOURCES = { resume: "Resumed", clear: "Begun anew by /clear", compact: "Goes on after compaction", fork: "Forked" };
const ENDS = { clear: "Cleared", process_exited: "The process ended", killed: "The process was killed", logout: "Logged out", prompt_input_exit: "Ended by its owner", cleared: "Cleared", moved: "Moved to the background", silent: "Silent for long" };

function showLife(row, item, context) {
  const { text: kind, ...data } = item.data;
  const say = { started: () => [SOURCES[data.source] ?? "Began", model(data.model)], asked: () => [`${line(data.name, 60)} asked for permission`],
    denied: () => [`${line(data.name, 60)} was denied`], question: () => [`${line(data.server, 60)} asks`, h("span", { class: "content" }, line(data.question, 300))],
    answered: () => [`${line(data.server, 60)} was answered: ${line(data.action, 40)}`], ended: () => ended(data, context) }[kind];
  const [word, ...rest] = say();
  set(row, "aria-label", word);
  row.life.replaceChildren(h("span", { class: "life-word" }, word), ...rest.filter(Boolean).flatMap((one) => [" ", typeof one === "string" ? h("span", { class: "soft small" }, one) : one]));
}

function ended({ reason, durationMs }, context) {
  const next = context.next();
  return [ENDS[reason] ?? `Ended${reason ? `: ${line(reason, 80).replaceAll("_", " ")}` : ""}`, durationMs ? `after ${duration(durationMs)}` : "",
    next && h("a", { href: href("session", next) }, "It goes on here")];
}
