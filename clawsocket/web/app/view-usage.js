import { h } from "./dom.js";
import { View } from "./view.js";

export class UsageView extends View {
  open() {
    this.append(h("h1", null, "Usage"));
  }
}

customElements.define("view-usage", UsageView);
