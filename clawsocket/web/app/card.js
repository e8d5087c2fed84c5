/** A session as a card: what it is, why it waits, what its agents do, and what it cost. */

import { h, keyed, set, text } from "./dom.js";
import { branch, count, folder, fullness, line, model, percent, spent, state, tokens, toolInput, visible, waitsFor } from "./format.js";
import { setMark, setSince, since, stateMark } from "./parts.js";
import { href } from "./router.js";
import { differs } from "./store.js";

/** Agents that are shown one by one. */
const MOST_AGENTS = 12;
/** Characters of a waiting call's input. */
const INPUT = 600;

/** Modes of permission that a person should see. */
const MODES = {
  plan: "plans", acceptEdits: "accepts edits", bypassPermissions: "asks for nothing", auto: "auto", dontAsk: "never asks",
};

export class Card extends HTMLElement {
  #parts;
  #session;

  /** The session that it shows, if it shows one. */
  get sessionId() {
    return this.#session?.sessionId;
  }

  /** Make its parts, once. */
  #make(session) {
    const parts = {
      mark: stateMark(session.state),
      title: h("a", { class: "card-title" }),
      branch: h("span", { class: "card-branch soft" }),
      since: since(session.since),
      name: h("p", { class: "card-name content" }),
      facts: h("span", { class: "card-facts soft" }),
      call: h("div", { class: "card-call", hidden: true }),
      why: h("p", { class: "card-why" }),
      input: h("pre", { class: "card-input content", tabindex: "0", role: "group", "aria-label": "what it asks for" }),
      failure: h("p", { class: "card-failure bad content", hidden: true }),
      agents: h("ul", { class: "card-agents" }),
      gauge: h("claw-gauge", { "aria-label": "Context window" }),
      context: h("span"),
      cost: h("span"),
      tokens: h("span", { class: "soft" }),
    };
    parts.call.append(parts.why, parts.input);
    parts.stateWord = h("span", { class: "card-state" });
    this.append(
      h("header", { class: "card-head" }, parts.mark, parts.title, parts.branch, h("span", { class: "card-when" }, parts.stateWord, parts.since)),
      parts.name, parts.call, parts.failure, parts.agents,
      h("footer", { class: "card-foot small" },
        parts.facts, h("span", { class: "card-context" }, parts.gauge, parts.context), parts.tokens, parts.cost));
    set(this, "role", "article");
    return parts;
  }

  /**
   * Show a session as it is.
   * @param {object} session its SessionInfo.
   * @param {object[]} agents its AgentStates.
   */
  show(session, agents) {
    this.#parts ??= this.#make(session);
    const before = this.#session;
    this.#session = session;
    const isOther = session.sessionId !== before?.sessionId;
    if (isOther) this.#name(session);
    if (isOther || differs(session, before)) this.#showSession(session);
    this.#showAgents(session, agents);
    if (isOther || session.usage !== before.usage || session.context !== before.context) this.#showUse(session);
  }

  /** Be the card of a session; it may have been that of another. */
  #name({ sessionId }) {
    const { title } = this.#parts;
    set(this, "data-session", sessionId);
    set(this, "aria-labelledby", `name-${sessionId}`);
    set(title, "id", `name-${sessionId}`);
    set(title, "href", href("session", sessionId));
  }

  #showSession(session) {
    const parts = this.#parts;
    set(this, "data-state", session.state);
    setMark(parts.mark, session.state);
    text(parts.title, line(folder(session.cwd), 60));
    set(parts.title, "title", visible(session.cwd, 300));
    text(parts.branch, line(branch(session), 60));
    text(parts.stateWord, session.state === "requires_action" ? "waiting " : "");
    setSince(parts.since, session.since);
    text(parts.name, session.name === folder(session.cwd) ? "" : line(session.name, 120));
    const mode = MODES[session.permissionMode];
    text(parts.facts, [model(session.model), mode, session.pid === null ? "elsewhere" : session.jobId ? "in the background" : ""].filter(Boolean).join(" · "));
    set(parts.facts, "title", session.jobId ? `claude attach ${line(session.jobId, 60)}` : null);
    this.#showCall(session);
  }

  #showCall(session) {
    const { call, why, input, failure } = this.#parts;
    const waits = session.state === "requires_action";
    set(call, "hidden", !waits);
    if (waits) {
      const tool = session.tool;
      const named = tool && session.waitingFor !== "question";
      text(why, named ? `${waitsFor(session)}: ${line(tool.name, 80)}` : waitsFor(session));
      const shown = tool ? visible(toolInput(tool.inputSummary), INPUT) : "";
      text(input, shown);
      set(input, "hidden", shown === "");
    }
    const failed = session.state === "failed" && session.error;
    set(failure, "hidden", !failed);
    if (failed) text(failure, line(session.error, 300));
  }

  #showAgents(session, agents) {
    const rows = tree(agents.filter((agent) => agent.status !== "offline" && !isSaid(agent, session)));
    const finished = agents.filter((agent) => agent.status === "offline" && agent.agentType !== "master").length;
    const shown = rows.slice(0, MOST_AGENTS);
    const hidden = rows.length - shown.length;
    if (hidden) shown.push({ agent: { agentId: "more", words: `${count(hidden, "more agent")}` }, depth: 0 });
    if (finished) shown.push({ agent: { agentId: "finished", words: `${count(finished, "agent")} finished` }, depth: 0 });
    keyed(this.#parts.agents, shown, ({ agent }) => agent.agentId, agentRow, (row, one) => showAgent(row, one));
    set(this.#parts.agents, "hidden", shown.length === 0);
  }

  #showUse(session) {
    const { gauge, context, cost: price, tokens: out } = this.#parts;
    const { usage, context: full } = session;
    set(gauge, "hidden", !full);
    text(context, full ? fullness(full) : "");
    if (full) gauge.show(full.percentUsed, `${percent(full.percentUsed)} of ${tokens(full.tokensMax)} tokens`);
    const spends = usage && (usage.outputTokens > 0 || usage.totalCostUsd > 0);
    text(price, spends ? spent(usage) : "");
    text(out, spends ? `${tokens(usage.outputTokens)} out` : "");
    set(price, "title", usage?.unpricedModels.length ? `no price is known of ${usage.unpricedModels.map((one) => line(one, 60)).join(", ")}` : null);
  }
}

