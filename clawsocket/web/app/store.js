/**
 * What the service knows, as the views see it: one stream, reduced to sessions, agents and limits.
 *
 * Views are told at most 20 times a second what changed. They look at the maps and never change them.
 */

import { connect } from "/claw-socket.js";

/** What all views are told of. */
const TOPICS = ["session.*", "usage.rate_limit", "system.error"];
/** What is told while a view shows every session: it is most of what there is. */
const DETAILS = ["agent.state_changed", "usage.updated", "usage.context", "session.removed"];
/** ms after which what no event tells is asked for, if something happened: while a view shows every session, and else. */
const RESYNC = 20_000, RARELY = 60_000;
/** ms after which a new session's branch is asked for, and how often. */
const SOON = 1000, TRIES = 3;
/** ms between two times that views are told: what comes alone is told at once. */
const PACE = 50;
/** ms that events of a stream may wait for others, so that they come in one message. */
export const BATCH = PACE;
/** Troubles of the service that are kept. */
const TROUBLES = 50;

class Store {
  /** Session id to SessionInfo; as to its usage and context, see follow(). */
  sessions = new Map();
  /** Session id to its agents, agent id to AgentState; see follow(). */
  agents = new Map();
  /** Limit type to the newest RateLimit. */
  limits = new Map();
  /** The newest `system.error` events, newest first. */
  troubles = [];
  /** `status`: `connecting`, `live` or `lost`; `since`: in ms since 1970; `gaps`: how often something was missing. */
  connection = { status: "connecting", since: Date.now(), gaps: 0 };
  /** The server's `version`, `protocol` and `features`, once connected. */
  server = null;
  /** The client, for what a view asks for itself: see claw-socket.js. Null before the first connection. */
  claw = null;

  #url = null;
  #listeners = new Set();
  #changes = none();
  #timer = 0;
  #frame = 0;
  #flushed = 0;
  #stream = null;
  #details = null;
  #follows = false;
  #stopped = false;
  #since = 0;
  /** What came since a snapshot was asked for; null: none was. */
  #recent = null;
  /** Whether anything may be new in the next one. */
  #isStale = false;
  #resync = 0;
  #soon = false;
  #tries = new Map();

  /** Call a function with what changed; returns what ends that. The first one learns what was before it. */
  subscribe(listener) {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#tell(() => {});
    return () => this.#listeners.delete(listener);
  }

  /** Changes that say that everything is new, for a view that opens. */
  get everything() {
    return { sessions: new Set(this.sessions.keys()), all: true, connection: true };
  }

  /** Up to where it was told, for streams that are to go on from there; null before the first connection. */
  get position() {
    return this.#stream?.position ?? null;
  }

  /** Have agents, usage and contexts of all sessions as they are now, not as of the newest snapshot; returns what ends that. */
  follow() {
    this.#follows = true;
    if (this.position !== null) {
      this.#openDetails();
      this.refresh(true);
    }
    return () => {
      this.#follows = false;
      this.#details?.close();
    };
  }

  /** Learn of an event of a view's own stream. */
  learn(event) {
    if (this.sessions.has(event.sessionId)) this.#arrived(event, true);
  }

