/**
 * A session's events into its story: what comes, and what was, page by page back to the beginning.
 *
 * Of a long one, a part is kept: where one reads. Pages that are far go, and are read again on the way back.
 */

import { BATCH, store } from "./store.js";
import { MOST_ITEMS } from "./story.js";

const USAGE = ["usage.updated", "usage.context"];
const TOPICS = ["message.*", "tool.*", "stream.*", "mcp.*", "agent.*", "session.started", "session.compacted", "session.ended", "session.state_changed", ...USAGE];
/** Events of the first page: little, so that it is there at once; and of those that follow. */
const PAGES = [300, 500];
/** Pages that are read at most to see what was missed, before all is begun anew. */
const MISSED = 12;
/** ms after which is asked again what was asked too soon. */
const LATER = 4000;

/**
 * `isWhole` once its beginning was reached; `isReading` while a page is on its way; `trouble` an error's text.
 */
export class Telling {
  isWhole = false;
  isReading = false;
  isOpen = false;
  trouble = "";

  #story;
  #session;
  #changed;
  #stream;
  #oldest;
  #oldestAt = -Infinity;
  #pages = 0;
  /** Pages that are kept, the newest first: `{before, limit, begin}`, what was asked for and where it begins in the story. */
  #kept = [];
  /** Newer ones that were forgotten: the one that is next last. */
  #cut = [];
  /** Whether what comes is left out, though no page went: see stop(). */
  #isStopped = false;
  #waiting = [];
  /** Whether events went missing while a page was on its way, which may not hold them. */
  #isStale = false;
  /** Whether something was left to the page before, which has it if there is one. */
  #isLeft = false;
  #isClosed = false;

  /**
   * @param {Story} story what is told goes there.
   * @param {string} session its id.
   * @param {() => void} changed called after each change.
   */
  constructor(story, session, changed) {
    this.#story = story;
    this.#session = session;
    this.#changed = changed;
  }

  /** Read the newest page, and go on with what comes: from before the page was asked for, so that nothing lies between. */
  async open() {
    const notice = (told) => this.#noticed(told);
    this.#stream = store.claw.events(TOPICS, { session: this.#session, batch: BATCH, notice, since: store.position });
    this.#follow();
    await this.#fill();
  }

  /** Whether the newest items were forgotten, or left out: what comes is not shown until somebody goes there. */
  get isCut() {
    return this.#cut.length > 0 || this.#isStopped;
  }

