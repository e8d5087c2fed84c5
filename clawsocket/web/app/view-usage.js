/** Usage: what was spent, by day, project, model and session, over all transcripts; and the limits over time. */

import "./parts.js";
import "./usage-days.js";
import { frame, h, keyed, set, text } from "./dom.js";
import { cost, count, folder, line, model, percent, tokens, visible, whole } from "./format.js";
import { href, router } from "./router.js";
import { BATCH, store } from "./store.js";
import { facts } from "./tip.js";
import { csv, dayOf, daysBefore, PARTS, save, spans, Sum, sums, total, unit, unpriced } from "./usage-data.js";
import { spanName } from "./usage-days.js";
import { LimitHistory } from "./usage-limits.js";
import "./usage-list.js";
import { View } from "./view.js";

const RANGES = { 7: "7 days", 30: "30 days", 90: "90 days", all: "All" };
const MEASURES = { cost: "Cost", tokens: "Tokens" };
const TITLES = { project: "By project", model: "By model", session: "By session" };
/** ms between two reports, at least, and only if something was spent meanwhile. */
const PACE = 15_000;
/** Days that are asked for where a report of all would be too long. */
const SHORTER = [365, 90, 30];
/** Events back in which the log is looked through for limits: what the service has in memory. */
const BACK = 200_000;

export class UsageView extends View {
  #end = new AbortController();
  #claw = null;
  #report = null;
  #readAt = 0;
  #isReading = false;
  #isStale = false;
  #since = null;
  #names = new Map();
  #history = new LimitHistory();

