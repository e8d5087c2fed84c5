/** Events: all that the service tells, as it tells it. */

import "./events-detail.js";
import "./events-rows.js";
import { h, keyed, set, text } from "./dom.js";
import { Feed, MOST } from "./events-feed.js";
import { types } from "./events-schema.js";
import { holds } from "./events-words.js";
import { count, folder, line, visible, whole } from "./format.js";
import { router } from "./router.js";
import { store } from "./store.js";
import { View } from "./view.js";

const FAMILIES = ["session", "agent", "message", "tool", "stream", "usage", "hook", "mcp", "task", "system"].map((name) => `${name}.*`);
const SINCES = { recent: "recent and new", now: "only new", oldest: "from the oldest" };
/** ms after the last key until it is searched, and until the address tells what is chosen. */
const PAUSE = 150;
/** ms of searching before a frame gets its turn. */
const SLICE = 8;

export class EventsView extends View {
  #feed = new Feed((fresh) => this.#arrived(fresh));
  #shown = [];
  #first = 0;
  #wanted = "";
  #opened = null;
  #seeking = null;
  #searching = null;
  #later = 0;
  #labels = new Map();

  #rows = h("claw-rows", { class: "events-rows", "aria-label": "Events" });
  #detail = h("claw-event", { class: "events-detail sheet", hidden: true });
  #topics = h("div", { class: "row events-topics", role: "group", "aria-label": "Topics" });
  #topic = h("input", { type: "text", list: "event-types", maxlength: 256, placeholder: "hook.*", "aria-label": "Add a topic", autocomplete: "off", spellcheck: "false" });
  #known = h("datalist", { id: "event-types" });
  // What can be chosen is brought up to date when somebody comes to choose: at 13 new sessions a second, the ever new
  // options left 40 MB of holes in the memory of the page.
  #session = h("select", {
    "aria-label": "Session", onpointerdown: () => this.#showSessions(store.sessions.keys()), onfocus: () => this.#showSessions(store.sessions.keys()),
    onchange: () => router.set({ session: this.#session.value || null, event: null }),
  });
  #since = h("select", { "aria-label": "Begin with", onchange: () => router.set({ since: this.#since.value === "recent" ? null : this.#since.value, event: null }) },
    Object.entries(SINCES).map(([value, name]) => h("option", { value }, name)));
  #search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search in what is here", oninput: () => this.#typed() });
  #pause = h("button", { "aria-pressed": "false", onclick: () => this.#setPaused(!this.#feed.isPaused) }, "Pause");
  #follow = h("button", { "aria-pressed": "true", onclick: () => this.#rows.follow() }, "Follow");
  #next = h("button", { hidden: true, onclick: () => this.#goOn() }, `Next ${whole(MOST)}`);
  #count = h("span", { class: "soft small events-count" });
  #told = h("p", { class: "events-told", role: "status" });
  #empty = h("p", { class: "empty" });

  open() {
    const add = (event) => {
      event.preventDefault();
      this.#add(this.#topic.value);
    };
    this.#topic.addEventListener("focus", () => this.#suggest(), { once: true });
    this.append(
      h("header", { class: "events-head" },
        h("div", { class: "row spread" }, h("h1", null, "Events"), this.#count),
        this.#topics,
        h("div", { class: "row events-tools" },
          h("form", { class: "row events-add", onsubmit: add }, this.#topic, h("button", null, "Add"), this.#known),
          this.#session, this.#since, this.#search, this.#pause, this.#follow)),
      h("div", { class: "events-body" },
        h("div", { class: "events-list sheet" }, this.#rows, this.#empty, h("div", { class: "events-foot" }, this.#told, this.#next)),
        this.#detail));
    this.#rows.label = (id) => this.#label(id);
    this.#rows.choose = (item) => this.#choose(item);
    this.#rows.followed = (follows) => this.#setFollow(follows);
    this.#detail.close = () => {
      this.#rows.select(null);
      this.#rows.focus();
    };
    this.#rows.addEventListener("keydown", (event) => this.#key(event));
    this.during(() => {
      this.#feed.close();
      clearTimeout(this.#later);
    });
  }

  moved({ params }) {
    this.#showFilters(params);
    const search = params.get("search") ?? "";
    if (search !== this.#search.value) this.#search.value = search;
    if (search.toLowerCase() !== this.#wanted) this.#sift(search.toLowerCase());
    this.#open();
  }

  changed(changes) {
    if (changes.all) this.#showSessions();
    else for (const option of this.#session.options) if (changes.sessions.has(option.value)) text(option, this.#label(option.value));
    if (changes.connection) {
      this.#open();
      this.#showCount();
    }
  }

  // The stream

  #open() {
    const { params } = router.route;
    const wanted = { topics: topicsOf(params), session: params.get("session"), since: params.get("since") ?? "recent" };
    const key = JSON.stringify(wanted);
    if (store.claw === null || key === this.#opened) return;
    this.#opened = key;
    const linked = Number(params.get("event"));
    this.#seeking = Number.isSafeInteger(linked) && linked > 0 && this.#rows.chosen === null ? linked : null;
    this.#shown = [];
    this.#first = 0;
    this.#rows.show([], 0);
    const follows = this.#seeking === null && wanted.since !== "oldest";
    this.#rows.follows = this.#feed.follows = follows;
    this.#setFollow(follows);
    this.#setPaused(false);
    this.#feed.open({ ...wanted, event: this.#seeking });
  }

  #arrived(fresh) {
    const before = this.#shown.length;
    const first = this.#feed.rows[0]?.number ?? Infinity;
    if (first !== this.#first) {
      const kept = this.#shown.findIndex((row) => row.number >= first);
      this.#shown.splice(0, kept === -1 ? before : kept);
      this.#first = first;
    }
    const dropped = before - this.#shown.length;
    for (const row of fresh) if (row.number >= first && this.#matches(row)) this.#shown.push(row);
    this.#rows.show(this.#shown, dropped);
    this.#seek(fresh);
    this.#showCount();
  }

  /** Find the event that the address names. */
  #seek(fresh) {
    if (this.#seeking === null) return;
    const found = fresh.find((row) => row.event?.seq >= this.#seeking);
    if (found === undefined) return;
    if (found.event.seq === this.#seeking) {
      this.#rows.select(found, { quietly: true });
      this.#detail.show(found);
      this.#rows.reveal(found);
    }
    this.#seeking = null;
  }

  #goOn() {
    this.#rows.select(null);
    this.#rows.scrollTop = 0;
    this.#feed.next();
    this.#rows.focus();
  }

  #setPaused(isPaused) {
    this.#feed.isPaused = isPaused;
    set(this.#pause, "aria-pressed", isPaused ? "true" : "false");
    text(this.#pause, isPaused ? "Go on" : "Pause");
    this.#showTold();
  }

  #setFollow(follows) {
    this.#feed.follows = follows;
    set(this.#follow, "aria-pressed", follows ? "true" : "false");
    this.#showTold();
  }

  // The search

  #typed() {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => router.set({ search: this.#search.value || null }), PAUSE);
  }

  #matches(row) {
    return this.#wanted === "" || row.gap !== undefined || holds(row.event, this.#wanted);
  }

  /** Search anew in all rows, a part in each frame. */
  async #sift(wanted) {
    this.#wanted = wanted;
    const mine = (this.#searching = {});
    const found = [];
    let began = performance.now();
    for (let at = 0; at < this.#feed.rows.length; at++) {
      if (this.#matches(this.#feed.rows[at])) found.push(this.#feed.rows[at]);
      if (performance.now() - began < SLICE) continue;
      const next = this.#feed.rows[at].number + 1;
      await new Promise((resolve) => setTimeout(resolve));
      if (mine !== this.#searching) return;
      at = this.#feed.rows.findIndex((row) => row.number >= next) - 1;
      if (at < -1) break;
      began = performance.now();
    }
    const first = this.#feed.rows[0]?.number ?? 0;
    this.#shown = found.filter((row) => row.number >= first);
    this.#rows.show(this.#shown, 0);
    if (this.#rows.chosen) this.#rows.reveal(this.#rows.chosen);
    this.#showCount();
  }

  // What is chosen

  #choose(item) {
    this.#detail.show(item);
    clearTimeout(this.#later);
    this.#later = setTimeout(() => router.set({ event: item?.event?.seq ?? null }), PAUSE);
  }

  #key(event) {
    if (event.key === "Enter" && this.#rows.chosen) this.#detail.querySelector("button").focus();
    if (event.key === "Escape" && this.#rows.chosen) this.#rows.select(null);
  }

  #add(topic) {
    const wanted = topic.trim();
    if (wanted === "") return;
    const topics = topicsOf(router.route.params).filter((one) => one !== "*");
    this.#topic.value = "";
    router.set({ topics: wanted === "*" ? null : [...new Set([...topics, wanted])].slice(0, 100).join(","), event: null });
  }

  #toggle(topic) {
    const topics = topicsOf(router.route.params).filter((one) => one !== "*");
    const now = topics.includes(topic) ? topics.filter((one) => one !== topic) : [...topics, topic];
    router.set({ topics: topic === "*" ? null : now.join(",") || null, event: null });
  }

  // What is shown

  #showFilters(params) {
    const topics = topicsOf(params);
    const own = topics.filter((topic) => topic !== "*" && !FAMILIES.includes(topic));
    keyed(this.#topics, ["*", ...FAMILIES, ...own], (topic) => topic,
      (topic) => h("button", { class: "chip", onclick: () => this.#toggle(topic) }, topic === "*" ? "all" : visible(topic, 60)),
      (chip, topic) => set(chip, "aria-pressed", topics.includes(topic) ? "true" : "false"));
    this.#since.value = params.get("since") in SINCES ? params.get("since") : "recent";
    this.#showSessions();
  }

  /** Show the sessions that can be chosen, the one that is wanted among them: those that were there, or others. */
  #showSessions(sessions = Array.from(this.#session.options, (option) => option.value)) {
    const wanted = router.route.params.get("session") ?? "";
    const ids = new Set(["", ...sessions, wanted]);
    keyed(this.#session, ids, (id) => id, (id) => h("option", { value: id }), (option, id) => text(option, id ? this.#label(id) : "all sessions"));
    this.#session.value = wanted;
  }

  async #suggest() {
    try {
      const names = await types();
      this.#known.replaceChildren(...[...FAMILIES, ...names].map((name) => h("option", { value: name })));
    } catch {
      // The names can be typed all the same.
    }
  }

  /** A session's folder, and the beginning of its id, since there may be more of them in it. */
  #label(id) {
    const cwd = store.sessions.get(id)?.cwd;
    if (cwd) this.#labels.set(id, line(folder(cwd), 40));
    if (this.#labels.size > 2000) this.#labels.clear();
    const start = visible(id.slice(0, 4), 4);
    return this.#labels.has(id) ? `${this.#labels.get(id)} ${start}` : visible(id.slice(0, 8), 8);
  }

  #showCount() {
    const { rows, problem } = this.#feed;
    const all = count(rows.length, "event");
    text(this.#count, this.#wanted ? `${whole(this.#shown.length)} of ${all}` : all);
    set(this.#empty, "hidden", this.#shown.some(isEvent)); // a gap alone tells nobody where the rest is
    if (problem) text(this.#empty, `The events can't be read: ${line(problem)}`);
    else if (rows.some(isEvent)) text(this.#empty, "Nothing here holds that.");
    else if (store.connection.status === "lost") text(this.#empty, "The service is away. Events come as soon as it is back.");
    else if (router.route.params.get("since") === "oldest") text(this.#empty, "Nothing yet. What happens appears here.");
    // After a crash the numbers go on far behind those before it, and all of these count as long ago.
    else text(this.#empty, "Nothing recent. What happens appears here; what was before is there from the oldest.");
    this.#showTold();
  }

  #showTold() {
    const { isFull, isPaused } = this.#feed;
    set(this.#next, "hidden", !isFull);
    text(this.#told, isPaused ? "Paused. Nothing is lost: what happens meanwhile comes when it goes on."
      : isFull ? "These are as many as fit. The next ones come when you ask for them, or follow." : "");
  }
}

const isEvent = (row) => row.event !== undefined;

const topicsOf = (params) => {
  const given = (params.get("topics") ?? "").split(",").map((one) => one.trim()).filter(Boolean);
  return given.length ? given.slice(0, 100) : ["*"];
};

customElements.define("view-events", EventsView);
