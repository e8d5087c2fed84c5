/** A note beside what one points at or has the focus on. It says what is there in words, too: nobody needs it. */

import { h } from "./dom.js";

const GAP = 8;

export class Tip extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "tooltip");
    this.hidden = true;
  }

  /**
   * Show it over a place.
   * @param {DOMRect | {left: number, right: number, top: number, bottom: number}} place in the window.
   * @param {...(Node | string)} children what it says.
   */
  over(place, ...children) {
    this.replaceChildren(...children);
    this.hidden = false;
    const { width, height } = this.getBoundingClientRect();
    const left = (place.left + place.right - width) / 2;
    const top = place.top - height - GAP;
    this.style.setProperty("left", `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`);
    this.style.setProperty("top", `${top > GAP ? top : place.bottom + GAP}px`);
  }

  hide() {
    this.hidden = true;
  }
}

/** Names and values below each other. */
export const facts = (head, entries) => [
  h("strong", null, head),
  h("dl", { class: "tip-facts" }, entries.map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
];

customElements.define("claw-tip", Tip);
