/** One event: as JSON, with what the contract says of it beside. */

import { fields, json, prose, schemaOf } from "./events-schema.js";
import { sayGap } from "./events-words.js";
import { h, set, text } from "./dom.js";
import { folder, line, visible, when } from "./format.js";
import { href } from "./router.js";
import { store } from "./store.js";

export class EventDetail extends HTMLElement {
  #title = h("h2", { class: "mono" });
  #facts = h("p", { class: "soft small" });
  #json = h("pre", { class: "event-json content", tabindex: 0, role: "region", "aria-label": "the event as JSON" });
  #about = h("p", { class: "schema-about" });
  #fields = h("div", { class: "scroll schema-fields", tabindex: 0, role: "region", "aria-label": "what its fields are" });
  #raw = h("pre", { class: "schema-raw", tabindex: 0, role: "region", "aria-label": "JSON Schema" });
  #copied = h("span", { class: "small soft", role: "status" });
  #copy = h("button", { onclick: () => this.#copyIt() }, "Copy as JSON");
  #schema;
  #item = null;

  /** Called when it shall go. */
  close = () => {};

  connectedCallback() {
    if (this.firstChild !== null) return;
    set(this, "role", "region");
    set(this, "aria-label", "The event that is chosen");
    this.#schema = h("section", { class: "event-schema" }, h("h3", null, "Schema"), this.#about, this.#fields,
      h("details", null, h("summary", { class: "small soft" }, "As JSON Schema"), this.#raw));
    this.append(
      h("header", { class: "event-head" }, this.#title,
        h("div", { class: "row" }, this.#copied, this.#copy, h("button", { onclick: () => this.close() }, "Close"))),
      this.#facts, this.#json, this.#schema);
    this.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  /** Show an item of the list; null: nothing. */
  show(item) {
    set(this, "hidden", item === null);
    if (item === null || item === this.#item) {
      this.#item = item;
      return;
    }
    this.#item = item;
    text(this.#copied, "");
    const { event, gap } = item;
    text(this.#title, event ? visible(event.type, 80) : "gap");
    this.#facts.replaceChildren(...(event ? this.#told(event) : [sayGap(gap)]));
    this.#json.replaceChildren(...json(event ?? gap));
    this.#json.scrollTop = 0;
    this.#showSchema(event?.type ?? "gap");
  }

  #told(event) {
    const session = store.sessions.get(event.sessionId);
    const link = event.sessionId && h("a", { href: href("session", event.sessionId) },
      session ? line(folder(session.cwd), 60) : `session ${visible(event.sessionId.slice(0, 8), 8)}`);
    return [when(event.timestamp), ...(link ? [" · ", link] : []), ` · told by ${visible(event.source, 40)}`];
  }

  async #showSchema(type) {
    const item = this.#item;
    let found;
    try {
      found = await schemaOf(type);
    } catch (error) {
      if (item === this.#item) text(this.#about, `The contract can't be read: ${line(error.message)}`);
      return;
    }
    if (item !== this.#item) return;
    this.#about.replaceChildren(...(found.known ? prose(found.schema.description) : [`${type} is in no contract yet; this is what all events have.`]));
    this.#fields.replaceChildren(fields(found));
    const data = found.resolve(found.schema.properties?.data ?? found.schema);
    text(this.#raw, JSON.stringify(data, null, 2));
  }

  async #copyIt() {
    const { event, gap } = this.#item;
    const isDone = await copy(JSON.stringify(event ?? gap, null, 2));
    text(this.#copied, isDone ? "copied" : "the browser does not let this page copy; select the text");
  }
}

/** Put a text into the clipboard; a page that is not safe in the browser's eyes has to ask in the old way. */
async function copy(value) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    const field = h("textarea", { class: "unseen", "aria-hidden": "true" });
    field.value = value;
    document.body.append(field);
    field.select();
    const isDone = document.execCommand("copy");
    field.remove();
    return isDone;
  }
}

customElements.define("claw-event", EventDetail);
