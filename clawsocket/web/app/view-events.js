import { h } from "./dom.js";
import { View } from "./view.js";

export class EventsView extends View {
  open() {
    this.append(h("h1", null, "Events"));
  }
}

customElements.define("view-events", EventsView);