  #tip = h("claw-tip");
  #ranges = choices("Range", RANGES, (value) => router.set({ range: value === "30" ? null : value, day: null }));
  #measures = choices("Bars show", MEASURES, (value) => router.set({ show: value === "cost" ? null : value }));
  #chips = h("div", { class: "row usage-chips" });
  #state = h("p", { class: "soft", role: "status" });
  #unpriced = h("p", { class: "usage-unpriced", hidden: true });
  #figures = h("dl", { class: "figures" });
  #days = h("claw-days");
  #daysTitle = h("h2");
  #legend = h("p", { class: "days-legend soft small" }, h("span", { class: "days-key" }), "input, output, cache writes",
    h("span", { class: "days-key days-light" }), "read from the cache");
  #table = h("tbody");
  #lists = Object.entries(TITLES).map(([part, title]) => h("claw-usage-list", { class: "sheet", "data-part": part, "data-title": title }));
  #limits = h("div", { class: "usage-limits" });
  #noLimits = h("p", { class: "soft" });
  #body;
  #files;

  open() {
    const details = h("details", { class: "as-table" }, h("summary", { class: "small soft" }, "As a table"),
      h("div", { class: "scroll days-table", tabindex: 0, role: "region", "aria-label": "by day" },
        h("table", null,
          h("thead", null, h("tr", null, h("th", null, "Day"),
            ["Cost", "Input", "Output", "Cache writes", "Cache reads", "From the cache", "Messages"].map((name) => h("th", { class: "number" }, name)))),
          this.#table)));
    this.#files = h("div", { class: "row" },
      h("button", { disabled: true, onclick: () => this.#save("csv") }, "Save as CSV"),
      h("button", { disabled: true, onclick: () => this.#save("json") }, "Save as JSON"));
    this.#body = h("div", { class: "usage" },
      this.#figures, this.#unpriced,
      h("p", { class: "soft small" }, "Calls that Claude Code writes into no transcript, as for titles and compactions, are not included."),
      h("section", { class: "sheet usage-days" }, h("div", { class: "row spread" }, this.#daysTitle, this.#legend), this.#days, details),
      h("div", { class: "usage-lists" }, this.#lists));
    this.append(
      h("header", { class: "usage-head" }, h("h1", null, "Usage"), this.#ranges, this.#measures, this.#files),
      this.#state, this.#chips,
      h("section", { class: "sheet usage-limit" }, h("h2", null, "Limits of the account"), this.#noLimits, this.#limits),
      this.#tip);
    this.#days.tip = this.#tip;
    this.#days.choose = (from) => this.#choose("day", from);
    for (const list of this.#lists) {
      list.choose = (name) => this.#choose(list.dataset.part, name);
      const isContent = list.dataset.part === "session";
      list.point = (row, sum) => {
        const name = h("span", { class: isContent && "content" }, row.button.textContent);
        this.#tip.over(row.getBoundingClientRect(), ...facts(name, words(sum)));
      };
      list.leave = () => this.#tip.hide();
    }
    const timer = setInterval(() => this.#tick(), 1000);
    const scrolled = () => this.#tip.hide();
    addEventListener("scroll", scrolled, { passive: true });
    this.during(() => {
      clearInterval(timer);
      removeEventListener("scroll", scrolled);
      this.#end.abort();
    });
  }

  moved() {
    this.#show();
  }

  changed(changes) {
    if (changes.all || changes.sessions.size) this.#isStale = true;
    if (changes.connection && store.connection.status === "live") {
      if (this.#claw === null) this.#begin();
      this.#read();
    }
    this.#showLimits();
  }

  #tick() {
    if (this.#isStale && !document.hidden && Date.now() - this.#readAt > PACE) this.#read();
    this.#showState();
    this.#showLimits();
  }

  // What is asked for

  async #begin() {
    this.#claw = store.another(this.#end.signal);
    try {
      const claw = await this.#claw;
      const { headSeq } = await claw.snapshot();
      for (const one of await claw.sessions({ all: true })) this.#names.set(one.sessionId, one);
      this.#show();
      const since = { seq: Math.max(0, headSeq - BACK) };
      const told = claw.events("usage.rate_limit", { since, batch: BATCH, notice: () => {} });
      for await (const event of told) this.#history.take(event);
    } catch (error) {
      if (!this.#end.signal.aborted) text(this.#noLimits, `The log can't be read: ${line(error.message)}`);
    }
  }

  async #read() {
    if (this.#isReading || this.#claw === null) return;
    this.#isReading = true;
    this.#isStale = false;
    this.#readAt = Date.now();
    this.#showState();
    try {
      const report = await this.#ask(await this.#claw);
      const isFirst = this.#report === null;
      await frame(); // to read a long report, to show its days, and its lists, is each enough for one
      this.#report = report;
      this.problem = null;
      if (isFirst) {
        this.#show(false);
        await frame();
      }
    } catch (error) {
      if (this.#end.signal.aborted) return;
      this.problem = line(error.message);
      this.#isStale = true; // it is tried again
    }
    this.#isReading = false;
    this.#readAt = Date.now();
    this.#show();
  }

  /** Ask for all; where that is too long, for less, as before. */
  async #ask(claw) {
    for (;;) {
      try {
        return await claw.usageReport({ by: PARTS, since: this.#since ?? undefined });
      } catch (error) {
        const shorter = SHORTER.map((days) => daysBefore(dayOf(Date.now()), days)).find((day) => day > (this.#since ?? ""));
        if (error.code !== "limit_exceeded" || shorter === undefined) throw error;
        this.#since = shorter;
      }
    }
  }

  // What is chosen

  get #range() {
    const range = router.route.params.get("range");
    return range in RANGES ? range : "30";
  }

  get #measure() {
    return router.route.params.get("show") === "tokens" ? "tokens" : "cost";
  }

  #choose(part, name) {
    router.set({ [part]: router.route.params.get(part) === name ? null : name });
  }

  /** First and last day that are shown: where the service is, it may be the next day already. */
  #bounds(rows) {
    const today = dayOf(Date.now()), next = daysBefore(today, -1);
    const to = rows.at(-1)?.day === next ? next : today;
    if (this.#range !== "all") return { from: daysBefore(to, Number(this.#range) - 1), to };
    return { from: rows.find((row) => row.day)?.day ?? to, to };
  }

  /** The rows of the range that pass all that is chosen, but for one part. */
  #rows(but) {
    const { params } = router.route;
    const { from, to } = this.#bounds(this.#report.rows);
    const chosen = PARTS.filter((part) => part !== but && params.get(part) !== null);
    const day = params.get("day");
    // A week or month is chosen by its first day.
    const span = day !== null && (spans(from, to).find((one) => one.from === day) ?? { from: day, to: day });
    return this.#report.rows.filter((row) =>
      (row.day >= from || (this.#range === "all" && row.day === "")) &&
      chosen.every((part) => part === "day" ? row.day >= span.from && row.day <= span.to : row[part] === params.get(part)));
  }

  // What is shown

  #show(withLists = true) {
    press(this.#ranges, this.#range);
    press(this.#measures, this.#measure);
    this.#showState();
    this.#showChips();
    const report = this.#report;
    if (report === null) return;
    set(this.#body, "hidden", report.rows.length === 0);
    if (!this.#body.isConnected) this.#chips.after(this.#body);
    for (const button of this.#files.children) set(button, "disabled", report.rows.length === 0);
    this.#showFigures(total(this.#rows(null)));
    this.#showDays();
    if (withLists) for (const list of this.#lists) this.#showList(list);
  }

  #showState() {
    const away = store.connection.status === "lost";
    if (this.problem) text(this.#state, `The transcripts could not be read: ${this.problem}`);
    else if (this.#report === null) text(this.#state, away ? "The transcripts are read as soon as the service is back." : Date.now() - this.#readAt > 600 ? "Reading all transcripts. The first time it may take a minute; later only what is new is read." : "");
    else if (this.#report.rows.length === 0) text(this.#state, "No transcript tells of any usage yet.");
    else text(this.#state, this.#since ? `There is too much for one report: it begins with ${this.#since}.` : "");
    set(this.#state, "class", this.problem ? "bad" : "soft");
  }

  #showChips() {
    const chosen = PARTS.filter((part) => router.route.params.get(part) !== null);
    keyed(this.#chips, chosen, (part) => `${part} ${router.route.params.get(part)}`,
      (part) => h("button", { class: "chip", onclick: () => router.set({ [part]: null }) },
        h("span", { class: "soft" }, `${part} `), h("span", { class: part === "session" ? "content" : null }, this.#label(part, router.route.params.get(part))),
        h("span", { "aria-hidden": "true" }, " ×"), h("span", { class: "unseen" }, ", show all")));
  }

  #label(part, name) {
    if (part === "day") return visible(name, 40);
    if (part === "project") return line(folder(name), 60);
    if (part === "model") return model(name) || "unknown";
    return this.#sessionName(name);
  }

  #sessionName(id) {
    const known = store.sessions.get(id)?.name ?? this.#names.get(id)?.name;
    if (known) return line(known, 60);
    const project = this.#report?.rows.find((row) => row.session === id)?.project;
    return `${project ? `${line(folder(project), 40)} ` : ""}${visible(id.slice(0, 8), 8)}`;
  }

  #showFigures(sum) {
    const figures = {
      Cost: `${cost(sum.cost)}${sum.cost !== null && sum.unpriced ? " +?" : ""}`,
      Tokens: tokens(sum.tokens),
      "From the cache": percent(sum.cacheShare),
      Output: tokens(sum.output),
      Messages: whole(sum.messages),
    };
    keyed(this.#figures, Object.entries(figures), ([name]) => name,
      ([name]) => {
        const item = h("div", { "data-figure": name }, h("dt", { class: "soft small" }, name));
        item.value = h("dd");
        item.append(item.value);
        return item;
      },
      (item, [, value]) => text(item.value, value));
    const nameless = unpriced(this.#rows(null));
    set(this.#unpriced, "hidden", nameless.length === 0);
    if (nameless.length) {
      text(this.#unpriced, `No price is known for ${nameless.map((name) => visible(name, 80)).join(", ")}: the tokens count, the cost does not. ` +
        "claw-socket usage --help tells how to give one.");
    }
  }

  #showDays() {
    const { from, to } = this.#bounds(this.#report.rows);
    const all = spans(from, to);
    const found = sums(this.#rows("day"), (row) => row.day);
    const isCost = this.#measure === "cost";
    const drawn = all.map((span) => {
      const sum = new Sum();
      for (const [day, one] of found) if (day >= span.from && day <= span.to) sum.merge(one);
      const value = isCost ? sum.cost ?? 0 : sum.tokens;
      const told = words(sum);
      return { ...span, sum, value, part: isCost ? value : value - sum.cacheRead, words: told.map(([name, one]) => `${name} ${one}`).join(", "), facts: told };
    });
    const title = `${MEASURES[this.#measure]} by ${unit(from, to)}`;
    text(this.#daysTitle, title);
    set(this.#legend, "hidden", isCost);
    this.#days.show(drawn, title, isCost ? cost : tokens, router.route.params.get("day"));
    keyed(this.#table, drawn.filter((one) => one.sum.messages).reverse(), (one) => one.from,
      () => h("tr", null, h("td"), Array.from({ length: 7 }, () => h("td", { class: "number" }))),
      (row, one) => {
        const { sum } = one;
        const values = [spanName(one), cost(sum.cost), tokens(sum.input), tokens(sum.output), tokens(sum.cacheWrite), tokens(sum.cacheRead), percent(sum.cacheShare), whole(sum.messages)];
        values.forEach((value, index) => text(row.children[index], value));
      });
  }

  #showList(list) {
    const { part } = list.dataset;
    const value = this.#measure === "cost" ? (sum) => sum.cost ?? 0 : (sum) => sum.tokens;
    const found = [...sums(this.#rows(part), (row) => row[part])];
    found.sort(([a, one], [b, other]) => value(other) - value(one) || other.tokens - one.tokens || (a < b ? -1 : 1));
    const twice = part === "project" ? repeated(found.map(([name]) => folder(name))) : new Set();
    list.show(found, value, (button, name, link) => {
      const label = this.#label(part, name);
      text(button, twice.has(folder(name)) ? line(name, 80) : label);
      set(button, "class", part === "session" ? "usage-name content" : "usage-name");
      if (part !== "session" || link.firstChild) return;
      link.append(h("a", { class: "small", href: href("session", name), "aria-label": "Open the session" }, "open"));
    }, router.route.params.get(part));
  }

  #showLimits() {
    const { from } = this.#bounds(this.#report?.rows ?? []);
    const limits = [...store.limits.values()].sort((a, b) => (a.type < b.type ? -1 : 1));
    if (limits.length) text(this.#noLimits, "");
    else if (store.connection.status === "live") {
      text(this.#noLimits, "No session has told of a limit. Claude Code tells its status line: claw-socket --install-statusline puts a recorder in front of yours.");
    }
    set(this.#noLimits, "hidden", limits.length > 0);
    keyed(this.#limits, limits, (limit) => limit.type, (limit) => Object.assign(h("claw-limit"), { type: limit.type }));
    limits.forEach((limit, index) => {
      const element = this.#limits.children[index];
      element.tip = this.#tip;
      element.show(limit, this.#history.points.get(limit.type) ?? [], Date.parse(from));
    });
  }

  // Files

  #save(form) {
    const rows = this.#rows(null);
    const { from, to } = this.#bounds(this.#report.rows);
    const name = `claw-socket-usage-${from}-${to}`;
    if (form === "csv") {
      save(`${name}.csv`, "text/csv", csv(rows));
      return;
    }
    const { params } = router.route;
    const chosen = Object.fromEntries(PARTS.filter((part) => params.has(part)).map((part) => [part, params.get(part)]));
    const { pricesDate } = this.#report;
    const whole = { by: PARTS, from, to, chosen, rows, total: total(rows).numbers, unpricedModels: unpriced(rows), pricesDate };
    save(`${name}.json`, "application/json", `${JSON.stringify(whole, null, 2)}\n`);
  }
}

/** What a sum is, in words. */
function words(sum) {
  const priceless = sum.unpriced ? [["without a price", count(sum.unpriced, "message")]] : [];
  return [
    ["cost", cost(sum.cost)], ["input", tokens(sum.input)], ["output", tokens(sum.output)], ["cache writes", tokens(sum.cacheWrite)],
    ["cache reads", tokens(sum.cacheRead)], ["from the cache", percent(sum.cacheShare)], ["messages", whole(sum.messages)], ...priceless,
  ];
}

function repeated(names) {
  const seen = new Set();
  return new Set(names.filter((name) => seen.has(name) || !seen.add(name)));
}

/** Buttons of which one is pressed. */
function choices(label, names, choose) {
  return h("div", { class: "choices", role: "group", "aria-label": label },
    Object.entries(names).map(([value, name]) => h("button", { "data-value": value, onclick: () => choose(value) }, name)));
}

function press(group, value) {
  for (const button of group.children) set(button, "aria-pressed", button.dataset.value === value ? "true" : "false");
}

customElements.define("view-usage", UsageView);
