/**
 * A stream of events as a page can hold it: the newest rows of it, or, while somebody reads, the oldest; as many as fit.
 *
 * Nothing is lost by waiting: what is not taken stays in the log of the service, and comes when the reading goes on.
 */

import { OLDEST } from "/claw-socket.js";
import { frame } from "./dom.js";
import { BATCH, store } from "./store.js";

/** Rows that are held while somebody reads. */
export const MOST = 5000;
/** Rows that are held while it follows: rows that go while they are young cost no memory. */
const RECENT = 2000;
/** Events back that "recent" begins with: all come at once, and each as a message of its own takes its time. */
const BACK = 1000;
/** Characters that they hold. */
const SIZE = 24_000_000;
/** Events before the one that is linked. */
const BEFORE = 200;
/** ms of work before a frame gets its turn. */
const SLICE = 6;
/** ms between two changes: nobody reads faster; and where more than MANY rows came with the last, nobody reads at all. */
const PACE = 66, RUSH = 250, MANY = 30;

export class Feed {
  /** `{number, event}` or `{number, gap}`, oldest first; numbers rise by one. */
  rows = [];
  /** Why nothing comes, or null. */
  problem = null;
  /** Whether it waits since it is full and somebody reads. */
  isFull = false;

  #changed;
  #number = 0;
  #size = 0;
  #fresh = [];
  #timer = 0;
  #flushed = 0;
  #pace = PACE;
  #stream = null;
  #turn = null;
  #isPaused = false;
  #follows = true;
  #wake = () => {};

  /** `changed` is called with the rows that are new, some times a second at most. */
  constructor(changed) {
    this.#changed = changed;
  }

  /**
   * Begin anew.
   * @param {object} wanted `topics`; `session`: an id or null; `since`: `recent`, `now` or `oldest`; `event`: the number
   *   of one to begin a little before, or null.
   */
  async open({ topics, session, since, event }) {
    this.close();
    const mine = (this.#turn = {});
    this.rows = [];
    this.#fresh = [];
    this.#size = 0;
    this.isFull = false;
    this.problem = null;
    this.#tell();
    try {
      await frame(); // who opens a view has enough to do in its first
      const from = await begin(since, event);
      if (mine !== this.#turn) return;
      const notice = (told) => this.#stream === stream && this.#noticed(told, from);
      const stream = store.claw.events(topics, { session: session ?? undefined, since: from, batch: BATCH, notice });
      this.#stream = stream;
      await this.#read(stream);
    } catch (error) {
      if (mine !== this.#turn) return;
      this.problem = error.message;
      this.#tell();
    }
  }

  close() {
    this.#stream?.close();
    this.#stream = this.#turn = null;
    this.#wake();
  }

  /** Take nothing more, or go on. */
  set isPaused(value) {
    this.#isPaused = value;
    this.#wake();
  }

  get isPaused() {
    return this.#isPaused;
  }

  /** Whether the newest rows are wanted, and the oldest go for them. */
  set follows(value) {
    this.#follows = value;
    if (value) this.#wake();
  }

  get follows() {
    return this.#follows;
  }

  /** Let go of all rows, and go on with the next. */
  next() {
    this.rows = [];
    this.#size = 0;
    this.#tell();
    this.#wake();
  }

  async #read(stream) {
    let began = performance.now();
    for (;;) {
      const asked = performance.now();
      const { done, value } = await stream.next();
      if (done) return;
      if (performance.now() - asked > 2) began = performance.now();
      await this.#room(stream);
      if (stream !== this.#stream) return;
      this.#put({ event: value }, weight(value));
      if (performance.now() - began < SLICE) continue;
      await frame();
      began = performance.now();
    }
  }

  /** Wait until a row is wanted. */
  async #room(stream) {
    for (;;) {
      const count = this.rows.length + this.#fresh.length;
      const isFull = !this.#follows && (count >= MOST || (this.#size > SIZE && count > 1));
      if (isFull !== this.isFull) {
        this.isFull = isFull;
        this.#tell();
      }
      if (stream !== this.#stream || (!this.#isPaused && !isFull)) return;
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }

  /** What begins further back than the log does has lost nothing, unless all of it was asked for. */
  #noticed(told, from) {
    if (told.type !== "gap") return;
    const isStart = this.rows.length + this.#fresh.length === 0 && told.from === from?.seq + 1;
    if (!isStart || from === OLDEST) this.#put({ gap: told }, 0);
  }

  #put(row, size) {
    row.number = this.#number++;
    row.size = size;
    this.#size += size;
    this.#fresh.push(row);
    this.#tell();
  }

  #tell() {
    if (this.#timer !== 0) return;
    const flush = () => {
      this.#timer = 0;
      this.#flushed = performance.now();
      const fresh = this.#fresh;
      this.#fresh = [];
      this.#pace = fresh.length > MANY ? RUSH : PACE;
      for (const row of fresh) this.rows.push(row);
      if (this.#follows) this.#drop();
      this.#changed(fresh);
    };
    const pause = this.#flushed + this.#pace - performance.now();
    this.#timer = setTimeout(() => (document.hidden ? flush() : requestAnimationFrame(flush)), Math.max(0, pause));
  }

  #drop() {
    let count = Math.max(0, this.rows.length - RECENT);
    for (const row of this.rows.slice(0, count)) this.#size -= row.size;
    while (this.#size > SIZE && count < this.rows.length - 1) this.#size -= this.rows[count++].size;
    if (count) this.rows.splice(0, count);
  }
}

/** Where to begin. */
async function begin(since, event) {
  if (event !== null) return { seq: Math.max(1, event - BEFORE) };
  if (since === "oldest") return OLDEST;
  const { headSeq, epoch } = await store.claw.snapshot();
  return since === "now" ? { seq: headSeq, epoch } : { seq: Math.max(1, headSeq - BACK) };
}

/** About how many characters an event holds. */
function weight(value) {
  if (typeof value === "string") return value.length;
  if (value === null || typeof value !== "object") return 8;
  let sum = 16;
  for (const name in value) sum += name.length + weight(value[name]);
  return sum;
}
