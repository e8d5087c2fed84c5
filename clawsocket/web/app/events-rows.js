/** A list of any length, of which only the rows in view are in the page: all are equally high. */

import { h, set, text } from "./dom.js";
import { clock, visible } from "./format.js";
import { say, sayGap } from "./events-words.js";

/** Rows beyond the edges. */
const SPARE = 6;
/** Rows made in a frame. */
const MADE = 12;

export class Rows extends HTMLElement {
  #space = h("div", { class: "rows-space" });
  #items = [];
  /** How many items went before the first: an item and its element stay together. */
  #gone = 0;
  #pool = [];
  #height = 28;
  #chosen = null;
  #frame = 0;
  #sized = new ResizeObserver(() => this.#later());

  /** Called with the row that is chosen. */
  choose = () => {};
  /** Called when the list comes to its end, or leaves it. */
  followed = () => {};
  /** Returns what a session is called. */
  label = (id) => id;
  /** Whether the end stays in view. */
  follows = true;

  connectedCallback() {
    if (this.firstChild === null) {
      this.append(this.#space);
      set(this, "role", "listbox");
      set(this, "tabindex", 0);
      this.addEventListener("scroll", () => this.#scrolled(), { passive: true });
      this.addEventListener("keydown", (event) => this.#key(event));
      this.addEventListener("click", (event) => {
        const row = event.target.closest(".event-row");
        if (row) this.select(row.item);
      });
    }
    this.#height = 1.75 * parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.style.setProperty("--row", `${this.#height}px`);
    this.#sized.observe(this);
  }

  disconnectedCallback() {
    this.#sized.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  /**
   * Show items: `{number, event}` or `{number, gap}`; what is in view stays there.
   * @param {object[]} items in order.
   * @param {number} dropped how many of the first are gone since the last time.
   */
  show(items, dropped) {
    this.#items = items;
    this.#gone += dropped;
    this.#space.style.setProperty("height", `${items.length * this.#height}px`);
    if (this.follows && items.length) this.scrollTop = items.length * this.#height;
    else if (dropped) this.scrollTop -= dropped * this.#height;
    this.#draw();
  }

  /** The row that is chosen; null for none. */
  get chosen() {
    return this.#chosen;
  }

  /** Choose a row, or none. */
  select(item, { quietly = false } = {}) {
    this.#chosen = item;
    if (item !== null && this.follows) {
      this.follows = false; // who looks at one does not want it to move
      this.followed(false);
    }
    this.#draw();
    if (!quietly) this.choose(item);
  }

  /** Bring a row into view: into the middle, if it is not there. */
  reveal(item) {
    const at = this.#items.indexOf(item) * this.#height;
    if (at < 0) return;
    if (at < this.scrollTop || at + this.#height > this.scrollTop + this.clientHeight) this.#to(at - this.clientHeight / 2);
  }

  /** Go to the end, and stay there. */
  follow() {
    this.follows = true;
    this.#to(this.#items.length * this.#height);
    this.followed(true);
  }

  #to(top) {
    this.scrollTop = top;
    this.#draw();
  }

  #scrolled() {
    const end = this.scrollTop + this.clientHeight >= this.scrollHeight - 2;
    if (end !== this.follows) {
      this.follows = end;
      this.followed(end);
    }
    this.#later();
  }

  #later() {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.follows) this.scrollTop = this.#items.length * this.#height;
      this.#draw();
    });
  }

  #draw() {
    if (this.#items.length === 0 && this.#pool.length === 0) return; // nothing need be laid out for it
    let first = Math.max(0, Math.floor(this.scrollTop / this.#height) - SPARE);
    let last = Math.min(this.#items.length, Math.ceil((this.scrollTop + this.clientHeight) / this.#height) + SPARE);
    const most = this.#pool.length + MADE;
    if (last - first > most) {
      if (this.follows) first = last - most;
      else last = first + most;
      this.#later();
    }
    const wanted = last - first;
    while (this.#pool.length < wanted) {
      const row = made(this.#pool.length);
      this.#pool.push(row);
      this.#space.append(row);
    }
    const size = this.#pool.length;
    const used = new Set();
    for (let index = first; index < last; index++) {
      const row = this.#pool[(this.#gone + index) % size];
      used.add(row);
      this.#fill(row, this.#items[index], index);
    }
    for (const row of this.#pool) if (!used.has(row)) row.hidden = true;
    const chosen = this.#pool.find((row) => !row.hidden && row.item === this.#chosen && row.item !== null);
    set(this, "aria-activedescendant", chosen?.id ?? null);
  }

  #fill(row, item, index) {
    row.hidden = false;
    if (row.index !== index) {
      row.index = index;
      row.style.setProperty("transform", `translateY(${index * this.#height}px)`);
      row.setAttribute("aria-posinset", index + 1);
    }
    set(row, "aria-setsize", this.#items.length);
    set(row, "aria-selected", item === this.#chosen ? "true" : "false");
    if (row.item === item) return;
    row.item = item;
    const { event, gap } = item;
    set(row, "data-gap", gap ? true : null);
    set(row, "data-family", event ? event.type.split(".")[0] : null);
    set(row, "data-tone", event ? tone(event) : null);
    text(row.time, event ? clock(event.timestamp) : "");
    text(row.who, event ? this.label(event.sessionId) : "");
    text(row.type, event ? visible(event.type, 80) : "gap");
    text(row.said, event ? say(event) : sayGap(gap));
    set(row.said, "class", event ? "event-said content" : "event-said");
  }

  #key(event) {
    const at = this.#items.indexOf(this.#chosen);
    const page = Math.max(1, Math.floor(this.clientHeight / this.#height) - 1);
    const last = this.#items.length - 1;
    const from = at < 0 ? (this.follows ? last + 1 : Math.floor(this.scrollTop / this.#height) - 1) : at;
    const next = { ArrowDown: from + 1, ArrowUp: from - 1, PageDown: from + page, PageUp: from - page, Home: 0, End: last }[event.key];
    if (next === undefined || last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const item = this.#items[Math.max(0, Math.min(last, next))];
    this.select(item);
    this.#near(item);
  }

  /** Bring a row just into view. */
  #near(item) {
    const at = this.#items.indexOf(item) * this.#height;
    if (at < this.scrollTop) this.#to(at);
    else if (at + this.#height > this.scrollTop + this.clientHeight) this.#to(at + this.#height - this.clientHeight);
  }
}

function made(number) {
  const row = h("div", { class: "event-row", role: "option", id: `event-row-${number}` });
  row.time = h("span", { class: "event-time soft" });
  row.who = h("span", { class: "event-who" });
  row.type = h("span", { class: "event-type" });
  row.said = h("span", { class: "event-said" });
  row.item = null;
  row.append(row.time, row.who, row.type, row.said);
  return row;
}

/** What needs somebody, and what went wrong, is seen at a glance. */
function tone({ type, data }) {
  if (type === "tool.permission_requested" || (type === "session.state_changed" && data.state === "requires_action")) return "call";
  if (type === "message.error" || type === "system.error" || (type === "tool.result" && data.success === false)) return "bad";
  return null;
}

customElements.define("claw-rows", Rows);
