/** What all views are: custom elements that learn where they are, and what changed. */

import { router } from "./router.js";
import { store } from "./store.js";

export class View extends HTMLElement {
  /** What ends with the view: functions that are called when it leaves the page. */
  #ends = [];

  connectedCallback() {
    this.open();
    this.during(router.subscribe((route) => route.view === this.dataset.view && this.moved(route)));
    this.during(store.subscribe((changes) => this.changed(changes)));
    this.moved(router.route);
    this.changed(store.everything);
  }

  disconnectedCallback() {
    for (const end of this.#ends.splice(0)) end();
  }

  /** Call a function when the view leaves the page. */
  during(end) {
    this.#ends.push(end);
  }

  /** Make what is always there; called once the view is in the page. */
  open() {}

  /** Learn the route, at first and when it changes. */
  moved(route) {}

  /** Learn what changed in the store, 20 times a second at most: see store.js. */
  changed(changes) {}
}
