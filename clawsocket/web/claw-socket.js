// @ts-check
/**
 * A client of claw-socket for browsers, Node and Bun, in one file without dependencies.
 *
 *     import { connect } from "claw-socket";
 *
 *     const claw = await connect();
 *     for await (const event of claw.events("tool.use")) console.log(event.data.toolName);
 *
 * In Node and Bun it finds the server and the token by itself. It comes back when the connection is lost, goes on where
 * it was, and gives each event once. Types are in claw-socket.d.ts.
 *
 * Numbers of events (`seq`) are microseconds since 1970 at most, far below 2^53: a JavaScript number holds them exactly.
 *
 * @module claw-socket
 */

/** @typedef {import("./claw-socket.d.ts").Notice} Notice */
/** @typedef {import("./claw-socket.d.ts").Position} Position */
/** @typedef {import("./claw-socket.d.ts").Snapshot} Snapshot */
/** @typedef {import("./claw-socket.d.ts").SessionInfo} SessionInfo */
/** @typedef {import("./claw-socket.d.ts").AskOptions} AskOptions */
/** @typedef {import("./claw-socket.d.ts").AnyEvent} AnyEvent */
/** @typedef {import("./claw-socket.d.ts").HistoryEvent} HistoryEvent */
/** @typedef {{ [field: string]: any }} Json */

/** ms for a server to answer. */
const OPEN_TIMEOUT = 10_000;
/** ms for a server to say goodbye. */
const CLOSE_TIMEOUT = 1_000;
/** ms between two tries to connect, the first and the longest time, and how much longer each is than the one before. */
const PAUSES = { first: 100, longest: 5_000, growth: 1.5 };
/** How often a token may be refused in a row: a server that is told of a new one takes it a moment later. */
const REFUSALS = 3;
/** ms between two snapshots of `watch`, at least: how fast anyone can look, and a server need answer. */
const PACE = 200;
/** ms without a sign of life after which a server is asked for one, and again until it is given up. */
const QUIET = 20_000;
/** How many of the newest events are remembered by their id, at least: more than a server sends again after a crash. */
const REMEMBERED = 25_000;
/** Characters that wait for a slow reader; then nothing more is taken from the server, which keeps our place. */
const WAITING = 4 << 20;
/** What a message counts beside its characters: even empty ones take room. */
const EACH = 64;
/** Bytes of the longest message that is taken; the server's own limit for a history is 16 MB. */
const LONGEST_MESSAGE = 256 << 20;
/** Parts that a message may come in. */
const MOST_PARTS = 1 << 16;
/** Bytes of the longest answer to a handshake that is read. */
const LONGEST_HEAD = 16 << 10;

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
/** @type {Record<number, string>} */
const CLOSE_CODES = {
  1001: "going away",
  1008: "too many messages",
  1009: "message too big",
  4408: "too far behind",
  4409: "token rotated",
  4500: "internal error",
};
/** How a server closes a connection whose token is replaced. */
const TOKEN_ROTATED = 4409;
/** What may come again after a crash with more in it; everything else is a fact, known by its id alone. */
const LEVEL = /\.state_changed$|^usage\.|^session\.renamed$/;
/** By what name an event comes once more, right after itself, to who asks for it; the second: where it did not succeed. */
const ALIASES = new Map([
  ["tool.use", ["tool.started"]],
  ["tool.result", ["tool.completed", "tool.failed"]],
  ["usage.updated", ["usage.update"]],
  ["hook.pre_tool_use", ["hook.started"]],
  ["hook.post_tool_use", ["hook.completed"]],
  ["hook.post_tool_use_failure", ["hook.completed"]],
]);

/** The place before the first event that is kept. */
export const OLDEST = Object.freeze({ seq: 0 });

// Errors. Their messages hold no token, and no address's query, where one may be.

/** Base of every error of this module; its message is one clear line that says what to do. */
export class ClawSocketError extends Error {
  /** @override */
  name = "ClawSocketError";
}

/** No claw-socket answers. */
export class NoServerError extends ClawSocketError {
  /** @override */
  name = "NoServerError";

  /**
   * @param {string} where the address that was tried, or the file in which none was found
   * @param {string} problem what came of it, as a clause
   */
  constructor(where, problem) {
    super(`the service does not answer (${where}: ${problem}); start it with: claw-socket start, or in a terminal: claw-socket`);
    this.where = where;
    this.problem = problem;
  }
}

/** The server does not take the token. */
export class TokenRefusedError extends ClawSocketError {
  /** @override */
  name = "TokenRefusedError";

  /**
   * @param {string} where the server's address
   * @param {string} origin where the token came from
   */
  constructor(where, origin) {
    super(`${where} refuses the token (${origin}); the right one is in its owner's ~/.claw-socket/token`);
    this.where = where;
    this.origin = origin;
  }
}

/** What was asked for is wrong: an address, a topic, a session. */
export class RequestError extends ClawSocketError {
  /** @override */
  name = "RequestError";

  /**
   * @param {string} code one of the documented codes
   * @param {string} [message] a sentence for people
   */
  constructor(code, message) {
    super(message ?? code);
    this.code = code;
  }
}

/** A file of claw-socket's folder is there and can't be read. */
export class FolderError extends ClawSocketError {
  /** @override */
  name = "FolderError";

  /**
   * @param {string} path
   * @param {string} problem
   */
  constructor(path, problem) {
    super(`${path}: ${problem}`);
    this.path = path;
    this.problem = problem;
  }
}

/** A browser's socket can't be told to wait, so it was closed when too much waited for a slow reader. */
class TooFastError extends NoServerError {}

const CLOSED = new ClawSocketError("the client was closed");

// The door to a server: events, and questions about how everything is.

/**
 * @param {import("./claw-socket.d.ts").ConnectOptions} [options]
 * @returns {Promise<Claw>}
 */
export async function connect({ url, token, wait = false, signal } = {}) {
  signal?.throwIfAborted();
  const letIn = { href: "" };
  const claw = new Claw(async () => ({ ...(await find(url, token)), letIn }), signal);
  if (!wait) await claw.open();
  return claw;
}

