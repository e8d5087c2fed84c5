/** Service: how claw-socket itself is. */

import { h, keyed, set, text } from "./dom.js";
import { bytes, count, duration, line, when, whole } from "./format.js";
import { store } from "./store.js";
import { View } from "./view.js";

/** ms between two looks. */
const PACE = 2000;

const SOURCES = {
  spool: "hooks", transcript: "transcripts", session_file: "session files", watch: "watching the disk", log: "log on disk",
};
const LEVELS = { ok: "fine", warning: "warning", error: "error" };
const ORDER = ["error", "warning", "ok"];

export class ServiceView extends View {
  #problem = h("p", { class: "bad", role: "status" });
  #facts = h("dl", { class: "facts" });
  #clients = h("tbody");
  #sources = h("tbody");
  #troubles = h("ul", { class: "troubles" });
  #findings = h("ul", { class: "findings" });
  #doctor = h("p", { class: "soft", role: "status" });
  #again = h("button", { onclick: () => this.#examine() }, "Look again");
  #body = h("div", { class: "service", hidden: true });
  #end = new AbortController();

  open() {
    this.append(h("h1", null, "Service"), this.#problem, this.#body);
    this.#body.append(
      section("Doctor", h("div", { class: "row spread" }, this.#doctor, this.#again), this.#findings),
      section("As it runs", this.#facts),
      section("Sources", table(["Source", "Troubles", "Waiting", "Unknown or broken"], this.#sources), this.#troubles),
      section("Clients", table(["Topics", "Events behind", "Reads"], this.#clients)));
    const timer = setInterval(() => this.#look(), PACE);
    this.during(() => {
      clearInterval(timer);
      this.#end.abort();
    });
  }

  changed(changes) {
    if (changes.connection && store.connection.status === "live") {
      this.#look();
      this.#examine();
    }
    if (changes.connection) this.#showProblem();
    this.#showTroubles();
  }

  #showProblem() {
    const away = store.connection.status === "lost";
    const was = this.#body.hidden ? "The service is away. How it is comes as soon as it is back." : "The service is away; this is how it was.";
    text(this.#problem, away ? was : "");
  }

  async #look() {
    if (store.connection.status !== "live" || document.hidden) return;
    try {
      this.#show(await store.claw.status({ signal: this.#end.signal }));
    } catch (error) {
      if (this.#end.signal.aborted) return;
      this.#body.hidden = false; // the doctor may still tell
      text(this.#problem, `The service does not say how it is: ${line(error.message)}`);
    }
  }

  #show(status) {
    const { store: disk } = status;
    this.#body.hidden = false;
    this.#showProblem(); // none any more
    const facts = {
      Version: `${line(store.server.version)}, protocol ${store.server.protocol}`,
      Running: `${duration(Date.now() - status.startedAt)}, since ${when(status.startedAt)}, as process ${status.pid}`,
      "CPU time": duration(status.cpuSeconds * 1000),
      Events: `${whole(status.events)} since it was started`,
      "In memory": `${count(status.memoryEvents, "event")}, ${bytes(status.memoryBytes)}`,
      "On disk": disk
        ? `${bytes(disk.size)}${disk.oldestAt ? `, back to ${when(disk.oldestAt)}` : ""}; ${count(disk.behind, "event")} not there yet`
        : "nothing: the log is in memory alone",
      Gaps: status.gaps ? `${count(status.gaps, "time")} a client was told that events are gone` : "none",
    };
    keyed(this.#facts, Object.entries(facts), ([name]) => name,
      ([name]) => h("div", null, h("dt", null, name), h("dd")),
      (row, [, value]) => text(row.lastElementChild, value));
    const rows = status.clients.map((client, index) => ({ ...client, index }));
    keyed(this.#clients, rows, ({ index }) => String(index), () => cells(3), (row, client) => {
      text(row.children[0], client.topics.map((topic) => line(topic, 60)).join(", ") || "none: it only asks");
      text(row.children[1], whole(client.lag));
      text(row.children[2], client.stalled ? "not what it was sent" : "yes");
      set(row.children[2], "class", client.stalled ? "bad" : null);
    });
    this.#showSources(status);
  }

  #showSources({ troubles, hooksWaiting, hooksRejected, caughtUp, brokenLines, unknownLines }) {
    const details = {
      spool: [count(hooksWaiting, "hook"), kinds(hooksRejected)],
      transcript: [caughtUp ? "nothing" : "lines", [brokenLines ? `${count(brokenLines, "broken line")}` : "", kinds(unknownLines)].filter(Boolean).join(", ")],
    };
    keyed(this.#sources, Object.entries(troubles), ([name]) => name, () => cells(4), (row, [name, number]) => {
      const [waiting, odd] = details[name] ?? ["", ""];
      text(row.children[0], SOURCES[name] ?? line(name, 40));
      text(row.children[1], number);
      set(row.children[1], "class", number ? "bad" : null);
      text(row.children[2], waiting);
      text(row.children[3], odd || (details[name] ? "none" : ""));
    });
  }

  #showTroubles() {
    keyed(this.#troubles, store.troubles, (event) => event.id,
      (event) => h("li", null, h("span", { class: "soft small" }, when(event.timestamp), " "), line(event.data.message, 300)));
  }

  async #examine() {
    if (store.connection.status !== "live") return;
    this.#again.disabled = true;
    text(this.#doctor, "Looking… this takes a few seconds.");
    try {
      const findings = await store.claw.findings({ signal: this.#end.signal });
      this.#showFindings(findings);
    } catch (error) {
      if (!this.#end.signal.aborted) text(this.#doctor, `The doctor could not look: ${line(error.message)}`);
    }
    this.#again.disabled = false;
  }

  #showFindings(findings) {
    const bad = findings.filter((one) => one.level !== "ok").length;
    text(this.#doctor, `${bad ? `${count(bad, "thing")} to mend` : "Nothing is wrong"}, of ${count(findings.length, "check")}.`);
    const sorted = findings.map((one, index) => ({ ...one, key: `${index} ${one.check}` }))
      .sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
    keyed(this.#findings, sorted, (one) => one.key, () => h("li", { class: "finding" }), (item, one) => {
      set(item, "data-level", one.level);
      item.replaceChildren(
        h("span", { class: "finding-level small" }, LEVELS[one.level]),
        h("span", null, h("strong", null, line(one.check, 40)), ` ${line(one.what, 400)}`,
          one.mend && h("code", { class: "mend" }, line(one.mend, 400))));
    });
    const fixable = findings.some((one) => one.fixable);
    if (fixable) this.#doctor.append(" ", h("code", null, "claw-socket doctor --fix"), " mends what can be mended safely.");
  }
}

/** Kinds and how often each was met, in words. */
const kinds = (counts) => Object.entries(counts).map(([kind, number]) => `${line(kind, 60)} ×${number}`).join(", ");

function section(title, ...content) {
  return h("section", { class: "sheet", "aria-label": title }, h("h2", null, title), ...content);
}

function table(heads, body) {
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": heads[0] },
    h("table", null, h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col" }, head)))), body));
}

const cells = (number) => h("tr", null, Array.from({ length: number }, () => h("td")));

customElements.define("view-service", ServiceView);