  /** Leave out what comes, once there is as much as is kept: somebody reads above, where nothing must go. */
  stop() {
    if (this.isOpen && !this.isReading && this.#story.isFull) this.#isStopped = true;
  }

  close() {
    this.#isClosed = true;
    this.#stream?.close();
  }

  async #follow() {
    try {
      await this.#stream.open();
      if (this.#isClosed) return;
      this.#know(this.#stream.snapshot.agents);
      for await (const event of this.#stream) this.#arrived(event);
    } catch (error) {
      this.#fail(error);
    }
  }

  #know(agents) {
    for (const agent of agents) if (agent.sessionId === this.#session) this.#story.know(agent);
  }

  #arrived(event) {
    if (USAGE.includes(event.type)) store.learn(event);
    else if (event.type === "agent.state_changed") this.#know(event.data.agents);
    else if (this.isOpen) this.#tell(event);
    else this.#waiting.push(event);
    this.#changed();
  }

  /** What is older than all that was read comes with its page; as does what is told again and is of the same time as the oldest. */
  #tell(event) {
    if (this.isCut) this.#story.notice(event);
    else if (this.isWhole || event.timestamp > this.#oldestAt || this.#story.newestAt <= this.#oldestAt) this.#story.arrive(event);
    else this.#isLeft = true;
  }

  #noticed(told) {
    if (told.type === "back") this.#know(told.snapshot.agents);
    if (told.type === "gap") store.refresh();
    if (told.type !== "gap" || this.isCut) return;
    this.#isStale = !this.isOpen;
    if (this.#isStale) return;
    this.#story.gap(told);
    this.isOpen = false;
    this.#fill();
  }

  /** Read the newest events; what comes meanwhile waits. After a gap, as many pages as it takes to know one. */
  async #fill() {
    const missed = [];
    const isFirst = this.#pages === 0;
    try {
      let page = await this.#page(undefined);
      this.#pages = Math.max(1, this.#pages);
      while (!isFirst && page.length > 0 && !page.some((event) => this.#story.knows(event)) && missed.length < MISSED) {
        missed.unshift(page);
        page = await this.#page(page[0].id);
      }
      if (isFirst || missed.length === MISSED) this.#begin(isFirst ? page : missed.flat());
      else this.#story.append([page, ...missed].flat().filter((event) => !this.#story.knows(event)));
      if (this.#isStale) {
        this.#isStale = false;
        await this.#fill();
        return;
      }
      this.isOpen = true;
      for (const event of this.#waiting.splice(0)) this.#tell(event);
    } catch (error) {
      this.#fail(error);
    }
    this.#changed();
  }

  #begin(events) {
    this.#story.clear();
    this.#kept = [{ before: undefined, begin: this.#story.ends.last }];
    this.#cut = [];
    this.#isStopped = false;
    this.#reached(events[0]);
    this.isWhole = events.length === 0;
    this.#story.append(events);
  }

  /** Begin anew with the newest page, for a story whose end was forgotten. */
  anew() {
    this.isOpen = false;
    this.isWhole = false;
    this.#pages = 0;
    return this.#fill();
  }

  /** Read the page after what is kept again. */
  async newer() {
    if (this.isReading || !this.isOpen || !this.isCut) return false;
    this.isReading = true;
    this.#changed();
    try {
      const next = this.#cut.at(-1);
      if (next?.before === undefined) await this.#rejoin(next);
      else {
        const page = await this.#asked(next.before, next.limit);
        if (this.#isClosed) return false;
        this.#append(next, page);
      }
      this.forgetOldest();
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    } finally {
      this.isReading = false;
      this.#changed();
    }
  }

  #append(next, page) {
    this.#cut.pop();
    this.#kept.unshift({ ...next, begin: this.#story.ends.last });
    this.#story.append(page.filter((event) => !this.#story.knows(event)));
  }

  /** Back at the end: what came meanwhile is read, and what comes is told again. */
  async #rejoin(next) {
    this.isOpen = false;
    this.#isStopped = false;
    if (next !== undefined) this.#append(next, []);
    await this.#fill();
  }

  /** Forget what is far above; returns whether there was any. */
  forgetOldest() {
    if (!this.#story.forgetOldest()) return false;
    const { id, at, order } = this.#story.oldest;
    this.#reached({ id, timestamp: at });
    this.isWhole = false;
    this.#kept = this.#kept.filter((page, number) => number === 0 || this.#kept[number - 1].begin > order);
    return true;
  }

  /** Forget what is far below. */
  #forgetNewest() {
    while (this.#kept.length > 2 && this.#story.items.size > MOST_ITEMS) {
      const page = this.#kept.shift();
      this.#story.forgetFrom(page.begin);
      this.#cut.push(page);
    }
  }

  /** Read the page before; returns whether there was one. */
  async older() {
    if (this.isReading || this.isWhole || !this.isOpen || this.#oldest === undefined) return false;
    this.isReading = true;
    this.#changed();
    try {
      const page = await this.#page(this.#oldest);
      if (this.#isClosed) return false;
      this.isWhole = page.length === 0;
      if (this.isWhole && this.#isLeft && this.#kept.length === 1) await this.anew();
      this.#isLeft = false;
      if (page.length > 0) {
        this.#story.prepend(page);
        this.#kept.push({ before: this.#oldest, limit: this.#limit, begin: this.#story.ends.first });
        this.#reached(page[0]);
        this.#pages++;
        this.#forgetNewest();
      }
      return page.length > 0;
    } catch (error) {
      this.#fail(error);
      return false;
    } finally {
      this.isReading = false;
      this.#changed();
    }
  }

  #reached(event) {
    this.#oldest = event?.id;
    this.#oldestAt = event?.timestamp ?? -Infinity;
  }

  get #limit() {
    return PAGES[Math.min(this.#pages, PAGES.length - 1)];
  }

  #page(before) {
    return this.#asked(before, this.#limit);
  }

  /** Who goes through many sessions at once may ask more than the service answers: that comes a little later. */
  async #asked(before, limit) {
    for (;;) {
      try {
        return await store.claw.history(this.#session, { limit, before, all: true });
      } catch (error) {
        if (error.code !== "rate_limited" || this.#isClosed) throw error;
        await new Promise((resolve) => setTimeout(resolve, LATER));
      }
    }
  }

  #fail(error) {
    if (this.#isClosed) return;
    this.trouble = error.message;
    this.#changed();
  }
}