class Claw {
  /** @type {() => Promise<Address>} */
  #find;
  /** @type {Scope} */
  #scope;
  /** @type {Link | null} */
  #link = null;
  /** @type {Promise<void> | null} */
  #opening = null;
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();
  /** @type {Promise<unknown>} */
  #dropped = Promise.resolve();
  #ids = 0;
  /** @type {Set<Events>} */
  #streams = new Set();

  /**
   * @param {() => Promise<Address>} find tells where the server is now
   * @param {AbortSignal | undefined} signal
   */
  constructor(find, signal) {
    this.#find = find;
    this.#scope = scope(signal);
    this.#scope.signal.addEventListener("abort", () => this.#drop());
  }

  async open() {
    if (this.#link === null) await (this.#opening ??= this.#connect().finally(() => (this.#opening = null)));
  }

  async #connect() {
    this.#keep(await dial(await this.#find(), this.#scope.signal));
  }

  /**
   * One connection is enough, whoever made it first.
   *
   * @param {Link} link
   */
  #keep(link) {
    if (this.#link === null) this.#link = link;
    else void link.close();
  }

  /**
   * @param {string | readonly string[]} [topics]
   * @param {import("./claw-socket.d.ts").EventsOptions} [options]
   */
  events(topics = "*", { session, since, batch, notice, signal } = {}) {
    const wanted = typeof topics === "string" ? [topics] : [...topics];
    const sessionId = session === undefined || typeof session === "string" ? session : [...session];
    const subscribe = { type: "subscribe", topics: wanted.length ? wanted : ["*"], sessionId, batchMs: batch };
    const inner = scope(this.#scope.signal, signal);
    const stream = new Events(this.#find, subscribe, since ?? null, notice ?? warn, inner);
    this.#streams.add(stream);
    inner.signal.addEventListener("abort", () => this.#streams.delete(stream));
    return stream;
  }

  /**
   * @param {import("./claw-socket.d.ts").WatchOptions} [options]
   * @returns {AsyncGenerator<Snapshot, void, void>}
   */
  async *watch({ notice, signal } = {}) {
    let changed = false;
    let wake = () => {};
    const change = () => {
      changed = true;
      wake();
    };
    const told = (/** @type {Notice} */ one) => {
      change();
      notice?.(one);
    };
    const events = this.events(["session.*", "agent.*", "usage.*"], { batch: PACE, notice: told, signal });
    try {
      await events.open();
      if (events.closed) return;
      yield events.snapshot;
      /** @type {{ error?: unknown } | null} */
      let end = null;
      const read = async () => {
        for await (const _ of events) change();
      };
      read().then(
        () => (end = {}),
        (error) => (end = { error }),
      ).finally(change);
      for (;;) {
        if (!changed) await new Promise((resolve) => (wake = () => resolve(undefined)));
        changed = false;
        if (end !== null) {
          if ("error" in end) throw /** @type {{ error: unknown }} */ (end).error;
          return;
        }
        yield await this.snapshot({ signal });
        await sleep(PACE, signal);
      }
    } catch (error) {
      unlessClosed(error);
    } finally {
      await events.close();
    }
  }

  /**
   * @param {string} session
   * @param {string | undefined} [agent]
   * @param {import("./claw-socket.d.ts").WatchOptions} [options]
   * @returns {AsyncGenerator<{ [field: string]: unknown }, void, void>}
   */
  async *agentLog(session, agent, { notice = () => {}, signal } = {}) {
    const inner = scope(this.#scope.signal, signal);
    const patience = new Patience();
    let isLost = false;
    try {
      for (;;) {
        /** @type {Link | null} */
        let link = null;
        try {
          link = await dial(await this.#find(), inner.signal);
          link.send({ type: "subscribe_agent_log", sessionId: session, agentId: agent });
          patience.connected();
          if (isLost) notice({ type: "back", snapshot: link.snapshot });
          isLost = false;
          for (;;) {
            const message = await link.receive(inner.signal);
            if (message.type === "error") throw new RequestError(String(message.error), message.message);
            if (message.type !== "agent_log") continue;
            patience.worked();
            yield message.line;
          }
        } catch (error) {
          inner.signal.throwIfAborted();
          const pause = patience.pause(error);
          if (!isLost) notice({ type: "lost", error: /** @type {ClawSocketError} */ (error) });
          isLost = true;
          await sleep(pause, inner.signal);
        } finally {
          void link?.close();
        }
      }
    } catch (error) {
      unlessClosed(error);
    } finally {
      inner.release();
    }
  }

  // Questions

  /**
   * @param {AskOptions} [options]
   * @returns {Promise<Snapshot>}
   */
  async snapshot({ signal } = {}) {
    return await this.#ask({ type: "get_snapshot" }, signal);
  }

  /**
   * @param {AskOptions & { all?: boolean | undefined }} [options]
   * @returns {Promise<SessionInfo[]>}
   */
  async sessions({ all = false, signal } = {}) {
    return (await this.#ask({ type: "get_session_list", all }, signal)).sessions;
  }

  /**
   * @param {string} [session]
   * @param {AskOptions} [options]
   * @returns {Promise<any>}
   */
  async usage(session, { signal } = {}) {
    const { type, id, ...usage } = await this.#ask({ type: "get_usage", sessionId: session }, signal);
    return usage;
  }

  /**
   * @param {AskOptions & import("./claw-socket.d.ts").UsageReportOptions} [options]
   * @returns {Promise<any>}
   */
  async usageReport({ by = "day", since, signal } = {}) {
    const wanted = typeof by === "string" ? [by] : [...by];
    const { type, id, ...report } = await this.#ask({ type: "get_usage_report", by: wanted, since }, signal);
    return report;
  }

  /**
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<any>}
   */
  async status({ signal } = {}) {
    const { type, id, ...status } = await this.#ask({ type: "get_status" }, signal);
    return status;
  }

  /**
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<any>}
   */
  async findings({ signal } = {}) {
    return (await this.#ask({ type: "get_findings" }, signal)).findings;
  }

  /**
   * @param {string} session
   * @param {AskOptions & import("./claw-socket.d.ts").HistoryOptions} [options]
   * @returns {Promise<HistoryEvent[]>}
   */
  async history(session, { limit, before, all, signal } = {}) {
    return (await this.#ask({ type: "get_session_history", sessionId: session, limit, before, all }, signal)).events;
  }

  async close() {
    const streams = [...this.#streams];
    this.#scope.abort(CLOSED);
    this.#scope.release();
    await Promise.all([this.#dropped, ...streams.map((stream) => stream.close())]);
  }

  /**
   * Send a message and return its reply; over another connection if this one is lost meanwhile. One at a time.
   *
   * @param {Json} message
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<any>}
   */
  async #ask(message, signal) {
    const inner = scope(this.#scope.signal, signal);
    const before = this.#turn;
    let done = () => {};
    const mine = new Promise((resolve) => (done = () => resolve(undefined)));
    this.#turn = before.then(() => mine);
    try {
      await unless(inner.signal, before);
      const patience = new Patience();
      for (;;) {
        try {
          return await this.#reply(message, patience, inner.signal);
        } catch (error) {
          if (error instanceof RequestError) throw error;
          this.#drop(); // the server goes on with a question that was given up for as long as somebody is there
          await sleep(patience.pause(error), inner.signal);
        }
      }
    } finally {
      done();
      inner.release();
    }
  }

  /**
   * @param {Json} message
   * @param {Patience} patience
   * @param {AbortSignal} signal
   */
  async #reply(message, patience, signal) {
    if (this.#opening !== null) await unless(signal, this.#opening);
    if (this.#link === null) {
      this.#keep(await dial(await this.#find(), signal));
      patience.connected();
    }
    const id = ++this.#ids;
    const link = /** @type {Link} */ (/** @type {unknown} */ (this.#link));
    link.send({ ...message, id });
    for (;;) {
      const reply = await link.receive(signal);
      if (reply.id !== id) continue;
      if (reply.type === "error") throw new RequestError(String(reply.error), reply.message);
      return reply;
    }
  }

  #drop() {
    if (this.#link !== null) this.#dropped = this.#link.close();
    this.#link = null;
  }
}

/** A stream of events that outlives its connections. */
class Events {
  /** @type {Position | null} */
  position;
  closed = false;
  /** @type {() => Promise<Address>} */
  #find;
  /** @type {Json} */
  #subscribe;
  /** @type {(notice: Notice) => void} */
  #notice;
  /** @type {Scope} */
  #scope;
  /** @type {Link | null} */
  #link = null;
  /** @type {Promise<void> | null} */
  #opening = null;
  /** @type {Promise<unknown>} */
  #dropped = Promise.resolve();
  #patience = new Patience();
  #known = new Known();
  #isLost = false;
  #reading = this.#read();

  /**
   * @param {() => Promise<Address>} find
   * @param {Json} subscribe
   * @param {Position | null} since
   * @param {(notice: Notice) => void} notice
   * @param {Scope} inner its end is that of the stream
   */
  constructor(find, subscribe, since, notice, inner) {
    this.#find = find;
    this.#subscribe = subscribe;
    this.position = since;
    this.#notice = notice;
    this.#scope = inner;
    const end = () => {
      this.closed = true;
      inner.release();
      this.#drop();
    };
    if (inner.signal.aborted) end();
    else inner.signal.addEventListener("abort", end);
  }

  get snapshot() {
    if (this.#link === null) throw new Error("the stream is not open; open it with: await claw.events(…).open()");
    return this.#link.snapshot;
  }

  /** @returns {Promise<this>} */
  async open() {
    await this.#opened().catch(unlessClosed);
    return this;
  }

  /** Whoever asks first has it connected; the others wait for the same. */
  #opened() {
    return (this.#opening ??= this.#connect().finally(() => (this.#opening = null)));
  }

  /** @returns {Promise<IteratorResult<AnyEvent, undefined>>} */
  async next() {
    try {
      return await this.#reading.next();
    } catch (error) {
      unlessClosed(error);
      return { done: true, value: undefined };
    }
  }

  /** @returns {Promise<IteratorResult<AnyEvent, undefined>>} */
  async return() {
    await this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async close() {
    this.#scope.abort(CLOSED);
    await this.#dropped;
  }

  /** @returns {AsyncGenerator<AnyEvent, undefined, void>} */
  async *#read() {
    const { signal } = this.#scope;
    try {
      for (;;) {
        signal.throwIfAborted();
        const event = await this.#event();
        if (event !== null) yield event;
      }
    } finally {
      this.#scope.abort(CLOSED);
    }
  }

  /** @returns {Promise<AnyEvent | null>} */
  async #event() {
    if (this.#link === null) await this.#opened();
    const link = /** @type {Link} */ (this.#link);
    try {
      return this.#take(await link.receive(this.#scope.signal), link);
    } catch (error) {
      await this.#lose(error);
      return null;
    }
  }

  /** Connect, as often as it takes. */
  async #connect() {
    const { signal } = this.#scope;
    while (this.#link === null) {
      signal.throwIfAborted();
      try {
        this.#begin(await dial(await this.#find(), signal));
      } catch (error) {
        await this.#lose(error);
      }
    }
  }

  /**
   * Ask a new connection for what comes after the position.
   *
   * @param {Link} link
   */
  #begin(link) {
    this.#link = link;
    this.position ??= { seq: link.snapshot.headSeq, epoch: link.snapshot.epoch };
    link.send({ ...this.#subscribe, sinceSeq: this.position.seq, epoch: this.position.epoch });
    this.#patience.connected();
    if (this.#isLost) {
      this.#isLost = false;
      this.#notice({ type: "back", snapshot: link.snapshot });
    }
  }

  /** @param {unknown} error */
  async #lose(error) {
    const { signal } = this.#scope;
    this.#drop();
    signal.throwIfAborted();
    if (error instanceof TooFastError) return;
    const pause = this.#patience.pause(error);
    if (!this.#isLost) {
      this.#isLost = true;
      this.#notice({ type: "lost", error: /** @type {ClawSocketError} */ (error) });
    }
    await sleep(pause, signal);
  }

  /**
   * @param {Json} message
   * @param {Link} link
   * @returns {AnyEvent | null}
   */
  #take(message, link) {
    const { epoch } = link.snapshot;
    if (typeof message.seq === "number") {
      this.#patience.worked();
      const isWhole = !this.#subscribe.topics.includes(aliasOf(message)); // else a part of it is yet to come
      this.position = { seq: isWhole ? message.seq : message.seq - 1, epoch };
      return this.#known.isNew(message) ? /** @type {any} */ (message) : null;
    }
    if (message.type === "gap") {
      this.position = { seq: message.to, epoch };
      this.#notice(/** @type {any} */ (message));
    } else if (message.type === "bookmark") {
      this.position = { seq: message.headSeq, epoch };
    } else if (message.type === "error") {
      throw new RequestError(String(message.error), message.message);
    }
    return null;
  }

  #drop() {
    if (this.#link !== null) this.#dropped = this.#link.close();
    this.#link = null;
  }
}

/** @param {Json} event */
function aliasOf({ type, data }) {
  const [one, other = one] = ALIASES.get(type) ?? [];
  return data?.success === false ? other : one;
}

/** The newest events by what makes each a new one: a fingerprint of it, so that no text is kept. */
class Known {
  #newer = new Fingerprints();
  #older = new Fingerprints();

  /** @param {Json} event */
  isNew({ type, id, data }) {
    mix.begin();
    mix.add(type);
    mix.add(id);
    if (LEVEL.test(type)) mix.add(data);
    if (this.#older.has(mix)) return false;
    if (!this.#newer.add(mix)) return false;
    if (this.#newer.count >= REMEMBERED) {
      [this.#older, this.#newer] = [this.#newer, this.#older];
      this.#newer.clear();
    }
    return true;
  }
}

/**
 * A fingerprint of values as JSON has them: 63 bits, in two halves that have nothing in common. That a new event has that
 * of one of 50,000 others happens with one event in 10^14. It is made of each event, and so without a text or an object.
 */
class Fingerprint {
  high = 0;
  low = 0;
  #number = new Float64Array(1);
  #bits = new Int32Array(this.#number.buffer);

  begin() {
    this.high = 0x811c9dc5;
    this.low = 0x2c1b3c6d;
  }

  /** @param {any} value */
  add(value) {
    if (typeof value === "string") {
      for (let at = 0; at < value.length; at++) this.#take(value.charCodeAt(at));
      this.#take(value.length);
    } else if (Array.isArray(value)) {
      for (let at = 0; at < value.length; at++) this.add(value[at]);
      this.#take(value.length);
      this.#take(1);
    } else if (typeof value === "object" && value !== null) {
      for (const name in value) {
        this.add(name);
        this.add(value[name]);
      }
      this.#take(2);
    } else {
      this.#number[0] = Number(value);
      this.#take(/** @type {number} */ (this.#bits[0]));
      this.#take(/** @type {number} */ (this.#bits[1]));
      this.#take(typeof value === "number" ? 3 : typeof value === "boolean" ? 4 : 5); // 0 is not false, nor null
    }
  }

  /** @param {number} bits FNV-1a above; below, a step of which each bit depends on all */
  #take(bits) {
    this.high = Math.imul(this.high ^ bits, 0x01000193);
    this.low = Math.imul((this.low ^ (this.low >>> 15)) + bits, 0x297a2d39);
  }
}

const mix = new Fingerprint();

/** A set of fingerprints: a table of numbers, of which a collector has nothing to do. */
class Fingerprints {
  count = 0;
  #slots = new Int32Array(256);

  /** @param {Fingerprint} print */
  has({ high, low }) {
    return this.#slots[this.#find(high | 1, low)] !== 0;
  }

  /**
   * Add one, and return whether it was not there.
   *
   * @param {Fingerprint} print
   */
  add({ high, low }) {
    const at = this.#find(high | 1, low);
    if (this.#slots[at] !== 0) return false;
    this.#put(at, high | 1, low);
    if (++this.count * 4 > this.#slots.length) this.#grow();
    return true;
  }

  clear() {
    this.#slots.fill(0);
    this.count = 0;
  }

  /**
   * Return the place where one is, or could be: its first half is 0 nowhere else.
   *
   * @param {number} high
   * @param {number} low
   */
  #find(high, low) {
    const last = this.#slots.length - 2;
    let at = (low ^ (low >>> 15)) << 1 & last;
    while (this.#slots[at] !== 0 && (this.#slots[at] !== high || this.#slots[at + 1] !== low)) at = (at + 2) & last;
    return at;
  }

  /**
   * @param {number} at
   * @param {number} high
   * @param {number} low
   */
  #put(at, high, low) {
    this.#slots[at] = high;
    this.#slots[at + 1] = low;
  }

  #grow() {
    const before = this.#slots;
    this.#slots = new Int32Array(2 * before.length);
    for (let at = 0; at < before.length; at += 2) {
      const [high, low] = /** @type {[number, number]} */ ([before[at], before[at + 1]]);
      if (high !== 0) this.#put(this.#find(high, low), high, low);
    }
  }
}

/** @param {Notice} notice */
function warn(notice) {
  if (notice.type !== "gap") return;
  console.warn(`claw-socket: events ${notice.from} to ${notice.to} are missing: ${notice.reason}`);
}

/** @param {unknown} error */
function unlessClosed(error) {
  if (error !== CLOSED) throw error;
}

// One connection, and the patience to get the next one.

/**
 * Where a server is: at a URL or a Unix socket, with what token, from where; and whether somebody was seen there.
 *
 * @typedef {{ url: URL, socket?: string, token?: string | undefined, origin: string, isThere?: boolean }} Place
 */
/**
 * A place, and the whole address that let a page in last; "" for none, or once the server has another token.
 *
 * @typedef {Place & { letIn: { href: string } }} Address
 */
/** @typedef {{ inbox: Inbox, send(text: string): void, close(): Promise<void> }} Socket */

/** A connection that has got its first message. */
class Link {
  /**
   * @param {Socket} socket
   * @param {string} where
   * @param {Json} first
   */
  constructor(socket, where, first) {
    if (!Number.isSafeInteger(first.headSeq) || typeof first.epoch !== "string") {
      throw new NoServerError(where, "another program is there");
    }
    this.socket = socket;
    this.where = where;
    this.snapshot = /** @type {Snapshot} */ (first);
    /** @type {Iterator<Json>} */
    this.batch = [][Symbol.iterator]();
  }

  /** @param {Json} message */
  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  /**
   * Return the next message; of a batch its events, one by one.
   *
   * @param {AbortSignal} signal
   */
  async receive(signal) {
    for (;;) {
      const { done, value } = this.batch.next();
      if (!done) return checked(value, this.where);
      const message = parse(await this.socket.inbox.take(signal), this.where);
      if (message.type !== "events" || !Array.isArray(message.events)) return message;
      this.batch = message.events.values();
    }
  }

  close() {
    return this.socket.close();
  }
}

/**
 * @param {string} text
 * @param {string} where
 * @returns {Json}
 */
function parse(text, where) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    // as below
  }
  return checked(message, where);
}

/**
 * @param {any} message
 * @param {string} where
 * @returns {Json}
 */
function checked(message, where) {
  if (typeof message?.type === "string") return message;
  throw new NoServerError(where, "another program is there");
}

/**
 * Return a new connection.
 *
 * @param {Address} address
 * @param {AbortSignal} signal
 */
async function dial(address, signal) {
  const where = address.socket ?? shown(address.url);
  const inner = scope(signal);
  const late = () => inner.abort(new NoServerError(where, `no answer within ${OPEN_TIMEOUT / 1000} s`));
  const timer = setTimeout(late, OPEN_TIMEOUT);
  try {
    const socket = await (hasNode ? openNode : openBrowser)(address, where, inner.signal);
    try {
      return new Link(socket, where, parse(await socket.inbox.take(inner.signal), where));
    } catch (error) {
      void socket.close();
      throw error;
    }
  } finally {
    clearTimeout(timer);
    inner.release();
  }
}

/**
 * An address never shows its query, which may hold a token.
 *
 * @param {URL} url
 */
function shown(url) {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** How long to wait until the next try: longer each time, and short again once something worked. */
class Patience {
  #pause = PAUSES.first;
  #refused = 0;
  /** @type {number | null} */
  #connectedAt = null;

  /** Learn that there is a connection; only one that lasts is worth something. */
  connected() {
    this.#refused = 0;
    this.#connectedAt = performance.now();
  }

  /** Learn that something came over it. */
  worked() {
    this.#pause = PAUSES.first;
  }

  /**
   * Return how many ms to wait after an error, a little by chance, so that not all come back at once; throw the error
   * where waiting would not help.
   *
   * @param {unknown} error
   */
  pause(error) {
    if (error instanceof TokenRefusedError) this.#refused++;
    else if (!(error instanceof NoServerError)) throw error;
    if (this.#refused >= REFUSALS) throw error;
    if (this.#connectedAt !== null && performance.now() - this.#connectedAt > PAUSES.longest) this.worked();
    this.#connectedAt = null;
    const pause = this.#pause;
    this.#pause = Math.min(PAUSES.growth * pause, PAUSES.longest);
    return pause * (0.5 + Math.random() / 2);
  }
}

/** What came and was not taken yet; who takes it waits for more. */
class Inbox {
  /** @type {string[]} */
  #messages = [];
  #first = 0;
  #size = 0;
  /** @type {Error | null} */
  #end = null;
  #wake = () => {};
  /** @type {AbortSignal | null} */
  #heeded = null;
  #aborted = () => {
    this.#heed(null); // it would keep all that follows it
    this.#wake();
  };

  /**
   * @param {object} owner
   * @param {() => void} owner.full told when too much waits
   * @param {() => void} [owner.empty] told when nothing waits any more
   * @param {(isWaited: boolean) => void} [owner.waited] told whether somebody waits for it
   */
  constructor({ full, empty = () => {}, waited = () => {} }) {
    this.full = full;
    this.empty = empty;
    this.waited = waited;
  }

  /** @param {string} message */
  put(message) {
    if (this.#end !== null) return;
    this.#messages.push(message);
    this.#size += message.length + EACH;
    this.#wake();
    if (this.#size > WAITING && this.#messages.length - this.#first > 1) this.full();
  }

  /**
   * Nothing more comes, and why.
   *
   * @param {Error} error
   */
  end(error) {
    this.#end ??= error;
    this.#heed(null);
    this.#wake();
  }

  /**
   * Return the next message; throw why there are no more.
   *
   * @param {AbortSignal} signal
   */
  async take(signal) {
    for (;;) {
      signal.throwIfAborted();
      if (this.#first < this.#messages.length) return this.#shift();
      if (this.#end !== null) throw this.#end;
      this.#heed(signal);
      this.waited(true);
      await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
      this.waited(false);
    }
  }

  /**
   * Wake who waits when a signal aborts: by one listener, not one for each message.
   *
   * @param {AbortSignal | null} signal
   */
  #heed(signal) {
    if (signal === this.#heeded) return;
    this.#heeded?.removeEventListener("abort", this.#aborted);
    signal?.addEventListener("abort", this.#aborted);
    this.#heeded = signal;
  }

  #shift() {
    const message = /** @type {string} */ (this.#messages[this.#first]);
    this.#messages[this.#first++] = ""; // what was taken is not kept
    this.#size -= message.length + EACH;
    if (this.#first === this.#messages.length) {
      this.#messages = [];
      this.#first = 0;
      this.empty();
    } else if (this.#first > 1024 && this.#first * 2 > this.#messages.length) {
      this.#messages.splice(0, this.#first);
      this.#first = 0;
    }
    return message;
  }
}

// Waiting, and not any longer.

/** @typedef {{ signal: AbortSignal, abort(reason: unknown): void, release(): void }} Scope */

/**
 * Who follows a signal: all of them by one listener, as Node takes more than ten of them for a leak, and says so.
 *
 * @type {WeakMap<AbortSignal, Set<AbortController>>}
 */
const followers = new WeakMap();

/**
 * Return a signal that aborts when one of some does, or by itself. Released, it does not follow them any more.
 *
 * @param {...(AbortSignal | undefined)} signals
 * @returns {Scope}
 */
function scope(...signals) {
  const own = new AbortController();
  for (const signal of signals) {
    if (signal?.aborted) own.abort(signal.reason);
    else if (signal !== undefined) follow(signal, own);
  }
  return {
    signal: own.signal,
    abort: (reason) => own.abort(reason),
    release: () => signals.forEach((signal) => signal && unfollow(signal, own)),
  };
}

/**
 * @param {AbortSignal} signal
 * @param {AbortController} own
 */
function follow(signal, own) {
  const all = followers.get(signal) ?? new Set();
  followers.set(signal, all.add(own));
  signal.addEventListener("abort", passOn); // which it is told once, however often it is asked for
}

/**
 * @param {AbortSignal} signal
 * @param {AbortController} own
 */
function unfollow(signal, own) {
  const all = followers.get(signal);
  if (all?.delete(own) && all.size === 0) signal.removeEventListener("abort", passOn);
}

/** @param {Event} event */
function passOn({ target }) {
  const signal = /** @type {AbortSignal} */ (target);
  for (const own of [...(followers.get(signal) ?? [])]) own.abort(signal.reason);
}

/**
 * Wait for a promise, or until a signal aborts.
 *
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
async function unless(signal, promise) {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
  });
  try {
    return /** @type {T} */ (await Promise.race([promise, aborted]));
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 */
async function sleep(ms, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const over = new Promise((resolve) => (timer = setTimeout(resolve, ms)));
  await unless(signal, over).finally(() => clearTimeout(timer));
}

// Where the server is, and what lets us in: given, or found in its owner's folder.

/** Whether this is Node, Bun or Deno; with a document it is a page, whatever else there is. */
const hasNode = typeof globalThis.process?.versions?.node === "string" && !("document" in globalThis);

/**
 * Return a module of Node; browsers, and what bundles for them, never see it.
 *
 * @param {string} name
 * @returns {Promise<any>}
 */
function node(name) {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ `node:${name}`);
}

/**
 * Looked up anew each time, since a server that comes back may have changed both. The Unix socket goes first: it needs
 * no token, and nobody else can stand there. A token that was found is shown to this machine alone.
 *
 * @param {import("./claw-socket.d.ts").ConnectOptions["url"]} told
 * @param {string | undefined} token
 * @returns {Promise<Place>}
 */
async function find(told, token) {
  const url = typeof told === "function" ? await told() : told;
  if (token !== undefined && !/^[\x21-\x7e]*$/.test(token)) {
    throw new RequestError("invalid token", "a token has printable characters alone");
  }
  const given = { token, origin: token === undefined ? "none was given" : "given by the caller" };
  if (!hasNode) return { url: webSocket(url ?? ownOrigin()), isThere: typeof told === "function", ...given };
  const [{ homedir }, { join }] = await Promise.all([node("os"), node("path")]);
  const folder = process.env.CLAW_SOCKET_DIR || join(homedir(), ".claw-socket");
  const address = url === undefined ? await readEndpoint(join(folder, "endpoint")) : { url: webSocket(url) };
  if (address.socket !== undefined) return { ...address, origin: "none is needed" };
  if (token !== undefined || (url !== undefined && !LOOPBACK.includes(address.url.hostname))) {
    return { ...address, ...given };
  }
  return { ...address, ...(await readToken(join(folder, "token"))) };
}

/** A page that the server itself serves needs no address. */
function ownOrigin() {
  const { origin } = globalThis.location ?? {};
  if (origin?.startsWith("http")) return origin;
  throw new RequestError("invalid address", "this page is no server's own; give the url: ws://HOST:PORT");
}

/** @param {string | URL} text */
function webSocket(text) {
  try {
    const url = new URL(text);
    url.protocol = url.protocol.replace(/^http/, "ws");
    url.hash = "";
    if (/^wss?:$/.test(url.protocol)) return url;
  } catch {
    // as below
  }
  const before = String(text).replace(/[?#].*/s, "");
  throw new RequestError("invalid address", `${before} is no address of a WebSocket (ws://HOST:PORT)`);
}

/**
 * @param {string} path
 * @returns {Promise<{ url: URL, socket?: string }>}
 */
async function readEndpoint(path) {
  let text;
  try {
    text = await readStart(path);
  } catch (error) {
    throw new NoServerError(path, words(error));
  }
  try {
    const { url, socket } = JSON.parse(text);
    return typeof socket === "string" ? { url: new URL("ws://localhost/"), socket } : { url: webSocket(url) };
  } catch {
    throw new NoServerError(path, "it tells nothing");
  }
}

/**
 * @param {string} path
 * @returns {Promise<{ token?: string, origin: string }>}
 */
async function readToken(path) {
  let text = "";
  try {
    text = (await readStart(path)).trim();
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw new FolderError(path, `cannot be read: ${words(error)}`);
  }
  return /^[0-9a-f]{64}$/.test(text)
    ? { token: text, origin: `from ${path}` }
    : { origin: `there is none in ${path}` };
}

/**
 * Return the text of a small file.
 *
 * @param {string} path
 * @returns {Promise<string>}
 */
async function readStart(path) {
  const { open } = await node("fs/promises");
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1 << 16), 0, 1 << 16, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** @param {any} error */
function codeOf(error) {
  return String(error?.code ?? "");
}

/** @param {any} error */
function words(error) {
  /** @type {Record<string, string>} */
  const known = { ENOENT: "it is not there", ECONNREFUSED: "connection refused", EACCES: "permission denied" };
  const code = codeOf(error);
  return known[code] ?? (code || "it failed");
}

// A browser's socket.

/**
 * @param {Address} address
 * @param {string} where
 * @param {AbortSignal} signal
 * @returns {Promise<Socket>}
 */
async function openBrowser(address, where, signal) {
  if (!address.isThere) await knock(address.url, where, signal);
  const url = new URL(address.url);
  if (address.token !== undefined) url.searchParams.set("token", address.token);
  const { letIn } = address;
  const socket = attempt(url, where);
  socket.binaryType = "arraybuffer";
  const inbox = new Inbox({
    full() {
      inbox.end(new TooFastError(where, "the reader is slower than the server"));
      socket.close();
    },
  });
  /** @type {Promise<boolean>} */
  const opened = new Promise((resolve) => {
    socket.onopen = () => {
      letIn.href = url.href;
      resolve(true);
    };
    socket.onclose = ({ code, wasClean }) => {
      if (code === TOKEN_ROTATED && letIn.href === url.href) letIn.href = "";
      inbox.end(new NoServerError(where, wasClean ? closedWith(code) : "the connection was lost"));
      resolve(false);
    };
  });
  const decoder = new TextDecoder();
  socket.onmessage = ({ data }) => inbox.put(typeof data === "string" ? data : decoder.decode(data));
  try {
    if (await unless(signal, opened)) {
      // To send on one that closes is nothing, but an error in a browser's console; the inbox ends anyway.
      const send = (/** @type {string} */ text) => void (socket.readyState === WebSocket.OPEN && socket.send(text));
      return { inbox, send, close: async () => socket.close() };
    }
  } catch (error) {
    // Closed before it is open, it would be a warning in the console.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket.close();
    throw error;
  }
  // A browser does not tell a token that is refused from a server that is full.
  if (letIn.href === url.href) {
    throw new NoServerError(where, "it does not let this page in just now: it may be full, or have another token");
  }
  const { origin } = address;
  throw new TokenRefusedError(where, `${origin}, or this page's origin is not in allowed_origins, or it is full`);
}

/**
 * @param {URL} url
 * @param {string} where
 */
function attempt(url, where) {
  try {
    return new WebSocket(url);
  } catch {
    throw new RequestError("invalid address", `this page may not connect to ${where}`); // theirs would show the token
  }
}

/**
 * Look whether anybody is there. A browser does not tell why a WebSocket got no connection, and its console shows the
 * whole address, token and all.
 *
 * @param {URL} url
 * @param {string} where
 * @param {AbortSignal} signal
 */
async function knock(url, where, signal) {
  const health = new URL("/health", url);
  health.protocol = health.protocol.replace("ws", "http");
  let status = 0; // as of each answer from another origin
  try {
    ({ status } = await fetch(health, { mode: "no-cors", cache: "no-store", credentials: "omit", signal }));
  } catch {
    signal.throwIfAborted();
    throw new NoServerError(where, "no connection, or the page's policy forbids it");
  }
  if (status === 429 || status >= 500) throw new NoServerError(where, `it answers with ${status}`); // a proxy, for it
}

/** @param {number} code */
function closedWith(code) {
  return CLOSE_CODES[code] ?? `closed with ${code}`;
}

// Node's socket: the client's half of RFC 6455, over a Unix socket, TCP or TLS.

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/**
 * @param {Address} address
 * @param {string} where
 * @param {AbortSignal} signal
 * @returns {Promise<Socket>}
 */
async function openNode(address, where, signal) {
  const [net, tls, crypto] = await Promise.all([node("net"), node("tls"), node("crypto")]);
  signal.throwIfAborted();
  const stream = reach(address, net, tls);
  const key = crypto.randomBytes(16).toString("base64");
  const proof = crypto.createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  stream.write(request(address, key));
  try {
    const { head, rest } = await unless(signal, answer(stream, where));
    check(head, proof, address, where);
    return new NodeSocket(stream, where, crypto, rest);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/**
 * @param {Address} address
 * @param {any} net
 * @param {any} tls
 * @returns {import("node:net").Socket}
 */
function reach({ url, socket }, net, tls) {
  if (socket !== undefined) return net.connect({ path: socket });
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const place = { host, port: Number(url.port) || (url.protocol === "wss:" ? 443 : 80), autoSelectFamily: true };
  if (url.protocol !== "wss:") return net.connect(place);
  return tls.connect({ ...place, servername: net.isIP(host) ? "" : host, ALPNProtocols: ["http/1.1"] });
}

/**
 * @param {Address} address
 * @param {string} key
 */
function request({ url, token }, key) {
  const fields = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
  ];
  if (token !== undefined) fields.push(`Authorization: Bearer ${token}`);
  return [...fields, "", ""].join("\r\n");
}

/**
 * Return the head of the answer, and what came after it.
 *
 * @param {import("node:net").Socket} stream
 * @param {string} where
 * @returns {Promise<{ head: string, rest: Buffer }>}
 */
function answer(stream, where) {
  return new Promise((resolve, reject) => {
    let got = Buffer.alloc(0);
    const done = (/** @type {() => void} */ settle) => {
      stream.off("data", read).off("end", ended);
      settle();
    };
    const read = (/** @type {Buffer} */ chunk) => {
      got = Buffer.concat([got, chunk]);
      const end = got.indexOf("\r\n\r\n");
      if (end >= 0) {
        stream.pause();
        done(() => resolve({ head: got.toString("latin1", 0, end), rest: got.subarray(end + 4) }));
      } else if (got.length > LONGEST_HEAD) {
        done(() => reject(new NoServerError(where, "another program is there")));
      }
    };
    const ended = () => done(() => reject(new NoServerError(where, "another program is there")));
    stream.on("data", read).on("end", ended);
    stream.on("error", (error) => reject(new NoServerError(where, words(error)))); // stays, for errors later on
  });
}

/**
 * @param {string} head
 * @param {string} proof
 * @param {Address} address
 * @param {string} where
 */
function check(head, proof, address, where) {
  const [first = "", ...lines] = head.split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  if (status === 401) throw new TokenRefusedError(where, address.origin);
  if (status === 403) {
    throw new RequestError("forbidden", `${where}: the server does not know this name; see allowed_hosts`);
  }
  if (status === 429 || status === 503) throw new NoServerError(where, "it has as many clients as it takes");
  const proofs = lines.filter((line) => /^sec-websocket-accept:/i.test(line));
  if (status !== 101 || proofs.length !== 1 || proofs[0]?.replace(/^[^:]*:/, "").trim() !== proof) {
    throw new NoServerError(where, "another program is there");
  }
}

/** An open WebSocket. While nobody waits for it, it does not keep the program running. */
class NodeSocket {
  #frames = this.#read();
  /** @type {Buffer[]} */
  #chunks = [];
  #size = 0;
  #wanted = 0;
  #isClosing = false;
  #isAlive = true;

  /**
   * @param {import("node:net").Socket} stream
   * @param {string} where
   * @param {any} crypto
   * @param {Buffer} rest what came already
   */
  constructor(stream, where, crypto, rest) {
    this.stream = stream;
    this.where = where;
    this.crypto = crypto;
    this.inbox = new Inbox({
      full: () => stream.pause(),
      empty: () => stream.resume(),
      waited: (isWaited) => (isWaited ? stream.ref() : stream.unref()),
    });
    this.closed = new Promise((resolve) => stream.once("close", resolve));
    if (stream.destroyed) throw new NoServerError(where, "the connection was lost");
    const lost = () => this.inbox.end(new NoServerError(where, "the connection was lost"));
    const pulse = setInterval(() => this.#feel(), QUIET);
    pulse.unref();
    stream.on("data", (chunk) => this.#got(chunk)).on("end", lost);
    stream.on("close", () => {
      clearInterval(pulse);
      lost();
    });
    stream.unref();
    this.#wanted = Number(this.#frames.next().value);
    this.#got(rest);
    stream.resume();
  }

  /** @param {string} text */
  send(text) {
    this.#send(TEXT, Buffer.from(text));
  }

  async close() {
    if (!this.#isClosing) this.#goodbye(1000);
    this.stream.resume();
    const timer = setTimeout(() => this.stream.destroy(), CLOSE_TIMEOUT);
    await this.closed;
    clearTimeout(timer);
  }

  /** @param {number} code */
  #goodbye(code) {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.#send(CLOSE, payload);
    this.#isClosing = true;
    this.stream.end();
  }

  /** Ask a server that was quiet for a sign of life, and give up one that shows none. */
  #feel() {
    if (this.stream.isPaused()) return;
    if (!this.#isAlive) this.stream.destroy();
    else this.#send(PING, Buffer.alloc(0));
    this.#isAlive = false;
  }

  /**
   * @param {number} kind
   * @param {Buffer} payload
   */
  #send(kind, payload) {
    if (this.#isClosing || this.stream.destroyed) return;
    const { length } = payload;
    const head = Buffer.alloc(length < 126 ? 2 : length < 1 << 16 ? 4 : 10);
    head[0] = 0x80 | kind;
    head[1] = 0x80 | (length < 126 ? length : length < 1 << 16 ? 126 : 127);
    if (head.length === 4) head.writeUInt16BE(length, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
    const mask = this.crypto.randomBytes(4);
    this.stream.write(Buffer.concat([head, mask, payload.map((byte, at) => byte ^ mask[at & 3])]));
  }

  /** @param {Buffer} chunk */
  #got(chunk) {
    this.#isAlive = true;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size >= this.#wanted && !this.#isClosing) {
      try {
        this.#wanted = Number(this.#frames.next(this.#cut(this.#wanted)).value);
      } catch (error) {
        this.inbox.end(/** @type {Error} */ (error));
        if (!this.#isClosing) this.#goodbye(1002);
      }
    }
    if (this.#isClosing) this.#chunks = [];
  }

  /**
   * Return so many bytes of what came.
   *
   * @param {number} length
   */
  #cut(length) {
    const all = this.#chunks.length === 1 ? /** @type {Buffer} */ (this.#chunks[0]) : Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(length)];
    this.#size -= length;
    return all.subarray(0, length);
  }

  /**
   * Read frames: each yield asks for so many bytes. It ends by an error.
   *
   * @returns {Generator<number, never, Buffer>}
   */
  *#read() {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    /** @type {Buffer[]} */
    let parts = [];
    let size = 0;
    for (;;) {
      const head = yield 2;
      const [first, second] = [head.readUInt8(0), head.readUInt8(1)];
      const [isLast, kind] = [first >= 0x80, first & 0x0f];
      let length = second;
      if (length === 126) length = (yield 2).readUInt16BE();
      else if (length === 127) length = Number((yield 8).readBigUInt64BE());
      const isControl = kind >= CLOSE;
      const isGood = isControl
        ? isLast && length < 126 && kind <= PONG
        : kind === 0
          ? parts.length > 0 && parts.length < MOST_PARTS
          : kind <= BINARY && parts.length === 0;
      if (!isGood || (first & 0x70) !== 0 || second >= 0x80) throw this.#foreign();
      if (size + length > LONGEST_MESSAGE) {
        throw new RequestError("too big", `${this.where} sends a message of more than ${LONGEST_MESSAGE >> 20} MB`);
      }
      const payload = yield length;
      if (isControl) {
        this.#control(kind, payload);
        continue;
      }
      parts.push(payload);
      size += length;
      if (!isLast) continue;
      try {
        this.inbox.put(decoder.decode(parts.length === 1 ? payload : Buffer.concat(parts)));
      } catch {
        throw this.#foreign();
      }
      parts = [];
      size = 0;
    }
  }

  /**
   * @param {number} kind
   * @param {Buffer} payload
   */
  #control(kind, payload) {
    if (kind === PING) this.#send(PONG, payload);
    if (kind !== CLOSE) return;
    const code = payload.length >= 2 ? payload.readUInt16BE() : 1005;
    this.inbox.end(new NoServerError(this.where, closedWith(code)));
    this.#goodbye(code === 1005 ? 1000 : code);
  }

  #foreign() {
    return new NoServerError(this.where, "it does not speak the protocol");
  }
}
