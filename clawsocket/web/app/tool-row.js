/** A call as a row: what it is, how it went, and when it is opened its input, its output and the agents that it started. */

import { h, keyed, set, text } from "./dom.js";
import { clock, count, duration, line, toolInput, visible } from "./format.js";
import { createRow, long, unfolds, updateRow } from "./rows.js";
import { href } from "./router.js";

/** Items of an agent that are shown inside of its call; the agent's own page shows all. */
const MOST_INSIDE = 150;
/** Characters of an input or output that are shown at once. */
const PIECE = 6000;
/** Parts of an input. */
const MOST_PARTS = 40;

const OUTCOMES = { ok: "", error: "failed", denied: "denied", interrupted: "interrupted", invalid: "not valid" };

/** Make the inside of a row for a call, or for an agent whose call is not known. */
export function toolRow(row, item, context) {
  const parts = (row.parts = {
    mark: h("span", { class: "tool-mark", "aria-hidden": "true" }),
    name: h("span", { class: "tool-name" }),
    input: h("span", { class: "tool-input content clip mono" }),
    outcome: h("span", { class: "tool-outcome" }),
    time: h("span", { class: "tool-time soft small" }),
    inside: h("div", { class: "tool-inside" }),
    agents: h("div", { class: "tool-agents" }),
  });
  const details = h("details", { class: "tool" },
    h("summary", null, parts.mark, parts.name, parts.input, parts.outcome, parts.time), parts.inside);
  row.body.append(details, parts.agents);
  if (item.kind === "tool") unfolds(details, item, context, () => showInside(row, row.row ?? item));
  else details.remove();
}

/** Bring a call's row up to date. */
export function showTool(row, item, context) {
  if (item.kind === "tool") showCall(row, item, context);
  const agents = item.kind === "agent" ? [context.story.agents.get(item.data.id)].filter(Boolean) : context.story.agentsOf(item.key);
  const shown = context.showsAgents ? [] : agents;
  keyed(row.parts.agents, shown, (agent) => agent.id, (agent) => agentGroup(agent, context), (group, agent) => showAgent(group, agent, context));
  if (item.kind === "agent") set(row, "aria-label", "Agent");
}

function showCall(row, item, context) {
  const { mark, name, input, outcome, time } = row.parts;
  const { data } = item;
  const isOpen = data.outcome === undefined;
  const waits = isOpen && context.waitsFor(item);
  set(row, "data-outcome", waits ? "waits" : isOpen ? (context.isOver() ? "unknown" : "running") : data.outcome);
  set(row, "aria-label", `${line(data.name, 80)}, ${isOpen ? (waits ? "waits for you" : context.isOver() ? "no end is known" : "running") : OUTCOMES[data.outcome] || "done"}`);
  text(mark, waits ? "!" : isOpen ? "" : { ok: "✓", denied: "⊘", interrupted: "◼" }[data.outcome] ?? "✕");
  text(name, toolName(data.name));
  text(input, line(toolInput(data.use === undefined ? "" : JSON.stringify(brief(data.use))), 220));
  text(outcome, waits ? "waits for you" : isOpen ? (context.isOver() ? "no end is known" : "") : OUTCOMES[data.outcome] ?? line(data.outcome, 40));
  row.item = item;
  text(time, timeOf(item, context));
  if (row.parts.inside.firstChild !== null) showInside(row, item);
}

/** How long it took, or takes. */
export function timeOf(item, context) {
  if (item.data.outcome !== undefined) return duration(item.data.durationMs ?? (item.until - item.at));
  return context.isOver() ? "" : duration(Date.now() - item.at);
}

/** `mcp__notes__add` is `notes: add`. */
export function toolName(name) {
  const [, server, tool] = /^mcp__(.+?)__(.+)$/.exec(name ?? "") ?? [];
  return line(server ? `${server}: ${tool}` : name, 80);
}

/** An input whose long texts are short, for a line of it. */
function brief(input) {
  if (typeof input !== "object" || input === null) return input;
  const given = Object.entries(input).slice(0, MOST_PARTS);
  return Object.fromEntries(given.map(([name, value]) => [name, typeof value === "string" ? value.slice(0, 300) : Array.isArray(value) ? value.slice(0, 3) : value]));
}

