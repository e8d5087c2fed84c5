import { h } from "./dom.js";
import { View } from "./view.js";

export class SessionView extends View {
  open() {
    this.append(h("h1", null, "Session"));
  }
}

customElements.define("view-session", SessionView);