  /**
   * Connect, and stay so.
   * @param {object} options `url` as for connect(); `asks` tells whether a view will ask something at once; `onEnded` is
   *   called when a connection ends that is not tried again.
   */
  async start({ url, asks, onEnded }) {
    this.stop();
    this.#stopped = false;
    this.#url = url;
    if (this.connection.status === "connecting") this.connection.since = Date.now(); // and not since a login was shown
    this.claw = await connect({ url, wait: true });
    const notice = (told) => this.#noticed(told);
    const stream = (this.#stream = this.claw.events(TOPICS, { batch: BATCH, notice }));
    if (asks) this.claw.open().catch(() => {}); // meanwhile; who asks is told why it can't be
    this.#tell((changes) => (changes.connection = true));
    try {
      await stream.open();
      this.#take(stream.snapshot);
      this.#status("live");
      if (this.#follows) this.#openDetails();
      for await (const event of stream) this.#arrived(event);
    } catch {
      if (stream !== this.#stream) return;
      this.#status("lost");
      onEnded();
    }
  }

  /** Return a promise of a client of one's own, for what takes long: each answers one question at a time. */
  another(signal) {
    return connect({ url: this.#url, wait: true, signal });
  }

  /** End the connection; what is known stays. */
  stop() {
    this.#stopped = true;
    this.#stream?.close();
    this.#details?.close();
    this.claw?.close();
    this.#stream = this.claw = null;
    clearTimeout(this.#resync);
    this.#resync = 0;
  }

  /** From where the other stream is, so that no snapshot is needed between them. */
  async #openDetails() {
    const notice = (told) => told.type === "gap" && this.refresh(true);
    this.#details?.close();
    this.#details = this.claw.events(DETAILS, { batch: BATCH, since: this.position, notice });
    try {
      for await (const event of this.#details) this.#arrived(event);
    } catch {
      // What ends this stream ends the other one, which tells of it.
    }
  }

  #noticed(told) {
    if (this.#stopped) return;
    if (told.type === "lost") {
      this.#status("lost");
    } else if (told.type === "back") {
      this.#take(told.snapshot);
      this.#status("live");
      this.refresh(true); // what another stream told meanwhile may be newer
    } else {
      this.connection = { ...this.connection, gaps: this.connection.gaps + 1 };
      this.#tell((changes) => (changes.connection = true));
      this.refresh(true);
    }
  }

  #status(status) {
    if (status === this.connection.status) return;
    this.connection = { ...this.connection, status, since: Date.now() };
    this.#tell((changes) => (changes.connection = true));
  }

  /**
   * Be as a snapshot says, and forget all else.
   * @param {boolean} all whether anything may be new; else only what no event tells.
   */
  #take(snapshot, all = true) {
    const before = this.sessions;
    this.server = snapshot.server;
    this.sessions = new Map();
    for (const session of snapshot.sessions) {
      this.sessions.set(session.sessionId, session);
      for (const limit of session.rateLimits ?? []) this.limited(limit);
    }
    for (const id of this.#tries.keys()) if (!this.sessions.has(id)) this.#tries.delete(id);
    this.agents = new Map();
    for (const agent of snapshot.agents) this.keepAgent(agent);
    this.#since = snapshot.headSeq;
    this.#tell((changes) => {
      changes.all ||= all;
      for (const [id, session] of this.sessions) if (differs(session, before.get(id))) changes.sessions.add(id);
      for (const id of before.keys()) if (!this.sessions.has(id)) changes.sessions.add(id);
    });
  }

  #arrived(event, isShown = this.#follows) {
    this.#recent?.push(event);
    if (event.seq <= this.#since) return;
    this.#apply(event);
    if (isShown && this.#lacks(event.sessionId)) this.#refreshIn(SOON);
    else if (this.#resync === 0) this.#refreshIn(this.#follows ? RESYNC : RARELY);
  }

  /** Whether something of a session may be known by now that no event tells. */
  #lacks(id) {
    const session = this.sessions.get(id);
    if (session === undefined || session.gitBranch || this.#soon) return false;
    const tries = this.#tries.get(id) ?? 0;
    if (tries >= TRIES) return false;
    this.#tries.set(id, tries + 1);
    return true;
  }

  #refreshIn(pause) {
    clearTimeout(this.#resync);
    this.#soon = pause === SOON;
    this.#resync = setTimeout(() => this.refresh(), pause);
  }

  /**
   * Ask for a snapshot: a branch, for one, is in no event. What came meanwhile is applied again.
   * @param {boolean} all whether anything may be new; else only what no event tells.
   */
  async refresh(all = false) {
    clearTimeout(this.#resync);
    this.#soon = false;
    this.#isStale ||= all;
    if (this.#recent !== null || this.claw === null) return;
    this.#recent = [];
    try {
      const snapshot = await this.claw.snapshot();
      // Another snapshot may have come with a new connection, and be newer.
      const newer = this.#recent.filter((event) => event.seq > snapshot.headSeq);
      this.#take(snapshot, this.#isStale);
      this.#isStale = false;
      newer.forEach((event) => this.#apply(event));
    } catch {
      // The stream tells of a lost connection, and brings a snapshot when it is back.
    } finally {
      this.#recent = null;
      this.#resync = 0;
    }
  }

  #apply(event) {
    const reduce = REDUCERS[event.type];
    if (reduce !== undefined) reduce(this, event, event.data);
    else if (event.type === "system.error") this.troubles = [event, ...this.troubles].slice(0, TROUBLES);
    this.#tell((changes) => {
      if (event.sessionId) changes.sessions.add(event.sessionId);
    });
  }

  /** Change what is known of a session; an unknown one is made. */
  merge(event, fields) {
    const id = event.sessionId;
    const known = this.sessions.get(id) ?? {
      sessionId: id, pid: null, cwd: "", startedAt: event.timestamp, discoveredAt: event.timestamp, state: "idle",
      since: event.timestamp,
    };
    const session = { ...known };
    for (const name in fields) if (fields[name] !== undefined) session[name] = fields[name];
    this.sessions.set(id, session);
  }

  keepAgent(agent) {
    const { sessionId, agentId } = agent;
    agent.toolHistory = null; // nobody shows it, and it is most of an agent
    if (!this.agents.has(sessionId)) this.agents.set(sessionId, new Map());
    this.agents.get(sessionId).set(agentId, agent);
  }

  limited(limit) {
    const known = this.limits.get(limit.type);
    if (known === undefined || known.updatedAt <= limit.updatedAt) this.limits.set(limit.type, limit);
  }

  #tell(note) {
    note(this.#changes);
    if (this.#timer !== 0 || this.#listeners.size === 0) return;
    const draw = () => (document.hidden ? this.#flush() : (this.#frame = requestAnimationFrame(this.#flush)));
    this.#timer = setTimeout(draw, Math.max(0, this.#flushed + PACE - performance.now()));
  }

  #flush = () => {
    const changes = this.#changes;
    this.#changes = none();
    this.#timer = this.#frame = 0;
    this.#flushed = performance.now();
    for (const listener of this.#listeners) listener(changes);
  };

  /** A page that nobody sees draws no frames, and its title still counts who waits. */
  hidden() {
    if (this.#frame === 0) return;
    cancelAnimationFrame(this.#frame);
    this.#flush();
  }
}

const none = () => ({ sessions: new Set(), all: false, connection: false });

/** What a card shows of a session, but for what has events of its own that say it all. */
const SHOWN = ["state", "since", "waitingFor", "pid", "cwd", "gitBranch", "model", "name", "permissionMode", "error"];
const ASKED = ["name", "inputSummary", "toolUseId"];

/** Whether a session, but for its usage and context, is another than before. */
export function differs(session, before) {
  if (before === undefined) return true;
  for (const name of SHOWN) if ((session[name] ?? null) !== (before[name] ?? null)) return true;
  for (const name of ASKED) if ((session.tool?.[name] ?? null) !== (before.tool?.[name] ?? null)) return true;
  return false;
}

const REDUCERS = {
  "session.discovered": (store, event, data) =>
    store.merge(event, { ...data, type: undefined, discoveredAt: event.timestamp }),
  "session.started": (store, event, { model, permissionMode, cwd, version }) =>
    store.merge(event, { model, permissionMode, cwd, version }),
  "session.state_changed": (store, event, { state, since, waitingFor, tool, error }) =>
    store.merge(event, { state, since, waitingFor: waitingFor ?? null, tool: tool ?? null, error: error ?? null }),
  "session.renamed": (store, event, { name }) => store.merge(event, { name }),
  "session.removed": (store, event) => {
    store.sessions.delete(event.sessionId);
    store.agents.delete(event.sessionId);
  },
  "agent.state_changed": (store, event, { agents }) => agents.forEach((agent) => store.keepAgent(agent)),
  "usage.updated": (store, event, data) => store.merge(event, { usage: data }),
  "usage.context": (store, event, data) => store.merge(event, { context: data }),
  "usage.rate_limit": (store, event, data) => store.limited({ ...data, updatedAt: event.timestamp }),
};

export const store = new Store();

document.addEventListener("visibilitychange", () => document.hidden && store.hidden());