function showInside(row, item) {
  const key = `${item.data.use === undefined} ${item.data.outcome} ${item.data.asked} ${item.data.denied}`;
  if (row.insideKey === key) return;
  row.insideKey = key;
  const { data } = item;
  const parts = Object.entries(data.use ?? {}).slice(0, MOST_PARTS).map(([name, value]) => part(name, value));
  const asked = data.asked !== undefined && h("p", { class: "small" }, `Asked for permission at ${clock(data.asked)}${data.outcome === "denied" ? ", and was denied" : data.outcome ? ", and went on" : ""}.`);
  const refused = data.denied && h("p", { class: "small bad" }, "Denied without a question", data.reason && h("span", { class: "content" }, `: ${visible(data.reason, 500)}`));
  const output = data.outcome === undefined ? null : data.error || data.output;
  row.parts.inside.replaceChildren(...[
    ...parts, asked, refused,
    output && h("div", { class: "part" }, h("div", { class: "part-name" }, data.outcome === "ok" ? "Output" : "What came of it"), block(output, data.outcome === "ok" ? "" : "bad")),
    data.outcome !== undefined && !output && h("p", { class: "soft small" }, "It put out nothing."),
  ].filter(Boolean));
}

const CHANGES = { old_string: "taken", new_string: "given" };

function part(name, value) {
  const shown = typeof value === "string" ? value : JSON.stringify(value, null, 2) ?? "";
  const isShort = shown.length < 80 && !shown.includes("\n");
  return h("div", { class: `part ${isShort ? "part-short" : ""}` }, h("div", { class: "part-name" }, line(name, 60).replaceAll("_", " ")),
    isShort ? h("code", { class: "content" }, visible(shown)) : block(shown, CHANGES[name] ?? ""));
}

function block(value, className) {
  return h("div", { class: `part-block ${className}`, tabindex: "0", role: "group", "aria-label": "text" }, long(value, "mono plain-text content", (shown) => shown, PIECE));
}

// Agents inside of a call

function agentGroup(agent, context) {
  const key = `group:${agent.id}`;
  const made = { mark: h("span", { class: "dot" }), who: h("span", { class: "agent-group-who" }), what: h("span", { class: "content clip soft" }), facts: h("span", { class: "soft small agent-group-facts" }) };
  const group = h("details", { class: "agent-group", "data-agent": agent.id }, h("summary", null, made.mark, made.who, made.what, made.facts));
  group.parts = { ...made, inside: h("div", { class: "agent-inside" }) };
  group.append(group.parts.inside);
  unfolds(group, { key }, context, () => fillAgent(group, agent, context));
  return group;
}

function showAgent(group, agent, context) {
  const { mark, who, what, facts } = group.parts;
  const isOver = agent.until !== undefined || context.isOver();
  set(mark, "data-state", isOver ? "idle" : "working");
  text(who, line(agent.type || "agent", 60));
  text(what, line(agent.description, 160));
  const lane = context.story.lanes.byAgent.get(agent.id);
  const calls = lane?.tools.length ?? 0;
  const took = duration((agent.until ?? (context.isOver() ? lane?.until ?? agent.at : Date.now())) - agent.at);
  text(facts, `${count(calls, "call")} · ${took}${isOver ? "" : ", at work"}`);
  if (group.open) fillAgent(group, agent, context);
}

function fillAgent(group, agent, context) {
  const inner = { ...context, showsAgents: false };
  const rows = context.story.rowsInside(agent.id);
  const shown = rows.slice(-MOST_INSIDE);
  const { inside } = group.parts;
  if (group.list === undefined) {
    group.more = h("p", { class: "small" });
    group.list = h("div", { class: "agent-rows" });
    inside.append(group.more, group.list);
  }
  const { session } = context;
  const left = rows.length - shown.length;
  if (group.left !== left) {
    group.left = left;
    group.more.replaceChildren(h("a", { href: href("session", session, { agent: agent.id }) }, left ? `Show this agent alone, with ${count(left, "more item")} before` : "Show this agent alone"));
  }
  keyed(group.list, shown, (item) => item.key, (item) => createRow(item, inner), (row, item) => {
    if (row.version === item.version && row.row === item) return;
    Object.assign(row, { version: item.version, row: item });
    updateRow(row, item, inner);
  });
}
