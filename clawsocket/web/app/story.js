/**
 * A session's events as what they tell: prompts, answers, calls with their ends, turns, in their order. Pure: no elements.
 *
 * Events may come in any pieces: the newest first, older pages before them, a call's end before its beginning. Each is
 * known by its id, so that one which comes twice changes nothing.
 */

import { whole } from "./format.js";
import { Lanes } from "./lanes.js";

/** The main agent, among agents' ids. */
export const MAIN = "";
/** Items that are kept at most: those that are furthest go, and are read again when somebody scrolls there. */
export const MOST_ITEMS = 4_000;
/** Characters of one text that are kept. */
const KEPT = 200_000;
/** Parts of a tool's input that are looked at. */
const PARTS = 200;
/** Kinds of items that are in every transcript. */
const READ = new Set(["prompt", "answer", "thinking", "turn"]);
/** Events each of which is a line of a transcript, if that told of it. */
const LINES = new Set(["message.user", "message.assistant", "message.error", "tool.use", "session.compacted"]);
const isLine = (event) => event.source === "transcript" && LINES.has(event.type);
const INTERRUPTED = /^\[Request interrupted by user/;

/**
 * An item: `kind` is `prompt`, `note`, `answer`, `thinking`, `other`, `tool`, `error`, `turn`, `compacted`, `life`, `agent`,
 * `gap` or `live`; `at` and `until` in ms since 1970; `agent` an id or MAIN; `version` rises with each change.
 */
export class Story {
  /** Item key to item. */
  items = new Map();
  /** Agent id to `{id, type, description, call, parent, at, until, reason, first}`: the main agent is not among them. */
  agents = new Map();
  lanes = new Lanes();
  /** The job in the background in which the session went on when it ended last, if it did. */
  movedTo = null;
  /** When the session ended last, as far as it was told. */
  endedAt = -Infinity;
  /** Agent id to what the service told of it last: of one, maybe, that was not read yet. */
  #states = new Map();
  /** Changes that could be seen: it rises. */
  version = 0;

  #ordered = [];
  #isSorted = true;
  #first = 0;
  #last = 0;
  #live = null;
  #answers = [];
  /** Agent id to the order of what its transcript told last. */
  #read = new Map();
  /** Agent id to its newest calls that are open, for what names no call. */
  #open = new Map();

  /** Add what comes after all that is known, oldest first. */
  append(events) {
    for (const event of events) {
      if (isLine(event)) this.#read.set(event.agentId ?? MAIN, this.#last);
      this.#take(event, this.#last++);
    }
  }

  /**
   * Add what is told now; it may have happened before: a hook tells of a call sooner than the transcript of the prompt
   * that it follows, and a service that was away tells late. Lines of one transcript stay in its order, whatever their times;
   * a line with a call is where the call is, though a hook told of it.
   */
  arrive(event) {
    const agent = event.agentId ?? MAIN;
    let order = this.#orderAt(event.timestamp);
    if (isLine(event)) {
      const before = this.#read.get(agent) ?? -Infinity;
      if (order <= before) order = this.#orderAfter(before);
      const calls = (event.data.contentBlocks ?? []).map((block) => this.items.get(block.id)?.order ?? order);
      this.#read.set(agent, Math.max(order, ...calls));
    }
    this.#take(event, order);
  }

  #orderAfter(order) {
    const next = this.#inOrder()[after(this.#ordered, order, (item) => item.order)];
    return next === undefined ? this.#last++ : (order + next.order) / 2;
  }

  #orderAt(at) {
    const all = this.#inOrder();
    const last = all.at(-1);
    if (last === undefined || at >= last.at) return this.#last++;
    const low = after(all, at, (item) => item.at);
    return low === 0 ? all[0].order - 1 : (all[low - 1].order + all[low].order) / 2;
  }

  /** Add what was before all that is known, oldest first. */
  prepend(events) {
    this.#first -= events.length + 1;
    let order = this.#first;
    this.#isSorted = false;
    for (const event of events) this.#take(event, order++);
  }

  /** Whether an event was told already. */
  knows({ type, id, data }) {
    if (type === "tool.use") return this.items.get(data.toolUseId)?.data.use !== undefined;
    if (type === "tool.result") return this.items.get(data.toolUseId)?.data.outcome !== undefined;
    return this.items.has(id);
  }

  /** Say that events are missing here. */
  gap(gap) {
    this.#put(`gap:${gap.from}-${gap.to}`, "gap", { at: Math.max(this.newestAt, 0) || Date.now(), data: { reason: gap.reason } }, this.#last++);
  }

  /** Forget everything. */
  clear() {
    Object.assign(this, { items: new Map(), agents: new Map(), lanes: new Lanes(), endedAt: -Infinity, movedTo: null, version: this.version + 1 });
    this.#ordered = [];
    this.#open.clear();
    this.#read.clear();
    this.#live = null;
  }

  /** Whether there are more items than are kept: some more, so that not each that comes has another forgotten. */
  get isFull() {
    return this.items.size > MOST_ITEMS * 1.1;
  }

  /** Forget the oldest items, if it is full; returns whether any went. */
  forgetOldest() {
    if (!this.isFull) return false;
    const all = this.#inOrder();
    this.#keep(all, all.length - MOST_ITEMS, all.length);
    return true;
  }

  /** Forget the newest items, from a place in their order on: what was read in one page. */
  forgetFrom(order) {
    const all = this.#inOrder();
    const at = all.findIndex((item) => item.order >= order);
    if (at !== -1) this.#keep(all, 0, at);
    this.#live = null;
    this.#answers = [];
    for (const open of this.#open.values()) for (const key of open.keys()) if (!this.items.has(key)) open.delete(key);
  }

  #keep(all, from, to) {
    this.#ordered = all.slice(from, to);
    for (const item of [...all.slice(0, from), ...all.slice(to)]) this.items.delete(item.key);
    this.version++;
  }

  /** What happens beyond the items that are kept: the timeline tells it. */
  notice(event) {
    if (TELLERS[event.type] !== undefined) this.lanes.take(event, event.agentId ?? MAIN);
  }

  /** Where in the order of items the next are added: before all, and after all. */
  get ends() {
    return { first: this.#first, last: this.#last };
  }

  /** The time of the newest item. */
  get newestAt() {
    return this.#inOrder().at(-1)?.at ?? -Infinity;
  }

  /** The oldest item that a transcript tells of: its id is that of an event, for a page of those before it. */
  get oldest() {
    return this.#inOrder().find((item) => READ.has(item.kind) && item.id !== undefined) ?? {};
  }

  /**
   * What is shown, in order.
   * @param {string | null} agent the items of one agent; null: the main agent's, where others are inside of its calls;
   *   `*`: those of all.
   */
  rows(agent) {
    const all = this.#inOrder();
    if (agent === "*") return all.filter((item) => item.kind !== "agent");
    if (agent !== null) return all.filter((item) => item.agent === agent && item.kind !== "agent");
    return all.filter((item) => item.agent === MAIN && !(item.kind === "agent" && this.#isInside(item.data.id)));
  }

  /** The items of an agent, for inside of its call. */
  rowsInside(id) {
    return this.#inOrder().filter((item) =>
      item.kind === "agent" ? item.agent === id && !this.#isInside(item.data.id) : item.agent === id);
  }

  /** The agents that a call started. */
  agentsOf(call) {
    const found = [];
    for (const agent of this.agents.values()) if (agent.call === call) found.push(agent);
    return found;
  }

  #isInside(id) {
    const call = this.agents.get(id)?.call;
    return call !== undefined && this.items.has(call) && this.items.get(call).data.use !== undefined;
  }

  #inOrder() {
    if (!this.#isSorted) this.#ordered.sort((a, b) => a.order - b.order);
    this.#isSorted = true;
    return this.#ordered;
  }

  #take(event, order) {
    const tell = TELLERS[event.type];
    if (tell === undefined) return;
    const agent = event.agentId ?? MAIN;
    if (agent !== MAIN) this.#agent(agent, event.timestamp, order);
    tell(this, event, event.data, order, agent);
    for (let id = agent, up = 0; id !== MAIN && up < 8; id = this.agents.get(id)?.parent ?? MAIN, up++) {
      this.#touch(this.agents.get(id)?.call);
      this.#touch(`agent:${id}`);
    }
    this.lanes.take(event, agent);
    this.version++;
  }

  /** Make an item, or change one: fields of its data are added. */
  #put(key, kind, { at, agent = MAIN, data = {}, until }, order) {
    let item = this.items.get(key);
    if (item === undefined) {
      item = { key, kind, at, until, agent, data, order, version: 0 };
      this.items.set(key, item);
      if (this.#isSorted) this.#ordered.splice(after(this.#ordered, order, (one) => one.order), 0, item);
      else this.#ordered.push(item);
    } else {
      Object.assign(item.data, data);
      item.until = until ?? item.until;
      item.version++;
    }
    return item;
  }

  put(event, kind, data, order, key = event.id) {
    const item = this.#put(key, kind, { at: event.timestamp, agent: event.agentId ?? MAIN, data: kept(data) }, order);
    item.id ??= event.id;
    return item;
  }

  #drop(item) {
    this.items.delete(item.key);
    this.#ordered.splice(this.#ordered.lastIndexOf(item), 1);
  }

  /** Know of an agent, by whatever tells of it. */
  #agent(id, at, order) {
    let agent = this.agents.get(id);
    if (agent === undefined) {
      agent = { id, type: "", description: "", call: undefined, parent: MAIN, at, until: undefined, reason: undefined };
      this.agents.set(id, agent);
      if (this.#states.has(id)) this.know(this.#states.get(id));
    }
    if (!this.items.has(`agent:${id}`)) this.#put(`agent:${id}`, "agent", { at, agent: agent.parent, data: { id } }, order);
    if (at < agent.at) {
      agent.at = at;
      const item = this.items.get(`agent:${id}`);
      if (item !== undefined) Object.assign(item, { at, order, version: item.version + 1 });
      this.#isSorted = false;
    }
    return agent;
  }

  /** What the service knows of an agent now: its type and call may be older than what was read. */
  know(state) {
    this.#states.set(state.agentId, state);
    const agent = this.agents.get(state.agentId);
    if (agent === undefined) return;
    agent.type ||= state.agentType;
    agent.description ||= state.description ?? "";
    agent.call ??= state.parentToolUseId;
    if (state.status !== "offline" || agent.until !== undefined) return;
    agent.until = state.lastActivityAt;
    this.#seen(agent);
  }

  /** How the session is, by what else is known of it: what is open may look otherwise. */
  isNow(state, since) {
    this.lanes.isNow(state, since);
    for (const open of this.#open.values()) for (const item of open.values()) item.version++;
    for (const agent of this.agents.values()) {
      if (agent.until === undefined) this.#seen(agent);
    }
  }

  started(event, data, order) {
    const agent = this.#agent(data.agentId, event.timestamp, order);
    agent.type = data.agentType || agent.type;
    agent.description = data.description || agent.description;
    agent.call = data.parentToolUseId ?? agent.call;
    const parent = data.parentAgentId;
    agent.parent = parent === undefined || parent.startsWith("master-") ? MAIN : parent;
    agent.background = data.background ?? agent.background;
    const item = this.items.get(`agent:${agent.id}`);
    if (item !== undefined) Object.assign(item, { agent: agent.parent, version: item.version + 1 });
    this.#touch(agent.call);
  }

  stopped(event, data, order) {
    const agent = this.#agent(data.agentId, event.timestamp, order);
    agent.until = event.timestamp;
    agent.reason = data.reason;
    this.#seen(agent);
  }

  /** Where an agent is shown is brought up to date. */
  #seen(agent) {
    this.#touch(agent.call);
    this.#touch(`agent:${agent.id}`);
  }

  #touch(key) {
    const item = this.items.get(key);
    if (item !== undefined) item.version++;
  }

  // Calls

  used(event, data, order, agent) {
    const isKnown = this.items.get(data.toolUseId)?.data.use !== undefined;
    const item = this.put(event, "tool", { name: data.toolName, use: data.input ?? {} }, order, data.toolUseId);
    if (!isKnown && item.order !== order) {
      Object.assign(item, { order, at: event.timestamp });
      this.#isSorted = false;
    }
    if (item.until === undefined) this.#openOf(agent).set(data.toolUseId, item);
  }

  ended(event, data, order, agent) {
    const { toolName: name, outcome, durationMs, outputSummary: output, error, isInterrupt } = data;
    const item = this.put(event, "tool", { name, outcome, durationMs, output, error, isInterrupt }, order, data.toolUseId);
    item.until = event.timestamp;
    this.#openOf(agent).delete(data.toolUseId);
  }

  /** A session that ended has no call open. The service told so then; a transcript that is read later does not. */
  over(event, data, order) {
    for (const [agent, open] of this.#open) {
      for (const item of [...open.values()].filter(({ at }) => at <= event.timestamp)) {
        const ended = { ...event, type: "tool.result", data: { toolUseId: item.key, toolName: item.data.name, outcome: "interrupted" } };
        this.ended(ended, ended.data, item.order, agent);
        this.lanes.take(ended, agent);
      }
    }
    if (event.timestamp >= this.endedAt) Object.assign(this, { endedAt: event.timestamp, movedTo: data.jobId ?? null });
    this.put(event, "life", { text: "ended", reason: data.jobId ? "moved" : data.reason, durationMs: data.durationMs }, order);
  }

  /** What is told of its end may be more than before. */
  tellEndAnew() {
    for (const item of this.items.values()) if (item.kind === "life" && item.data.text === "ended") item.version++;
    this.version++;
  }

  /** A question about a call, which it may not name. */
  asked(event, data, order, agent) {
    const item = this.items.get(data.toolUseId) ?? this.#newestOpen(agent, data.toolName);
    if (item === undefined) this.put(event, "life", { text: "asked", name: data.toolName, input: data.inputSummary }, order);
    else Object.assign(item.data, { asked: event.timestamp });
    if (item !== undefined) item.version++;
  }

  refused(event, data, order, agent) {
    const item = this.items.get(data.toolUseId) ?? this.#newestOpen(agent, data.toolName);
    if (item === undefined) this.put(event, "life", { text: "denied", name: data.toolName, reason: data.reason }, order);
    else Object.assign(item.data, { denied: true, reason: data.reason });
    if (item !== undefined) item.version++;
  }

  #openOf(agent) {
    if (!this.#open.has(agent)) this.#open.set(agent, new Map());
    return this.#open.get(agent);
  }

  #newestOpen(agent, name) {
    return [...this.#openOf(agent).values()].findLast((item) => item.data.name === name);
  }

  // Texts

  said(event, data, order) {
    (data.contentBlocks ?? []).forEach((block, number) => {
      const key = number === 0 ? event.id : `${event.id}#${number}`;
      if (block?.type === "text") {
        this.#settle(event.agentId ?? MAIN);
        this.#answers.push(this.put(event, "answer", { text: String(block.text ?? ""), model: data.model }, order, key));
        if (this.#answers.length > 20) this.#answers.shift();
      } else if (block?.type === "thinking") {
        this.put(event, "thinking", { text: String(block.thinking ?? "") }, order, key);
      } else if (block?.type === "redacted_thinking") {
        this.put(event, "thinking", { text: "" }, order, key);
      } else if (block !== null && block?.type !== "tool_use") {
        this.put(event, "other", { block }, order, key);
      }
    });
  }

  /** An error is told after the answer that holds its text, which then is no answer. */
  failed(event, data, order, agent) {
    const answer = this.#answers.findLast((item) => item.agent === agent && item.data.text === data.text);
    if (answer !== undefined && this.items.has(answer.key)) this.#drop(answer);
    this.put(event, "error", data, order);
  }

  prompted(event, data, order) {
    if (data.isSynthetic && INTERRUPTED.test(data.text)) return;
    this.put(event, data.isSynthetic ? "note" : "prompt", { text: data.text }, order);
  }

  /** What is displayed before it is told: its pieces, until the whole answer comes. */
  streamed(event, data, order) {
    if (this.#live === null || this.#live.data.id !== data.displayId) {
      this.#settle(MAIN);
      this.#live = this.put(event, "live", { id: data.displayId, pieces: [], text: "" }, order, `live:${data.displayId}`);
    }
    const { data: live } = this.#live;
    live.pieces[data.index] = data.text;
    live.text = live.pieces.join("").slice(-KEPT);
    this.#live.version++;
  }

  #settle(agent) {
    if (agent !== MAIN || this.#live === null) return;
    this.#drop(this.#live);
    this.#live = null;
  }

  turn(event, data, order) {
    this.#settle(MAIN);
    this.put(event, "turn", data, order);
  }
}

