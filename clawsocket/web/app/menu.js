/** The options of the person who looks. */

import { canNotify, chime, mayNotify } from "./calls.js";
import { h, set, text } from "./dom.js";
import { leave } from "./login.js";
import { options } from "./options.js";

/** Return the button and its menu. */
export function menu() {
  const problem = h("p", { class: "bad small", role: "status" });
  const panel = h("div", { id: "options", class: "options", popover: true, role: "dialog", "aria-label": "Options" },
    box("hide", "Hide contents", "prompts, answers, inputs and outputs, while others look on"),
    box("notify", "Notify", "when a session needs you that is not in view", async (on) => {
      const may = !on || (await mayNotify());
      text(problem, may ? "" : "The browser does not let this page notify; its settings for this page do.");
      return may && on;
    }, canNotify),
    box("sound", "Sound", "the same, to be heard", (on) => {
      if (on) chime();
      return on;
    }),
    problem,
    h("label", { class: "row spread" }, "Colours", themes()),
    h("div", { class: "row spread" },
      h("a", { href: "/docs" }, "Documentation of the protocol"),
      h("button", { onclick: signOut }, "Sign out")));
  const button = h("button", { class: "quiet", popovertarget: "options", "aria-expanded": "false" }, "Options");
  panel.addEventListener("toggle", (event) => set(button, "aria-expanded", event.newState === "open"));
  return [button, panel];
}

function box(name, label, hint, wish = (on) => on, isAllowed = () => true) {
  const input = h("input", {
    type: "checkbox",
    onchange: async () => {
      const on = await wish(input.checked);
      input.checked = on;
      options.set(name, on);
    },
  });
  follow(() => (input.checked = options.get(name) && isAllowed()));
  return h("label", null, input, h("span", null, label, h("br"), h("span", { class: "soft small" }, hint)));
}

function themes() {
  const choices = { auto: "as the system", light: "light", dark: "dark" };
  const select = h("select", { onchange: () => options.set("theme", select.value) },
    Object.entries(choices).map(([value, label]) => h("option", { value }, label)));
  follow(() => (select.value = options.get("theme")));
  return select;
}

function follow(show) {
  options.subscribe(show);
  show();
}

function signOut() {
  leave();
  location.reload();
}
