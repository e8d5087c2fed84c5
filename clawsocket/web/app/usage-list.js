/** Names with a bar each: what a project, a model, a session spent. A table, so that it is read as one. */

import { h, keyed, set, text } from "./dom.js";
import { cost, percent, tokens, whole } from "./format.js";

/** Rows that are shown at first. */
const FEW = 8;
/** Rows that are shown at most. */
const MANY = 500;

export class UsageList extends HTMLElement {
  #rows = h("tbody");
  #more = h("button", { class: "quiet small", hidden: true, onclick: () => this.#toggle() });
  #all = false;
  #again = () => {};

  /** Called with a name that is chosen. */
  choose = () => {};
  /** Called with a row and its `sum`, to show a note. */
  point = () => {};
  leave = () => {};

  connectedCallback() {
    if (this.firstChild !== null) return;
    const id = `list-${this.dataset.part}`;
    this.append(h("h2", { id }, this.dataset.title),
      h("table", { class: "usage-list", "aria-labelledby": id },
        h("thead", null, h("tr", null, h("th", null, h("span", { class: "unseen" }, "Name")),
          [["Cost"], ["Tokens"], ["Cache", "share of what was read that came from the cache"]].map(([name, title]) => h("th", { class: "number", title }, name)))),
        this.#rows),
      this.#more);
    for (const name of ["pointerover", "focusin"]) this.#rows.addEventListener(name, (event) => this.#point(event));
    for (const name of ["pointerleave", "focusout"]) this.#rows.addEventListener(name, () => this.leave());
  }

  /**
   * Show rows.
   * @param {[string, Sum][]} entries names with their sums, the largest first.
   * @param {(sum: Sum) => number} value what the bars show.
   * @param {(button: Element, name: string, link: Element) => void} label writes a name.
   * @param {string | null} chosen the name that is chosen.
   */
  show(entries, value, label, chosen) {
    this.#again = () => this.show(entries, value, label, chosen);
    const most = Math.max(...entries.slice(0, 1).map(([, sum]) => value(sum)), 0);
    const shown = entries.slice(0, this.#all ? MANY : FEW);
    const found = entries.find(([name]) => name === chosen);
    if (found && !shown.includes(found)) shown.push(found);
    keyed(this.#rows, shown, ([name]) => name, ([name]) => this.#row(name), (row, [name, sum]) => {
      row.sum = sum;
      label(row.button, name, row.link);
      set(row.button, "aria-pressed", name === chosen ? "true" : "false");
      set(row, "data-chosen", name === chosen);
      row.bar.style.setProperty("--share", `${most ? (100 * value(sum)) / most : 0}%`);
      text(row.cost, `${cost(sum.cost)}${sum.cost !== null && sum.unpriced ? "+?" : ""}`);
      text(row.tokens, tokens(sum.tokens));
      text(row.cache, percent(sum.cacheShare));
    });
    set(this.#more, "hidden", entries.length <= FEW);
    text(this.#more, this.#all ? "Show fewer" : `Show all ${whole(entries.length)}`);
    set(this.#more, "aria-expanded", this.#all ? "true" : "false");
  }

  #row(name) {
    const row = h("tr");
    row.button = h("button", { class: "usage-name", onclick: () => this.choose(name) });
    row.link = h("span", { class: "usage-link" });
    row.bar = h("span", { class: "usage-bar", "aria-hidden": "true" });
    row.cost = h("td", { class: "number usage-cost" });
    row.tokens = h("td", { class: "number soft" });
    row.cache = h("td", { class: "number soft usage-cache" });
    row.append(h("th", { scope: "row" }, h("div", { class: "usage-cell" }, row.button, row.link, row.bar)), row.cost, row.tokens, row.cache);
    return row;
  }

  #point(event) {
    const row = event.target.closest?.("tr");
    if (row?.sum) this.point(row, row.sum);
  }

  #toggle() {
    this.#all = !this.#all;
    this.#again();
  }
}

customElements.define("claw-usage-list", UsageList);
