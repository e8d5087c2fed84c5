/**
 * A long list of which only what is near the view is in the page: rows in chunks, a spacer above and one below.
 *
 * Whatever changes, the row that is read stays where it is; only a list that is at its end follows what comes.
 */

import { h, keyed } from "./dom.js";

/** Rows of a chunk. */
const CHUNK = 12;
/** Pixels above and below the view that are in the page; and in the first frame of a place that was far. */
const MARGIN = 600, CLOSE = 150;
/** Pixels from where what is there ends at which more is asked for. */
const AHEAD = 3000;
/** Pixels from the end that still are at the end. */
const NEAR = 24;
/** Pixels of a row, before any was measured. */
const GUESS = 48;

export class LongList extends HTMLElement {
  /** Whether it follows its end. */
  following = true;
  /** Whether there is more below its end. */
  isCut = false;

  #above = h("div", { class: "list-space" });
  #body = h("div", { class: "list-body" });
  #below = h("div", { class: "list-space" });
  #chunks = [];
  /** Those that are in the page, as they were drawn. */
  #drawn = [];
  #rows = [];
  #options;
  #frame = 0;
  #at = 0;
  #rowHeight = GUESS;

  /**
   * @param {object} options `create(row)` and `update(element, row)` as for keyed(); rows have a `key` and a `version`;
   *   `scrolled()` is called after scrolling, `needsMore()` when its beginning is near, `needsNewer()` when its end is and there is more below.
   */
  configure(options) {
    this.#options = options;
    this.append(this.#above, this.#body, this.#below);
    this.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.sizes = new ResizeObserver(() => this.#resized());
    this.sizes.observe(this);
    this.sizes.observe(this.#body);
  }

  get rows() {
    return this.#rows;
  }

  /** Show these rows; those that were there before keep their elements. While one scrolls, with what that draws anyway. */
  show(rows) {
    this.#rows = rows;
    this.#chunk(rows);
    if (this.#frame === 0) this.#render();
  }

  /** Go to the end, and follow it. */
  toEnd() {
    this.following = true;
    this.#at = Infinity;
    this.#render();
  }

  /** Show a row, and return its element; null if there is none with this key. */
  reveal(key) {
    const number = this.#chunks.findIndex((chunk) => chunk.rows.some((row) => row.key === key));
    if (number === -1) return null;
    this.following = false;
    this.#at = this.#sum(0, number);
    for (let tries = 0; tries < 4 && this.#draw(); tries++) this.#at = this.#sum(0, number);
    const element = this.element(key);
    this.scrollTop += element.getBoundingClientRect().top - this.getBoundingClientRect().top - Math.min(120, this.clientHeight / 4);
    this.#at = this.scrollTop;
    this.#render();
    return this.element(key);
  }

  /** The element of a row, if it is in the page. */
  element(key) {
    for (const section of this.#body.children) {
      const found = section.keyedChildren?.get(key);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** The first row that is in view. */
  get topRow() {
    const anchor = this.#anchor();
    return anchor === null ? null : anchor.element.row;
  }

  #scrolled() {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (!this.isConnected) return;
      const isUp = this.scrollTop < this.#at;
      this.#at = this.scrollTop;
      const isAtEnd = this.scrollHeight - this.scrollTop - this.clientHeight < NEAR;
      if (isAtEnd && !this.isCut) this.following = true;
      else if (isUp) this.following = false;
      this.#render();
      this.#options.scrolled();
    });
  }

  /** What a person opens or closes grows or shrinks rows; a narrower window changes all. */
  #resized() {
    if (this.following && this.scrollHeight - this.scrollTop - this.clientHeight >= NEAR) this.#render();
  }

  /** Rows into chunks: where a chunk begins stays, as long as its first row is there. */
  #chunk(rows) {
    const before = new Map(this.#chunks.map((chunk) => [chunk.rows[0].key, chunk]));
    const starts = [];
    rows.forEach((row, number) => before.has(row.key) && starts.push(number));
    const first = starts[0] ?? rows.length;
    const chunks = [];
    const add = (from, to) => {
      const known = before.get(rows[from].key);
      const chunk = { key: rows[from].key, rows: rows.slice(from, to), height: known?.height ?? (to - from) * this.#rowHeight };
      chunks.push(chunk);
    };
    for (let to = first; to > 0; to -= CHUNK) starts.unshift(Math.max(0, to - CHUNK));
    starts.forEach((from, number) => {
      const end = starts[number + 1] ?? rows.length;
      if (from === end) return;
      let at = from;
      const most = end === rows.length ? CHUNK : 2 * CHUNK; // so that what is added at the end moves nothing
      for (; end - at > most; at += CHUNK) add(at, at + CHUNK);
      add(at, end);
    });
    this.#chunks = chunks;
  }

  #sum(from, to) {
    let sum = 0;
    for (let number = from; number < to; number++) sum += this.#chunks[number].height;
    return sum;
  }

  /** Draw what is near, with the row that is read where it was. */
  #render() {
    if (this.following && this.#isLeft()) this.following = false;
    const anchor = this.following ? null : this.#anchor();
    if (this.following) this.#at = Infinity;
    else if (anchor !== null) this.#at = this.#placeOf(anchor);
    const margin = this.#isDrawn() ? MARGIN : CLOSE;
    for (let tries = 0; tries < 4 && this.#draw(margin); tries++);
    if (margin === CLOSE) this.#scrolled(); // what is around it in the next frame, so that none takes long
    if (this.following) {
      this.scrollTop = this.scrollHeight;
      this.#at = this.scrollTop;
    } else if (anchor !== null) {
      const element = this.element(anchor.key);
      const moved = element === null ? 0 : element.getBoundingClientRect().top - anchor.top;
      if (Math.abs(moved) >= 1) this.scrollTop += moved;
      this.#at = this.scrollTop;
    }
    if (this.scrollTop < AHEAD && this.#options) this.#options.needsMore();
    if (this.isCut && this.scrollHeight - this.scrollTop - this.clientHeight < AHEAD) this.#options.needsNewer();
  }

  /** Whether somebody scrolled up since it was drawn: what is drawn before the browser tells of it must not undo it. */
  #isLeft() {
    return this.scrollTop < this.#at && this.#at !== Infinity && this.scrollHeight - this.scrollTop - this.clientHeight >= NEAR;
  }

  #anchor() {
    const top = this.getBoundingClientRect().top;
    for (const section of this.#body.children) {
      if (section.getBoundingClientRect().bottom <= top) continue;
      for (const element of section.children) {
        const box = element.getBoundingClientRect();
        if (box.bottom > top) {
          const inside = top - section.getBoundingClientRect().top;
          return { key: element.row.key, top: box.top, element, chunk: section.firstElementChild.row.key, inside };
        }
      }
    }
    return null;
  }

  /** Where the view is when a row is where it was. */
  #placeOf({ key, chunk, inside }) {
    let number = this.#chunks.findIndex((one) => one.key === chunk);
    if (number === -1) number = this.#chunks.findIndex((one) => one.rows.some((row) => row.key === key));
    return number === -1 ? this.scrollTop : this.#sum(0, number) + inside;
  }

  /** Put the chunks near the place into the page, and take the others out; returns whether they were not as high as thought. */
  #draw(margin = MARGIN) {
    const [from, to] = this.#near(margin);
    const near = this.#chunks.slice(from, to);
    if (near.length !== this.#drawn.length || near.some((chunk, number) => chunk !== this.#drawn[number])) {
      keyed(this.#body, near, (chunk) => chunk.key, () => h("div", { class: "list-chunk" }), (section, chunk) => this.#fill(section, chunk));
      this.#drawn = near;
    }
    this.#space(from, to); // before it is measured, too: a page that is shorter for a moment is scrolled up
    const surprise = this.#measure(near);
    this.#space(from, to);
    return surprise > MARGIN / 4;
  }

  /** Which chunks are no farther from the place than this, from one to before another. */
  #near(margin) {
    const total = this.#sum(0, this.#chunks.length);
    const at = Math.min(this.#at, Math.max(0, total - this.clientHeight));
    let from = 0, above = 0;
    while (from < this.#chunks.length - 1 && above + this.#chunks[from].height < at - margin) above += this.#chunks[from++].height;
    let to = from, shown = above;
    while (to < this.#chunks.length && shown < at + this.clientHeight + margin) shown += this.#chunks[to++].height;
    return [from, to];
  }

  /** Whether something of the place is in the page. */
  #isDrawn() {
    const [from, to] = this.#near(0);
    return from === to || this.#chunks.slice(from, to).some((chunk) => this.#body.keyedChildren?.has(chunk.key));
  }

  #space(from, to) {
    this.#above.style.height = `${this.#sum(0, from)}px`;
    this.#below.style.height = `${this.#sum(to, this.#chunks.length)}px`;
  }

  #fill(section, chunk) {
    const { create, update } = this.#options;
    keyed(section, chunk.rows, (row) => row.key, (row) => {
      const element = create(row);
      element.row = row;
      return element;
    }, (element, row) => {
      if (element.version === row.version && element.row === row) return;
      element.version = row.version;
      element.row = row;
      update(element, row);
    });
  }

  #measure(near) {
    let rows = 0, height = 0, surprise = 0;
    for (const chunk of near) {
      const section = this.#body.keyedChildren.get(chunk.key);
      surprise += Math.abs(section.offsetHeight - chunk.height);
      chunk.height = section.offsetHeight;
      rows += chunk.rows.length;
      height += chunk.height;
    }
    if (rows > 0) this.#rowHeight = Math.max(8, height / rows);
    return surprise;
  }
}

customElements.define("long-list", LongList);
