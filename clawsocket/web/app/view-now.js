import { h } from "./dom.js";
import { View } from "./view.js";

export class NowView extends View {
  open() {
    this.append(h("h1", null, "Now"));
  }
}

customElements.define("view-now", NowView);