customElements.define("claw-card", Card);

/** Whether the card says already what a main agent does: nothing, or that it waits for its owner. */
function isSaid(agent, session) {
  if (agent.agentType !== "master") return false;
  return agent.status === "idle" || (session.state === "requires_action" && agent.currentTool === session.tool?.name);
}

/** Agents, each after its parent. */
function tree(agents) {
  if (agents.length === 1) return [{ agent: agents[0], depth: 0 }];
  const children = new Map();
  const known = new Set(agents.map((agent) => agent.agentId));
  for (const agent of agents) {
    const parent = known.has(agent.parentAgentId) ? agent.parentAgentId : null;
    children.set(parent, [...(children.get(parent) ?? []), agent]);
  }
  const rows = [];
  const add = (parent, depth) => {
    for (const agent of children.get(parent) ?? []) {
      const own = agent.agentType === "master" ? 0 : depth;
      rows.push({ agent, depth: own });
      add(agent.agentId, own + 1);
    }
  };
  add(null, agents.some((agent) => agent.agentType === "master") ? 1 : 0);
  return rows;
}

function agentRow({ agent }) {
  if (agent.words !== undefined) return h("li", { class: "agent soft small" });
  const row = h("li", { class: "agent" });
  row.parts = {
    mark: stateMark(agent.status),
    who: h("span", { class: "agent-who" }),
    what: h("span", { class: "agent-what content" }),
    since: since(agent.startedAt),
  };
  row.append(row.parts.mark, row.parts.who, row.parts.what, row.parts.since);
  return row;
}

const DOES = { working: "working", tool_running: "running a tool", idle: "idle" };

function showAgent(row, { agent, depth }) {
  if (agent.words !== undefined) {
    text(row, agent.words);
    return;
  }
  const { mark, who, what, since: when } = row.parts;
  row.style.setProperty("--depth", depth);
  set(mark, "data-state", agent.status);
  set(mark, "aria-label", DOES[agent.status] ?? "");
  text(who, agent.agentType === "master" ? "" : line(agent.agentType, 40));
  const doing = agent.currentTool ? `${line(agent.currentTool, 40)} ${line(toolInput(agent.currentToolInput), 160)}` : DOES[agent.status];
  text(what, agent.agentType === "master" || !agent.description ? doing : `${line(agent.description, 100)} · ${doing}`);
  setSince(when, agent.agentType === "master" ? agent.lastActivityAt : agent.startedAt);
  set(when, "hidden", agent.agentType === "master");
}

/** A session in a word or two, for a title or for those who hear the page. */
export const briefly = (session) => `${line(folder(session.cwd), 60)} ${session.state === "requires_action" ? waitsFor(session) : state(session.state)}`;
