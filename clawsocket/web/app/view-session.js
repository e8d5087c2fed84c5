/** A session: its conversation as it goes, and a timeline of who did what when. */

import "./list.js";
import "./timeline.js";
import { h, keyed, set, text } from "./dom.js";
import { branch, count, duration, folder, fullness, line, model, spent, state, tokens, visible, waitsFor } from "./format.js";
import { options } from "./options.js";
import { setMark, setSince, since, stateMark, tick } from "./parts.js";
import { router } from "./router.js";
import { createRow, updateRow } from "./rows.js";
import { MAIN, Story } from "./story.js";
import { store } from "./store.js";
import { Telling } from "./telling.js";
import { showTable } from "./timeline-table.js";
import { timeOf } from "./tool-row.js";
import { View } from "./view.js";

/** States in which the timeline goes on. */
const BUSY = new Set(["running", "requires_action", "background"]);
/** Pages that are read in search of what an address names. */
const SEARCHED = 120;

export class SessionView extends View {
  #story = new Story();
  #telling = null;
  #id = router.route.id;
  #info = null;
  #pid = null;
  #goesOnAs = null;
  #opened = new Map();
  #agent = undefined;
  #at = null;
  #frame = 0;
  #seen = 0;
  #parts;
  #context = this.#contextOf();

