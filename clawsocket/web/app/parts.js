/** Small pieces that several views show. */

import { h, set, text } from "./dom.js";
import { age, percent, state, when } from "./format.js";

/** A share as a bar. Its name is for those who hear the page. */
export class Gauge extends HTMLElement {
  #bar = h("span", { class: "gauge-bar" });

  connectedCallback() {
    if (this.firstChild === null) this.append(this.#bar);
    set(this, "role", "meter");
    set(this, "aria-valuemin", 0);
    set(this, "aria-valuemax", 100);
  }

  /** Show a share of 100; `words` say it. */
  show(value, words = percent(value)) {
    const shown = Math.min(100, Math.max(0, value));
    set(this, "aria-valuenow", Math.round(shown));
    set(this, "aria-valuetext", words);
    set(this, "data-full", shown >= 80);
    this.#bar.style.setProperty("--share", `${shown}%`);
  }
}

customElements.define("claw-gauge", Gauge);

/** A state: its sign and, for those who hear the page or do not know the sign, its word. */
export function stateMark(name) {
  return h("span", { class: "dot", "data-state": name, role: "img", "aria-label": state(name) });
}

/** Show another state in a mark. */
export function setMark(mark, name) {
  set(mark, "data-state", name);
  set(mark, "aria-label", state(name));
}

/** A time that says how long ago it was, and goes on doing so: the view calls tick() each second. */
export function since(at, className = "soft small") {
  return setSince(h("time", { class: className }), at);
}

/** Show another time. */
export function setSince(element, at) {
  if (element.at !== at) {
    element.at = at;
    set(element, "datetime", new Date(at).toISOString());
  }
  text(element, age(at));
  return element;
}

// Its day and time, for who points at it: told to all, that would be a quarter of the work of a card.
document.addEventListener("pointerover", ({ target }) => {
  const time = target.closest?.("time[datetime]");
  if (time) set(time, "title", when(Date.parse(time.dateTime)));
});

/** Bring all times in an element up to date. */
export function tick(root) {
  for (const element of root.getElementsByTagName("time")) if (element.at !== undefined) text(element, age(element.at));
}
