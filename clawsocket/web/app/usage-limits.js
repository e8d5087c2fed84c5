/** The limits of the account over time, as the log has them: lines that jump where something was told. */

import { h, keyed, set, svg, text } from "./dom.js";
import { age, duration, limitName, percent, when } from "./format.js";
import { facts } from "./tip.js";

/** Points that are kept of a limit. */
const POINTS = 2000;
const WIDTH = 1000, HEIGHT = 100;

/** What was told of each limit, in the order of its times. */
export class LimitHistory {
  /** Limit type to `{at, percentUsed, resetsAt, official}`. */
  points = new Map();

  /** Take an event; return whether it told something new. */
  take({ timestamp, data }) {
    const points = this.points.get(data.type) ?? [];
    this.points.set(data.type, points);
    const last = points.at(-1);
    if (last && last.at >= timestamp) return false;
    points.push({ at: timestamp, ...data });
    if (points.length > POINTS) points.shift();
    return true;
  }
}

/** One limit: how it is, since when one knows, and how it was. */
export class Limit extends HTMLElement {
  #name = h("h3");
  #gauge = h("claw-gauge");
  #now = h("span", { class: "limit-now" });
  #told = h("span", { class: "soft small" });
  #line = svg("path", { class: "limit-line" });
  #chart;
  #begin = h("span");
  #axis = h("div", { class: "limit-axis soft small", "aria-hidden": "true" }, this.#begin, h("span", null, "now"));
  #rows = h("tbody");
  #points = [];
  #from = 0;
  #at = -1;

  tip = null;
  /** Which limit; given before it comes into the page. */
  type = "";

  connectedCallback() {
    if (this.firstChild !== null) return;
    this.#chart = svg("svg", { class: "limit-chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", tabindex: 0 },
      svg("line", { class: "limit-grid", x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }), this.#line);
    this.#chart.addEventListener("pointermove", (event) => this.#point(event));
    this.#chart.addEventListener("keydown", (event) => this.#key(event));
    for (const name of ["pointerleave", "blur"]) this.#chart.addEventListener(name, () => this.tip?.hide());
    this.append(
      h("div", { class: "row spread" }, this.#name, this.#now), this.#gauge, this.#told, this.#chart, this.#axis,
      h("details", { class: "as-table" }, h("summary", { class: "small soft" }, "As a table"),
        h("div", { class: "scroll limit-table", tabindex: 0, role: "region", "aria-label": `Limit of ${limitName(this.type)} as a table` },
          h("table", null,
            h("thead", null, h("tr", null, h("th", null, "Told"), h("th", { class: "number" }, "Used"), h("th", null, "Begins anew"))),
            this.#rows))));
  }

  /**
   * Show it.
   * @param {object} limit its RateLimit as it is now.
   * @param {object[]} points what was told of it.
   * @param {number} from the time at the left, in ms since 1970.
   */
  show(limit, points, from) {
    const now = Date.now();
    const over = limit.resetsAt <= now;
    text(this.#name, limitName(limit.type));
    text(this.#now, over ? "begun anew" : `${percent(limit.percentUsed)} used`);
    this.#gauge.show(over ? 0 : limit.percentUsed);
    set(this.#gauge, "aria-label", `Limit of ${limitName(limit.type)}`);
    const anew = over ? "nothing told since it began anew" : `anew in ${duration(limit.resetsAt - now)}`;
    const told = age(limit.updatedAt) === "now" ? "now" : `${age(limit.updatedAt)} ago`;
    text(this.#told, `${limit.official ? "told by Claude Code" : "worked out"} ${told} · ${anew}`);
    this.#points = points.filter((point) => point.at >= from);
    this.#from = this.#points.length ? Math.max(from, this.#points[0].at) : from;
    this.#draw(now);
  }

  #draw(now) {
    const points = this.#points;
    set(this.#chart, "aria-label", points.length
      ? `Told ${points.length} times since ${when(points[0].at)}, at most ${percent(Math.max(...points.map((one) => one.percentUsed)))}; the arrow keys read them`
      : "nothing in the log");
    set(this.#chart, "hidden", points.length < 2);
    set(this.#axis, "hidden", points.length < 2);
    text(this.#begin, points.length ? when(points[0].at) : "");
    set(this.querySelector("details"), "hidden", points.length === 0);
    set(this.#line, "d", points.map((point, index) => this.#step(point, points[index + 1]?.at ?? now, index === 0, now)).join(""));
    keyed(this.#rows, points.slice(-200).reverse(), (point) => String(point.at),
      (point) => h("tr", null, h("td", null, when(point.at)), h("td", { class: "number" }, percent(point.percentUsed)), h("td", null, when(point.resetsAt))));
  }

  /** A value holds until the next is told, and no longer than until the limit begins anew. */
  #step(point, until, isFirst, now) {
    const y = (HEIGHT * (1 - Math.min(100, point.percentUsed) / 100)).toFixed(1);
    const end = this.#x(Math.min(until, point.resetsAt), now);
    const drop = point.resetsAt < until ? `V${HEIGHT}H${this.#x(until, now)}` : "";
    return `${isFirst ? "M" : "L"}${this.#x(point.at, now)} ${y}H${end}${drop}`;
  }

  #x(at, now) {
    return (((at - this.#from) / Math.max(1, now - this.#from)) * WIDTH).toFixed(1);
  }

  #point(event) {
    const box = this.#chart.getBoundingClientRect();
    const at = this.#from + ((event.clientX - box.left) / box.width) * (Date.now() - this.#from);
    this.#tell(this.#points.findLastIndex((point) => point.at <= at));
  }

  #key(event) {
    const last = this.#points.length - 1;
    const next = { ArrowLeft: this.#at < 0 ? last : this.#at - 1, ArrowRight: this.#at + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.tip?.hide();
    if (next === undefined) return;
    event.preventDefault();
    this.#tell(Math.max(0, Math.min(last, next)));
  }

  #tell(index) {
    const point = this.#points[index];
    if (point === undefined) return;
    this.#at = index;
    const box = this.#chart.getBoundingClientRect();
    const x = box.left + (Number(this.#x(point.at, Date.now())) / WIDTH) * box.width;
    this.tip.over({ left: x, right: x, top: box.top, bottom: box.bottom },
      ...facts(when(point.at), [["used", percent(point.percentUsed)], ["anew", when(point.resetsAt)]]));
    set(this.#chart, "aria-description", `${when(point.at)}: ${percent(point.percentUsed)} used`);
  }
}

customElements.define("claw-limit", Limit);
