/**
 * Who did what when: a lane for each agent, with spans of calls, of the model at work, and of waiting. Pure.
 *
 * A span is `{from, until, kind, key, name, outcome}`; `until` is undefined while it goes on; times in ms since 1970.
 */

/** The main agent, among agents' ids. */
const MAIN = "";

export class Lanes {
  /** Agent id to its lane, `{agent, tools, thinks, from, until}`, the main agent's first. */
  byAgent = new Map([[MAIN, lane(MAIN)]]);
  /** Spans in which the session waited for its owner. */
  waits = [];
  /** Where the session's time begins and ends, as far as it was read. */
  from = Infinity;
  until = -Infinity;

  #calls = new Map();
  #changes = new Map();
  #moments = new Map();

  /** Learn of an event; in whatever order. */
  take(event, agent) {
    const own = this.#lane(agent);
    const { type, timestamp: at, data } = event;
    if (type === "agent.started" || type === "agent.stopped") this.#life(type, at, data);
    else if (type === "session.state_changed") this.#changes.set(event.id, { at: data.since ?? at, state: data.state });
    else if (!type.startsWith("session.")) extend(own, at);
    if (type === "tool.use") this.#begin(own, at, data);
    else if (type === "tool.result") this.#end(own, at, data);
    if (type === "session.state_changed" || type === "session.ended") this.#waits(at);
    const moment = MOMENTS[type];
    if (moment !== undefined && !data.isSynthetic) this.#moment(own, event.id + type, at, moment);
    if (type.startsWith("session.")) return;
    this.from = Math.min(this.from, at);
    this.until = Math.max(this.until, at);
  }

  /** Learn what the session does since when. */
  isNow(state, since) {
    this.#changes.set(`${since} ${state}`, { at: since, state });
    this.#waits(since);
  }

  /** When a call began; undefined: it is not known. */
  beginOf(call) {
    return this.#calls.get(call)?.from;
  }

  #lane(agent) {
    if (!this.byAgent.has(agent)) this.byAgent.set(agent, lane(agent));
    return this.byAgent.get(agent);
  }

  #life(type, at, data) {
    if (data.agentId.startsWith("master-")) return;
    const own = this.#lane(data.agentId);
    extend(own, at);
    if (type === "agent.stopped") own.stopped = at;
  }

  #begin(own, at, data) {
    const span = this.#call(own, data);
    span.from = at;
    own.isSorted = false;
  }

  #end(own, at, data) {
    const span = this.#call(own, data);
    span.from ??= at - (data.durationMs ?? 0);
    Object.assign(span, { until: at, outcome: data.outcome, durationMs: data.durationMs });
    own.isSorted = false;
  }

  #call(own, data) {
    let span = this.#calls.get(data.toolUseId);
    if (span === undefined) {
      span = { kind: "tool", key: data.toolUseId, name: data.toolName, from: undefined, until: undefined };
      this.#calls.set(data.toolUseId, span);
      own.tools.push(span);
    }
    return span;
  }

  #moment(own, key, at, kind) {
    if (this.#moments.has(key)) return;
    this.#moments.set(key, true);
    own.moments.push({ at, kind });
    own.isSorted = false;
  }

  /** States to spans of waiting. */
  #waits(at) {
    const changes = [...this.#changes.values()].sort((a, b) => a.at - b.at);
    this.waits = [];
    let since;
    for (const change of changes) {
      if (since !== undefined && change.state !== "requires_action") {
        this.waits.push({ kind: "wait", from: since, until: change.at });
        since = undefined;
      } else if (change.state === "requires_action") since ??= change.at;
    }
    if (since !== undefined) this.waits.push({ kind: "wait", from: since, until: undefined });
    this.ended = changes.at(-1)?.state === "ended" ? at : undefined;
  }

  /** The lanes, the main agent's first, then by their beginning; each sorted. */
  all() {
    const found = [...this.byAgent.values()].filter((one) => one.from !== Infinity);
    for (const one of found) if (!one.isSorted) settle(one);
    return found.sort((a, b) => (b.agent === MAIN) - (a.agent === MAIN) || a.from - b.from);
  }

  /** Forget what ended before. */
  forgetBefore(at) {
    for (const [agent, own] of this.byAgent) {
      for (const span of own.tools) if (span.until < at) this.#calls.delete(span.key);
      own.tools = own.tools.filter((span) => !(span.until < at));
      own.moments = own.moments.filter((moment) => moment.at >= at);
      own.isSorted = false;
      own.from = Math.max(own.from, at);
      if (agent !== MAIN && own.until < at) this.byAgent.delete(agent);
    }
    this.#moments.clear();
    this.#forgetChanges(at);
    this.from = at;
  }

  /** Of the changes before, the last one tells how it was then. */
  #forgetChanges(at) {
    const before = [...this.#changes].filter(([, change]) => change.at < at).sort(([, a], [, b]) => a.at - b.at);
    for (const [key] of before.slice(0, -1)) this.#changes.delete(key);
    this.waits = this.waits.filter((wait) => !(wait.until < at));
  }
}

/** What the model waits for, and what comes of it. */
const MOMENTS = {
  "message.user": "asked", "tool.result": "asked", "message.assistant": "said", "message.error": "said",
  "message.result": "rests", "agent.stopped": "rests",
};

const lane = (agent) => ({
  agent, tools: [], thinks: [], moments: [], from: Infinity, until: -Infinity, stopped: undefined, isSorted: true,
});

function extend(own, at) {
  own.from = Math.min(own.from, at);
  own.until = Math.max(own.until, at);
}

/** Sort a lane's calls, and see when the model was at work: from what it was asked to what it said. */
function settle(own) {
  own.tools.sort((a, b) => a.from - b.from);
  own.moments.sort((a, b) => a.at - b.at);
  own.thinks = [];
  let since;
  for (const { at, kind } of own.moments) {
    if (kind === "said" && since !== undefined) {
      const last = own.thinks.at(-1);
      if (last !== undefined && last.until === since) last.until = at;
      else own.thinks.push({ kind: "model", from: since, until: at });
    }
    since = kind === "rests" ? undefined : at;
  }
  own.isSorted = true;
}
