import { h } from "./dom.js";
import { View } from "./view.js";

export class ServiceView extends View {
  open() {
    this.append(h("h1", null, "Service"));
  }
}

customElements.define("view-service", ServiceView);
