/**
 * A timeline: a lane for each agent, on which parallel work, waiting and idleness can be seen.
 *
 * Mouse and touch: drag pans, the wheel and two fingers zoom, a bar can be pointed at and clicked. Keys: arrows pan,
 * plus and minus zoom, Home and End go to the ends, comma and full stop go from call to call, Enter shows the call.
 */

import { h, keyed, say, set, text } from "./dom.js";
import { clock, duration, line, toolInput } from "./format.js";
import { options } from "./options.js";
import { AXIS, drawLanes, LANE, marksOf } from "./timeline-draw.js";

/** ms that can be seen at least. */
const NEAREST = 20;
/** Lanes that are drawn at most. */
export const MOST_LANES = 60;
/** ms of the first view of a long session. */
const FIRST = 15 * 60_000;
/** Share of the width that is left free after now. */
const AHEAD = 0.04;
/** Pixels of movement that make a click a drag. */
const STILL = 4;

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Timeline extends HTMLElement {
  #context;
  #canvas = h("canvas", { class: "time-canvas", tabindex: "0", role: "application", "aria-roledescription": "timeline" });
  #tip = h("div", { class: "time-tip", hidden: true });
  #names = h("div", { class: "time-names", role: "group", "aria-label": "Agents" });
  #spoken = h("div", { class: "unseen", "aria-live": "polite" });
  #from = null;
  #span = null;
  #pointers = new Map();
  #pressed = null;
  #chosen = null;
  #frame = 0;
  #timer = 0;
  #gone = new AbortController();
  #marks = [];
  #lanes = [];
  #isSeen = true;

  /**
   * @param {object} context `story()`, `isRunning()`, `agentName(id)`, `chosen(key)` when a call is to be shown,
   *   `named(id)` when an agent is, `ranged(from, to)` when another time is looked at: nulls while it follows the session.
   */
  configure(context) {
    this.#context = context;
    this.append(
      h("div", { class: "time-box" }, this.#names, this.#canvas), this.#tip, this.#spoken);
    set(this.#canvas, "aria-label", "Timeline. Arrows move it, plus and minus zoom, comma and full stop go from call to call, Enter shows one.");
    this.#listen();
  }

  /** Whether it was laid out: the frame that brings the view has enough to do without the first picture. */
  #isSized = false;

  #listen() {
    const canvas = this.#canvas;
    const on = (name, listener, how) => canvas.addEventListener(name, listener, how);
    on("wheel", (event) => this.#wheel(event), { passive: false });
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => this.#pointers.delete(event.pointerId));
    on("pointerleave", () => this.#point(null));
    on("keydown", (event) => this.#key(event));
    on("blur", () => this.#point(null));
    this.size = new ResizeObserver(() => {
      this.#isSized = true;
      this.draw();
    });
    this.size.observe(this);
    new IntersectionObserver(([entry]) => {
      this.#isSeen = entry.isIntersecting;
      this.draw();
    }).observe(this);
    // What lives longer than this element would keep it, and the story with it.
    const { signal } = this.#gone;
    document.addEventListener("visibilitychange", () => this.draw(), { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw(), { signal });
    signal.addEventListener("abort", options.subscribe(() => this.#opted()));
  }

  /** Another theme, or contents are hidden: what was said may have some. */
  #opted() {
    this.#point(null);
    this.#spoken.replaceChildren();
    this.draw();
  }

  disconnectedCallback() {
    this.#gone.abort();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
  }

  // What is looked at

  /** Look at a time, as an address says it; nulls follow the session. */
  look(from, to) {
    [this.#from, this.#span] = from === null || !(to > from) ? [null, null] : [from, Math.max(NEAREST, to - from)];
    this.draw();
  }

  /** The time that is in view. */
  get range() {
    const { lanes } = this.#context.story();
    const end = this.#end();
    if (this.#from !== null) return { from: this.#from, to: this.#from + this.#span };
    const start = lanes.from === Infinity ? end - 60_000 : lanes.from;
    const span = this.#span ?? Math.min(Math.max(end - start, 1000), FIRST);
    return { from: end - span * (1 - AHEAD), to: end + span * AHEAD };
  }

  #end() {
    const { lanes } = this.#context.story();
    return this.#context.isRunning() ? Date.now() : lanes.until === -Infinity ? Date.now() : lanes.until;
  }

  /** Zoom by a factor around a share of the width. */
  zoom(factor, share = null) {
    const { from, to } = this.range;
    const span = Math.min(Math.max((to - from) * factor, NEAREST), 40 * 86_400_000);
    if (share === null && this.#from === null) this.#span = span;
    else this.#set(from + (to - from - span) * (share ?? 0.5), span);
    this.#looked();
  }

  #set(from, span) {
    const end = this.#end();
    const { lanes } = this.#context.story();
    const first = lanes.from === Infinity ? end : lanes.from;
    this.#from = Math.min(Math.max(from, first - span * 0.9), end - span * 0.1);
    this.#span = span;
  }

  pan(share) {
    const { from, to } = this.range;
    this.#set(from + (to - from) * share, to - from);
    this.#looked();
  }

  /** All that was read. */
  fit() {
    const { lanes } = this.#context.story();
    if (lanes.from === Infinity) return;
    const span = Math.max(this.#end() - lanes.from, 1000) * 1.06;
    this.#from = null;
    this.#span = span;
    this.#looked();
  }

  /** Follow the session again. */
  follow() {
    this.#from = this.#span = null;
    this.#looked();
  }

  get isFollowing() {
    return this.#from === null;
  }

  #looked() {
    this.draw();
    const { from, to } = this.range;
    this.#context.ranged(...(this.#from === null ? [null, null] : [Math.round(from), Math.round(to)]));
  }

  // Input

  #wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 24 : 1;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan(((event.deltaX || event.deltaY) * unit) / this.clientWidth);
    else this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * unit * 0.002))), this.#share(event));
  }

  #share(event) {
    const box = this.#canvas.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  }

  #down(event) {
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event);
    this.#pressed = { x: event.clientX, y: event.clientY, moved: false };
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) {
      this.#point(this.#hit(event), event);
      return;
    }
    if (Math.hypot(event.clientX - this.#pressed.x, event.clientY - this.#pressed.y) > STILL) this.#pressed.moved = true;
    if (!this.#pressed.moved) return;
    const others = [...this.#pointers.values()].filter((one) => one.pointerId !== event.pointerId);
    if (others.length) this.#pinch(before, event, others[0]);
    else this.pan((before.clientX - event.clientX) / this.#canvas.clientWidth);
    this.#pointers.set(event.pointerId, event);
    this.#point(null);
  }

  #pinch(before, event, other) {
    const far = (one) => Math.max(10, Math.abs(one.clientX - other.clientX));
    this.zoom(far(before) / far(event), (this.#share(event) + this.#share(other)) / 2);
  }

  #up(event) {
    const wasHere = this.#pointers.delete(event.pointerId);
    if (!wasHere || this.#pressed.moved) return;
    const mark = this.#hit(event);
    this.#point(mark, event);
    if (mark?.span.key) this.#choose(mark);
  }

  #choose(mark) {
    this.#chosen = mark.span.key;
    this.draw();
    this.#context.chosen(mark.span.key, mark.agent);
  }

  #hit(event) {
    const box = this.#canvas.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    return this.#marks.findLast((mark) => mark.span && y >= mark.top && y <= mark.top + mark.height && x >= mark.x - 2 && x <= mark.x + Math.max(mark.width, 3) + 2) ?? null;
  }

  #key(event) {
    const act = {
      ArrowLeft: () => this.pan(-0.15), ArrowRight: () => this.pan(0.15), "+": () => this.zoom(1 / 1.5), "=": () => this.zoom(1 / 1.5),
      "-": () => this.zoom(1.5), Home: () => this.fit(), End: () => this.follow(), ",": () => this.#step(-1), ".": () => this.#step(1),
      Enter: () => this.#enter(),
    }[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  #enter() {
    const mark = this.#marks.find((one) => one.span?.key === this.#chosen);
    if (mark) this.#choose(mark);
  }

  /** From call to call, in the order in which they began. */
  #step(by) {
    const calls = this.#lanes.flatMap((lane) => lane.tools.map((span) => ({ span, lane }))).sort((a, b) => a.span.from - b.span.from);
    if (calls.length === 0) return;
    const now = calls.findIndex(({ span }) => span.key === this.#chosen);
    const { from, to } = this.range;
    const inView = calls.findIndex(({ span }) => span.from >= from);
    const next = now === -1 ? (inView === -1 ? calls.length - 1 : inView) : Math.min(Math.max(now + by, 0), calls.length - 1);
    const { span, lane } = calls[next];
    this.#chosen = span.key;
    if (span.from < from || span.from > to) this.#set(span.from - (to - from) / 3, to - from);
    this.#looked();
    const mark = this.#marks.find((one) => one.span?.key === span.key);
    if (mark) this.#point(mark);
    say(this.#spoken, `${this.#context.agentName(lane.agent)}: ${this.#describe(span).join(", ")}`);
  }

  /** Mark a call. */
  choose(key) {
    if (this.#chosen === key) return;
    this.#chosen = key;
    this.draw();
  }

  // What a bar says

  #describe(span) {
    const took = duration(span.durationMs ?? (span.until ?? this.#end()) - span.from);
    if (span.kind === "wait") return ["Waits for you", took];
    if (span.kind === "model") return ["The model", took];
    return [line(span.name, 60), took, { ok: "done", error: "failed" }[span.outcome] ?? span.outcome ?? (this.#context.isRunning() ? "running" : "no end is known")];
  }

  #point(mark, event) {
    set(this.#tip, "hidden", mark === null);
    this.#canvas.style.cursor = mark?.span.key ? "pointer" : "";
    if (mark === null) return;
    const item = mark.span.key ? this.#context.story().items.get(mark.span.key) : undefined;
    const input = item?.data.use === undefined ? "" : line(toolInput(JSON.stringify(item.data.use).slice(0, 4000)), 140);
    const [name, ...rest] = this.#describe(mark.span);
    this.#tip.replaceChildren(h("strong", null, name), h("span", null, ` ${rest.join(" · ")}`),
      h("div", { class: "soft small" }, `${this.#context.agentName(mark.agent)} · ${clock(mark.span.from)}`), ...(input ? [h("div", { class: "content mono small" }, input)] : []));
    const left = event ? event.clientX - this.getBoundingClientRect().left : mark.x + this.#canvas.offsetLeft;
    const room = this.clientWidth - this.#tip.offsetWidth - 8;
    this.#tip.style.left = `${Math.max(4, Math.min(left + 10, room))}px`;
    this.#tip.style.top = `${mark.top + mark.height + 8 - this.firstElementChild.scrollTop}px`;
  }

  // Drawing

  /** Draw anew, with the next frame; while the session runs and is looked at, again and again. */
  draw() {
    if (this.#frame !== 0 || !this.isConnected || !this.#isSized) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (!this.isConnected) return;
      this.#draw();
      if (this.#context.isRunning() && this.#isSeen && !document.hidden) this.#again();
    });
  }

  /** A still picture each second is enough for who wants calm, and where a second is less than half a pixel. */
  #again() {
    const { from, to } = this.range;
    const pause = (to - from) / Math.max(1, this.clientWidth) / 2;
    const wait = calm.matches ? 1000 : Math.min(1000, pause);
    clearTimeout(this.#timer); // whatever else made it draw began no second series
    if (wait < 17) this.draw();
    else this.#timer = setTimeout(() => this.draw(), wait);
  }

  #draw() {
    const story = this.#context.story();
    const { from, to } = this.range;
    const all = story.lanes.all();
    const inView = all.filter((lane) => lane.agent === "" || (lane.from <= to && (lane.stopped ?? lane.until) >= from) || (lane.stopped === undefined && this.#context.isRunning() && lane.from <= to && to >= this.#end()));
    this.#lanes = inView.slice(0, MOST_LANES);
    const height = Math.max(1, this.#lanes.length) * LANE + AXIS + 2;
    this.#canvas.style.height = `${height}px`;
    const end = this.#context.isRunning() ? this.#end() : story.lanes.until;
    const view = { from, to, width: this.#canvas.clientWidth, height, end, isRunning: this.#context.isRunning() };
    marksOf(this.#lanes, story.lanes.waits, view, this.#marks);
    drawLanes(this.#canvas, view, this.#lanes, this.#marks, this.#chosen);
    this.#name();
  }

  /** Each lane's name leads to its agent. */
  #name() {
    keyed(this.#names, this.#lanes, (lane) => `${lane.agent}.`,
      (lane) => h("button", { class: "time-name quiet clip", onclick: () => this.#context.named(lane.agent) }),
      (button, lane) => text(button, this.#context.agentName(lane.agent)));
  }

  /** The marks, for a table and for tests: `{agent, kind, name, from, until, x, width, top}`. */
  get marks() {
    return this.#marks.filter((mark) => mark.span).map(({ agent, span, x, width, top, height }) => ({ agent, ...span, x, width, top, height }));
  }

  get lanes() {
    return this.#lanes;
  }
}

customElements.define("claw-timeline", Timeline);