  open() {
    const list = h("long-list", { class: "story", role: "group", "aria-label": "Conversation", tabindex: "0" });
    const timeline = h("claw-timeline");
    this.#parts = {
      list, timeline, mark: stateMark("idle"), title: h("h1", { class: "session-title clip" }), word: h("span"), since: since(Date.now()),
      name: h("span", { class: "content clip session-name" }), facts: h("span", { class: "session-facts soft small" }),
      agent: h("select", { "aria-label": "Whose", onchange: (event) => this.#choose(event.target.value) }),
      call: h("p", { class: "session-call", role: "status", hidden: true }),
      top: h("div", { class: "story-top soft small", role: "status" }),
      fresh: h("button", { class: "story-fresh", hidden: true, onclick: () => this.#toEnd() }),
      range: h("span", { class: "soft small time-range" }),
      live: h("button", { class: "small", title: "Follow the session (End)", onclick: () => timeline.follow() }, "Now"),
      table: h("details", { class: "time-table", ontoggle: () => this.#showTable() }, h("summary", { class: "small" }, "As a table")),
    };
    this.append(this.#head(), this.#time(), this.#conversation());
    this.#configure();
    this.#begin();
    const timer = setInterval(() => this.#tick(), 1000);
    this.during(() => clearInterval(timer));
    this.during(() => this.#telling?.close());
    this.during(options.subscribe(() => this.#rename()));
  }

  #head() {
    const { mark, title, word, since: when, name, facts, agent, call } = this.#parts;
    return h("header", { class: "session-head" },
      h("div", { class: "session-line" }, mark, title, h("span", { class: "session-state small" }, word, " ", when), name),
      h("div", { class: "session-line" }, facts, h("label", { class: "session-agents small" }, h("span", { class: "unseen" }, "Whose items"), agent)),
      call);
  }

  #time() {
    const { timeline, range, live, table } = this.#parts;
    const button = (sign, words, act) => h("button", { class: "small", title: words, "aria-label": words, onclick: act }, sign);
    return (this.#parts.time = h("section", { class: "session-time", "aria-label": "Timeline" },
      h("div", { class: "time-bar" }, h("h2", { class: "unseen" }, "Timeline"), range,
        button("−", "Zoom out (−)", () => timeline.zoom(2)), button("+", "Zoom in (+)", () => timeline.zoom(0.5)),
        button("All", "All that was read (Home)", () => timeline.fit()), live),
      timeline, table));
  }

  #conversation() {
    const { list, top, fresh } = this.#parts;
    return h("section", { class: "session-story", "aria-label": "Conversation" }, h("h2", { class: "unseen" }, "Conversation"), top, list,
      h("div", { class: "story-end", role: "status" }, fresh));
  }

  #configure() {
    const { list, timeline } = this.#parts;
    list.configure({
      create: (item) => createRow(item, this.#context),
      update: (element, item) => updateRow(element, item, this.#context),
      scrolled: () => this.#scrolled(),
      needsMore: () => this.#older(),
      needsNewer: () => this.#newer(),
    });
    list.addEventListener("keydown", (event) => this.#key(event));
    timeline.configure({
      story: () => this.#story, isRunning: () => !this.#isOver && BUSY.has(this.#info?.state), agentName: (id) => this.#agentName(id),
      chosen: (key) => this.#go(key), named: (id) => this.#choose(id || "."),
      ranged: (from, to) => this.#ranged(from, to),
    });
  }

  // What rows need to know

  #contextOf() {
    const view = this;
    return {
      session: view.#id,
      story: view.#story,
      get showsAgents() {
        return view.#agent === "*";
      },
      isOpen: (key) => view.#opened.get(key) === true,
      opened: (key, isOpen) => view.#toggled(key, isOpen),
      agentName: (id) => view.#agentName(id),
      isOver: () => view.#isOver,
      waitsFor: ({ key, data }) => view.#info?.state === "requires_action" && (view.#info.tool?.toolUseId ?? (data.asked && key)) === key,
      next: () => view.#next(),
    };
  }

  /** Whose rows are shown: see Story.rows(). */
  get #filter() {
    return this.#agent === "." ? MAIN : this.#agent;
  }

  get #isOver() {
    return this.#info === null ? this.#telling?.isOpen === true : this.#info.state === "ended" || !store.sessions.has(this.#id);
  }

  #agentName(id) {
    if (id === MAIN) return "main";
    const agent = this.#story.agents.get(id);
    const isHidden = options.get("hide"); // here, as no style hides a part of an option's text, or of what is read out
    return line([agent?.type, !isHidden && agent?.description].filter(Boolean).join(": ") || id, 80);
  }

  /** Agents have other names than before: where their rows are not drawn anew, too. */
  #rename() {
    for (const row of this.#parts.list.querySelectorAll("article")) {
      const name = row.querySelector(":scope > .row-agent");
      if (name !== null) text(name, this.#agentName(row.row.agent));
    }
    this.#draw();
  }

  /** The session that goes on where this one was cleared, the one of the same process, or where it moved to the background. */
  #next() {
    const job = this.#story.movedTo, pid = this.#pid;
    const goesOn = (one) => (job === null ? pid !== null && one.pid === pid : one.jobId === job);
    for (const one of store.sessions.values()) if (one.sessionId !== this.#id && goesOn(one)) return one.sessionId;
    return null;
  }

  // What is told

  async #begin() {
    if (store.position === null || this.#telling !== null || this.#id === null) return;
    this.#telling = new Telling(this.#story, this.#id, () => this.#told());
    await this.#telling.open();
    store.refresh(); // of what it costs and how full it is, which no other stream told
    if (!store.sessions.has(this.#id)) await this.#lookUp();
    this.#draw();
    if (this.#at !== null) this.#find(this.#at);
  }

  /** Something came. No more than enough is kept of it, also in a page that nobody sees, which has no frames. */
  #told() {
    if (!this.#parts.list.following) this.#telling.stop();
    else if (this.#telling.forgetOldest()) this.#story.lanes.forgetBefore(this.#story.oldest.at);
    this.#draw();
  }

  /** A session that is over is in no snapshot. */
  async #lookUp() {
    try {
      const all = await store.claw.sessions({ all: true });
      this.#info ??= all.find((one) => one.sessionId === this.#id) ?? null;
    } catch {
      // Its head stays empty; the story tells of its own troubles.
    }
  }

  changed(changes) {
    if (this.#telling === null) this.#begin();
    const info = store.sessions.get(this.#id);
    const before = this.#info;
    if (info !== undefined) this.#info = info;
    else if (before !== null && before.state !== "ended") this.#info = { ...before, state: "ended" };
    this.#pid = info?.pid ?? this.#pid;
    const next = info === undefined ? this.#next() : null;
    if (next !== this.#goesOnAs) {
      this.#goesOnAs = next;
      this.#story.tellEndAnew();
      this.#draw();
    }
    if (this.#info !== null && this.#info !== before) this.#story.isNow(this.#info.state, this.#info.since);
    if (this.#info !== before || changes.all || changes.connection || changes.sessions.has(this.#id)) this.#draw();
  }

  moved(route) {
    const agent = route.params.get("agent");
    const isOther = agent !== this.#agent && this.#agent !== undefined;
    this.#agent = agent;
    const [from, to] = ["from", "to"].map((name) => (route.params.has(name) ? Number(route.params.get(name)) : null));
    if (from !== null && Number.isFinite(from) && Number.isFinite(to)) this.#parts.timeline.look(from, to);
    else this.#parts.timeline.look(null);
    const at = route.params.get("at");
    const isNew = at !== this.#at;
    this.#at = at;
    if (at !== null) this.#opened.set(at, true);
    if (isOther) this.#anew();
    if (at !== null && isNew && this.#telling?.isOpen) this.#find(at);
  }

  /** Other rows than before: from their end on. */
  #anew() {
    this.#parts.list.show([]);
    this.#seen = Infinity;
    this.#show();
    this.#parts.list.toEnd();
  }

  #draw() {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.isConnected) this.#show();
    });
  }

  #show() {
    const { list, timeline } = this.#parts;
    list.isCut = this.#telling?.isCut === true;
    const before = list.rows.at(-1)?.order ?? -Infinity;
    const rows = this.#story.rows(this.#filter);
    list.show(rows);
    if (list.following) this.#seen = 0;
    else if (this.#seen !== Infinity) this.#seen += rows.length - (rows.findLastIndex((row) => row.order <= before) + 1);
    if (this.#seen === Infinity) this.#seen = 0;
    this.#showHead();
    this.#showAgents();
    this.#showEnds(rows);
    timeline.draw();
    this.#showRange();
    this.#showTable();
  }

  #showHead() {
    const { mark, title, word, since: when, name, facts, call } = this.#parts;
    const info = this.#info;
    text(title, info ? line(folder(info.cwd), 60) : "Session");
    if (info === null) {
      set(mark, "hidden", true);
      set(when, "hidden", true);
      text(facts, this.#id ?? "");
      return;
    }
    set(mark, "hidden", false);
    set(when, "hidden", false);
    setMark(mark, info.state);
    text(word, info.state === "requires_action" ? waitsFor(info) : state(info.state));
    set(word, "class", info.state === "requires_action" ? "call" : info.state === "failed" ? "bad" : null);
    // Its end and its removal mostly come at once: what is known of it then is from before.
    setSince(when, info.state === "ended" ? Math.max(info.since, this.#story.endedAt) : info.since);
    set(title, "title", visible(info.cwd, 300));
    text(name, line(info.name, 120));
    const { usage, context } = info;
    text(facts, [line(branch(info), 60), model(info.model), context && fullness(context), usage && spent(usage), usage && `${tokens(usage.outputTokens)} out`, info.pid ? `pid ${info.pid}` : "", info.jobId && `in the background: ${line(info.jobId, 60)}`].filter(Boolean).join(" · "));
    const waits = info.state === "requires_action";
    set(call, "hidden", !waits);
    if (waits) text(call, `${info.tool ? `${line(info.tool.name, 60)} ` : ""}${waitsFor(info)}. ${info.jobId ? `Answer with: claude attach ${line(info.jobId, 60)}` : "Answer in its terminal."}`);
  }

  #showAgents() {
    const { agent } = this.#parts;
    const own = [...this.#story.agents.values()].sort((a, b) => a.at - b.at).slice(-200);
    const all = [["", "Subagents inside"], ["*", "All in their order"], [".", "Main agent alone"], ...own.map((one) => [one.id, this.#agentName(one.id)])];
    keyed(agent, all, ([value]) => `=${value}`, ([value]) => h("option", { value }), (option, [, words]) => text(option, words));
    set(agent.parentElement, "hidden", own.length === 0);
    const chosen = this.#agent ?? "";
    if (agent.value !== chosen) agent.value = chosen;
  }

  #waiting() {
    return store.connection.status === "lost" ? "The service is away. The conversation comes as soon as it is back." : "Reading…";
  }

  #showEnds(rows) {
    const { top, fresh } = this.#parts;
    const telling = this.#telling;
    text(top, telling === null || !telling.isOpen ? (telling?.trouble ? `It can't be read: ${line(telling.trouble, 200)}` : this.#waiting())
      : telling.isReading ? "Reading what was before…" : telling.isWhole ? (rows.length ? "" : "Nothing is known of this session.") : "");
    set(this, "data-begin", String(telling?.isWhole === true));
    set(this.#parts.time, "hidden", rows.length === 0 && telling?.isWhole === true);
    this.#showFresh();
    if (telling?.isCut) text(fresh, "To the newest");
    else if (this.#seen > 0) text(fresh, `${count(this.#seen, "new item")} below`);
    set(this.#parts.list, "role", rows.length > 0 ? "feed" : "group"); // a feed has articles
    set(this.#parts.list, "aria-busy", telling === null || telling.isReading || !telling.isOpen);
  }

  // History

  async #older() {
    if (await this.#telling?.older()) this.#draw();
  }

  async #newer() {
    if (await this.#telling?.newer()) this.#draw();
  }

  /** Show an item that an address or the timeline names, and read back until it is there. */
  async #find(key) {
    const { list } = this.#parts;
    for (let page = 0; page < SEARCHED; page++) {
      const item = this.#story.items.get(key);
      if (item !== undefined) {
        this.#reveal(item);
        return;
      }
      list.following = false;
      const isBelow = this.#telling.isCut && this.#story.lanes.beginOf(key) > this.#story.newestAt;
      if (!(await (isBelow ? this.#telling.newer() : this.#telling.older()))) return;
    }
  }

  #reveal(item) {
    const { list } = this.#parts;
    this.#opened.set(item.key, true);
    const outer = this.#outermost(item);
    list.show(this.#story.rows(this.#filter));
    let element = list.reveal(outer.key);
    if (element !== null && outer !== item) element = element.querySelector(`[data-key="${CSS.escape(item.key)}"]`) ?? element;
    if (element === null) return;
    element.querySelector("details")?.unfold();
    if (outer !== item) element.scrollIntoView({ block: "center" });
    for (const one of this.querySelectorAll(".row-found")) one.classList.remove("row-found");
    element.classList.add("row-found");
    element.focus({ preventScroll: true });
    this.#parts.timeline.choose(item.key);
  }

  /** The row in which an item is shown; the groups that it is in are opened. */
  #outermost(item) {
    let outer = item;
    for (let up = 0; this.#agent === null && outer.agent !== MAIN && up < 8; up++) {
      const agent = this.#story.agents.get(outer.agent);
      const next = this.#story.items.get(agent?.call) ?? this.#story.items.get(`agent:${outer.agent}`);
      if (next === undefined) break;
      this.#opened.set(`group:${outer.agent}`, true);
      this.#parts.list.element(next.key)?.querySelector(`.agent-group[data-agent="${CSS.escape(outer.agent)}"]`)?.unfold();
      outer = next;
    }
    return outer;
  }

  // What the person does

  #go(key) {
    if (this.#at === key) this.#find(key);
    else router.set({ at: key });
  }

  #choose(value) {
    router.set({ agent: value || null, at: null });
  }

  #toggled(key, isOpen) {
    this.#opened.set(key, isOpen);
    if (key.startsWith("group:")) return;
    this.#at = isOpen ? key : null;
    router.set({ at: this.#at });
    this.#parts.timeline.choose(this.#at);
  }

  #timer = 0;

  #ranged(from, to) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.isConnected && router.set({ from, to }), 250);
    this.#showRange();
    this.#showTable();
  }

  #scrolled() {
    if (this.#parts.list.following && this.#seen !== 0) this.#seen = 0;
    this.#showFresh();
  }

  #showFresh() {
    const { list, fresh } = this.#parts;
    set(fresh, "hidden", list.following || (this.#seen === 0 && !list.isCut));
  }

  async #toEnd() {
    this.#seen = 0;
    if (this.#telling?.isCut) await this.#telling.anew();
    this.#parts.list.isCut = false;
    this.#parts.list.toEnd();
    this.#scrolled();
    this.#parts.list.focus({ preventScroll: true });
  }

  /** Keys of the conversation: j and k from item to item, End to the newest. */
  #key(event) {
    const { list } = this.#parts;
    if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "End") this.#toEnd();
    else if (event.key === "j" || event.key === "k") this.#step(event.key === "j" ? 1 : -1);
    else if (event.key === "Enter" && event.target.matches("article")) event.target.querySelector("summary, button")?.click();
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "End") list.focus({ preventScroll: true });
  }

  #step(by) {
    const { list } = this.#parts;
    const now = document.activeElement?.closest("article")?.dataset.key ?? list.topRow?.key;
    const rows = list.rows;
    const at = rows.findIndex((row) => row.key === now);
    const next = rows[Math.min(Math.max(at + (document.activeElement === list ? 0 : by), 0), rows.length - 1)];
    if (next === undefined) return;
    (list.element(next.key) ?? list.reveal(next.key))?.focus();
  }

  #tick() {
    tick(this.querySelector(".session-head"));
    for (const row of this.#parts.list.querySelectorAll('[data-outcome="running"], [data-outcome="waits"]')) {
      if (row.item) text(row.parts.time, timeOf(row.item, this.#context));
    }
    this.#showRange();
  }

  #showRange() {
    const { timeline, range, live } = this.#parts;
    const { from, to } = timeline.range;
    text(range, duration(to - from));
    set(live, "aria-pressed", String(timeline.isFollowing));
  }

  #showTable() {
    showTable(this.#parts.table, this.#parts.timeline, this.#context, this.#story);
  }
}

customElements.define("view-session", SessionView);
