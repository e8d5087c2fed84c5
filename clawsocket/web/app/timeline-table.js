/** What the timeline shows, as a table: for those who do not see it, and for exact figures. */

import { h, keyed, set, text } from "./dom.js";
import { clock, count, duration, line } from "./format.js";
import { href, router } from "./router.js";

/** Calls of the table: the newest in view. */
const MOST = 200;

/** Bring the table up to date, if it is open. */
export function showTable(details, timeline, context, story) {
  if (!details.open) return;
  details.table ??= make(details);
  const { from, to } = timeline.range;
  const calls = timeline.lanes.flatMap((lane) => lane.tools.map((span) => ({ span, agent: lane.agent })))
    .filter(({ span }) => span.from <= to && (span.until ?? to) >= from)
    .sort((a, b) => a.span.from - b.span.from);
  const shown = calls.slice(-MOST);
  text(details.caption, `${count(calls.length, "call")} from ${clock(from)} to ${clock(to)}${calls.length > MOST ? `; the last ${MOST}` : ""}`);
  keyed(details.body, shown, ({ span }) => span.key, row, (element, { span, agent }) => {
    const [who, tool, began, took, outcome] = element.children;
    text(who, context.agentName(agent));
    text(tool.firstChild, line(span.name, 60));
    set(tool.firstChild, "href", href("session", router.route.id, { ...Object.fromEntries(router.route.params), at: span.key }));
    text(began, clock(span.from));
    text(took, span.until === undefined ? (context.isOver() ? "–" : duration(Date.now() - span.from)) : duration(span.durationMs ?? span.until - span.from));
    text(outcome, span.outcome ?? (context.isOver() ? "no end is known" : "running"));
  });
}

function make(details) {
  details.caption = h("caption", { class: "small soft" });
  details.body = h("tbody");
  const table = h("table", null, details.caption,
    h("thead", null, h("tr", null, ["Agent", "Call", "Began", "Took", "Outcome"].map((name) => h("th", { scope: "col" }, name)))), details.body);
  details.append(h("div", { class: "scroll time-table-box", tabindex: "0", role: "group", "aria-label": "Calls" }, table));
  return table;
}

function row() {
  return h("tr", null, h("td"), h("td", null, h("a")), h("td"), h("td"), h("td"));
}