const life = (text, fields = () => ({})) => (story, event, data, order) =>
  story.put(event, "life", { text, ...fields(data) }, order);

/** What each type of event tells; others tell nothing here. */
const TELLERS = {
  "message.user": (story, event, data, order) => story.prompted(event, data, order),
  "message.assistant": (story, event, data, order) => story.said(event, data, order),
  "message.error": (story, event, data, order, agent) => story.failed(event, data, order, agent),
  "message.result": (story, event, data, order) => story.turn(event, data, order),
  "stream.delta": (story, event, data, order) => story.streamed(event, data, order),
  "tool.use": (story, event, data, order, agent) => story.used(event, data, order, agent),
  "tool.result": (story, event, data, order, agent) => story.ended(event, data, order, agent),
  "tool.permission_requested": (story, event, data, order, agent) => story.asked(event, data, order, agent),
  "tool.permission_denied": (story, event, data, order, agent) => story.refused(event, data, order, agent),
  "agent.started": (story, event, data, order) => data.agentType !== "master" && story.started(event, data, order),
  "agent.stopped": (story, event, data, order) => !data.agentId.startsWith("master-") && story.stopped(event, data, order),
  "session.compacted": (story, event, data, order) => story.put(event, "compacted", data, order),
  "session.started": life("started", (data) => ({ source: data.source, model: data.model })),
  "session.ended": (story, event, data, order) => story.over(event, data, order),
  "session.state_changed": () => {},
  "mcp.elicitation": life("question", (data) => ({ question: data.question, server: data.serverName })),
  "mcp.elicitation_result": life("answered", (data) => ({ action: data.action, server: data.serverName })),
};

/** Where in a list that is sorted by a number what has this number is put: after all that have no more. */
function after(all, wanted, number) {
  let low = 0, high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (number(all[middle]) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether all of a value is kept. */
function isKept(value, depth) {
  if (typeof value === "string") return value.length <= KEPT;
  if (value === null || typeof value !== "object") return true;
  if (depth > 8) return false;
  let parts = 0;
  for (const name in value) if (++parts > PARTS || !isKept(value[name], depth + 1)) return false;
  return true;
}

/** A value of which no text is longer than what is kept; mostly itself. */
function kept(value, depth = 0) {
  if (isKept(value, depth)) return value;
  if (typeof value === "string") return cut(value);
  if (depth > 8) return "…";
  if (Array.isArray(value)) return value.slice(0, PARTS).map((one) => kept(one, depth + 1));
  return Object.fromEntries(Object.entries(value).slice(0, PARTS).map(([name, one]) => [name, kept(one, depth + 1)]));
}

/** The beginning of a long text, as a text of its own: engines keep the whole behind a slice. */
function cut(text) {
  return JSON.parse(JSON.stringify(`${text.slice(0, KEPT)}… (${whole(text.length - KEPT)} more characters, in the transcript)`));
}
