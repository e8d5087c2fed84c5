/** Now: who needs somebody, and what everything is doing. */

import "./card.js";
import { h, keyed, set, text } from "./dom.js";
import { age, count, duration, limitName, percent, spent, state, STATE_ORDER } from "./format.js";
import { tick } from "./parts.js";
import { store } from "./store.js";
import { View } from "./view.js";

const HEADINGS = {
  requires_action: "Needs you", running: "Running", background: "In the background", failed: "Failed", idle: "Idle",
  ended: "Ended",
};

/** Cards that are made in one frame. */
const AT_ONCE = 6;
/** Sessions that are over and have a card: the newest. */
const MOST_ENDED = 12;
/** Cards of sessions that are gone which are kept for others. */
const MOST_SPARE = 24;

export class NowView extends View {
  #groups = h("div", { class: "groups" });
  #limits = h("ul", { class: "limits", "aria-label": "Limits of the account" });
  #sum = h("p", { class: "sum soft" });
  #empty = h("div", { class: "empty", hidden: true });

  open() {
    this.append(
      h("header", { class: "now-head" }, h("h1", null, "Now"), this.#sum, this.#limits),
      this.#empty, this.#groups);
    const timer = setInterval(() => this.#tick(), 1000);
    this.during(() => clearInterval(timer));
    this.during(store.follow());
  }

  changed(changes) {
    if (changes.all || changes.sessions.size) this.#show(changes);
    this.#showEmpty();
    this.#showLimits();
  }

  #tick() {
    tick(this.#groups);
    this.#showLimits();
  }

  #show(changes) {
    const sorted = [...store.sessions.values()].sort(byNeed);
    const byState = Map.groupBy(sorted, (one) => one.state);
    const names = new Set([...STATE_ORDER, ...byState.keys()]); // a newer service may have others
    const groups = [...names].filter((name) => byState.has(name)).map((name) => [name, byState.get(name)]);
    const frame = document.timeline.currentTime;
    let room = frame === this.#filled ? 0 : AT_ONCE;
    this.#filled = frame;
    const isShown = ({ sessionId }) => this.#cards.has(sessionId) || --room >= 0;
    const isDue = (card, id) => card.sessionId !== id || changes.all || changes.sessions.has(id);
    keyed(this.#groups, groups, ([name]) => name, group, (section, [name, sessions]) => {
      const listed = name === "ended" ? newest(sessions) : sessions;
      text(section.number, sessions.length);
      text(section.more, listed.length < sessions.length ? `and ${sessions.length - listed.length} before` : "");
      keyed(section.cards, listed.filter(isShown), (one) => one.sessionId,
        (one) => this.#card(one.sessionId),
        (card, one) => isDue(card, one.sessionId) && card.show(one, [...(store.agents.get(one.sessionId)?.values() ?? [])]));
    });
    if (room < 0) this.#goOn();
    this.#forget();
    const all = { totalCostUsd: 0, unpricedModels: [] };
    for (const { usage } of sorted) {
      all.totalCostUsd += usage?.totalCostUsd ?? 0;
      if (usage?.unpricedModels.length) all.unpricedModels = usage.unpricedModels;
    }
    text(this.#sum, sorted.length ? `${count(sorted.length, "session")} · ${spent(all)}` : "");
  }

  #frame = 0;
  /** The frame in which cards were made last. */
  #filled = null;

  /** Make further cards with the next frame: the first ones are in view, and are not to wait for hundreds. */
  #goOn() {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.isConnected) this.#show({ sessions: new Set() });
    });
  }

  /** Cards go with their session from one group to another, so that focus and selection stay. */
  #cards = new Map();

  /** Cards that nobody needs: a new session takes one, as to make one is work, and leaves much to collect. */
  #spare = [];

  #card(id) {
    let card = this.#cards.get(id);
    if (card === undefined) this.#cards.set(id, (card = this.#spare.pop() ?? h("claw-card")));
    return card;
  }

  #forget() {
    for (const [id, card] of this.#cards) {
      if (card.isConnected) continue;
      this.#cards.delete(id);
      if (this.#spare.length < MOST_SPARE) this.#spare.push(card);
    }
  }

  #showEmpty() {
    const none = store.sessions.size === 0 && store.connection.status !== "connecting";
    set(this.#empty, "hidden", !none);
    if (none && this.#empty.firstChild === null) {
      this.#empty.append(
        h("p", null, "No session of Claude Code runs."),
        h("p", { class: "small" }, "Start one in a terminal, and it appears here. If it does not, Service tells why."));
    }
  }

  #showLimits() {
    keyed(this.#limits, [...store.limits.values()].sort((a, b) => a.resetsAt - b.resetsAt), (limit) => limit.type,
      (limit) => {
        const item = h("li", { class: "limit" });
        item.gauge = h("claw-gauge", { "aria-label": `Limit of ${limitName(limit.type)}` });
        item.words = h("span", { class: "small" });
        item.told = h("time", { class: "small soft" });
        item.append(h("span", { class: "small soft" }, limitName(limit.type)), item.gauge, item.words, item.told);
        return item;
      },
      (item, limit) => {
        const over = limit.resetsAt <= Date.now();
        const used = over ? 0 : limit.percentUsed;
        item.gauge.show(used);
        text(item.words, over ? "begun anew" : percent(used));
        const anew = over ? "not told since" : `anew in ${duration(limit.resetsAt - Date.now())}`;
        text(item.told, `${anew} · told ${age(limit.updatedAt) === "now" ? "now" : `${age(limit.updatedAt)} ago`}${limit.official ? "" : ", worked out"}`);
        set(item.told, "datetime", new Date(limit.resetsAt).toISOString());
      });
  }
}

/** Who waits longest comes first; others keep their places as long as they live. */
function byNeed(a, b) {
  if (a.state === "requires_action" && b.state === "requires_action") return a.since - b.since;
  return a.startedAt - b.startedAt || (a.sessionId < b.sessionId ? -1 : 1);
}

/** Those that ended last, in the order that they have. */
function newest(ended) {
  return ended.length <= MOST_ENDED ? ended : ended.toSorted((a, b) => b.since - a.since).slice(0, MOST_ENDED).sort(byNeed);
}

function group([name]) {
  const section = h("section", { class: "group", "data-state": name, "aria-labelledby": `group-${name}` });
  section.number = h("span", { class: "group-number soft" });
  section.cards = h("div", { class: "cards" });
  section.more = h("p", { class: "group-more soft small" });
  section.append(h("h2", { id: `group-${name}`, class: "group-head" }, HEADINGS[name] ?? state(name), " ", section.number), section.cards, section.more);
  return section;
}

customElements.define("view-now", NowView);
