/** Columns over time: one for each day, week or month. Each is a button; the arrow keys go from one to the next. */

import { h, keyed, set, text } from "./dom.js";
import { times } from "./format.js";
import { facts } from "./tip.js";

const short = times({ day: "numeric", month: "short", timeZone: "UTC" });
const long = times({ weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const month = times({ month: "short", year: "numeric", timeZone: "UTC" });
/** px that a label below the columns takes. */
const LABEL = 64;

/** A span of days in words. */
export function spanName({ from, to }) {
  if (from === to) return long(Date.parse(from));
  return from.endsWith("-01") && from.slice(0, 7) === to.slice(0, 7)
    ? month(Date.parse(from))
    : `${short(Date.parse(from))} to ${long(Date.parse(to))}`;
}

export class Days extends HTMLElement {
  #scale = h("div", { class: "days-scale soft small", "aria-hidden": "true" });
  #columns = h("div", { class: "days-columns", role: "group" });
  #labels = h("div", { class: "days-labels soft small", "aria-hidden": "true" });
  #spans = [];
  #current = null;
  #width = 0;
  #wide = new ResizeObserver(([{ contentRect }]) => {
    this.#width = contentRect.width;
    this.#label();
  });

  /** Called with the first day of a column that is chosen. */
  choose = () => {};
  /** The note to show. */
  tip = null;

  connectedCallback() {
    if (this.firstChild === null) {
      this.append(this.#scale, this.#columns, this.#labels);
      this.#columns.addEventListener("keydown", (event) => this.#key(event));
      this.#columns.addEventListener("pointerover", (event) => this.#point(event.target));
      this.#columns.addEventListener("focusin", (event) => this.#point(event.target));
      for (const name of ["pointerleave", "focusout"]) this.#columns.addEventListener(name, () => this.tip?.hide());
    }
    this.#wide.observe(this.#columns);
  }

  disconnectedCallback() {
    this.#wide.disconnect();
  }

  /**
   * Show columns.
   * @param {{from: string, to: string, value: number, part: number, words: string, facts: string[][]}[]} spans what to
   *   draw: `part` of the `value` is drawn full, the rest light; `words` say it all.
   * @param {string} label what the columns are.
   * @param {(value: number) => string} format for the scale.
   * @param {string | null} chosen the first day of the column that is chosen.
   */
  show(spans, label, format, chosen) {
    this.#spans = spans;
    const most = Math.max(...spans.map((span) => span.value), 0);
    const top = ceiling(most);
    if (!spans.some((span) => span.from === this.#current)) this.#current = spans.at(-1)?.from ?? null;
    set(this.#columns, "aria-label", label);
    keyed(this.#columns, spans, (span) => span.from,
      (span) => h("button", { class: "day", onclick: () => this.choose(span.from) }, h("span", { class: "day-bar" }, h("span", { class: "day-part" }))),
      (column, span) => {
        column.span = span;
        set(column, "aria-label", `${spanName(span)}: ${span.words}`);
        set(column, "aria-pressed", span.from === chosen ? "true" : "false");
        set(column, "tabindex", span.from === this.#current ? 0 : -1);
        column.style.setProperty("--share", `${top ? (100 * span.value) / top : 0}%`);
        column.style.setProperty("--part", `${span.value ? (100 * span.part) / span.value : 0}%`);
      });
    keyed(this.#scale, top ? [1, 0.5, 0] : [0], (share) => String(share), () => h("span"), (line, share) => text(line, share ? format(top * share) : format(0)));
    this.#label();
  }

  /** As many labels as there is room for. */
  #label() {
    const count = this.#spans.length;
    const room = Math.max(2, Math.floor(this.#width / LABEL));
    const step = Math.max(1, Math.ceil(count / room));
    const shown = this.#spans.filter((_, index) => (count - 1 - index) % step === 0);
    keyed(this.#labels, shown, (span) => span.from, () => h("span"), (label, span) => {
      text(label, short(Date.parse(span.from)));
      const at = this.#spans.indexOf(span);
      label.style.setProperty("left", `${(100 * (at + 0.5)) / count}%`);
      set(label, "data-edge", count > 1 && at === count - 1 ? "end" : at === 0 ? "start" : null);
    });
  }

  #point(target) {
    const column = target.closest?.(".day");
    if (!column || this.tip === null) return;
    this.tip.over(column.getBoundingClientRect(), ...facts(spanName(column.span), column.span.facts));
  }

  #key(event) {
    const columns = [...this.#columns.children];
    const at = columns.indexOf(document.activeElement);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: columns.length - 1 }[event.key];
    if (event.key === "Escape") this.tip?.hide();
    if (next === undefined || columns[next] === undefined) return;
    event.preventDefault();
    this.#current = columns[next].span.from;
    columns[at]?.setAttribute("tabindex", "-1");
    columns[next].setAttribute("tabindex", "0");
    columns[next].focus();
  }
}

/** The next round number: 1, 2 or 5 with zeros. */
export function ceiling(value) {
  if (!(value > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

customElements.define("claw-days", Days);
