/** What a timeline looks like: spans to marks in pixels, and marks onto a canvas. */

import { h } from "./dom.js";
import { clock, line, times } from "./format.js";

/** Pixels of a lane. */
export const LANE = 26;
/** Pixels between the top of a lane and its bars, and of a bar. */
const TOP = 4, BAR = 18;
/** Steps between two times at the axis, in ms. */
const STEPS = [10, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000];
/** Pixels between two times, at least. */
const APART = 110;
export const AXIS = 20;

/**
 * Return what is to be seen of lanes, as boxes in pixels, in drawing order. Spans that are closer than a pixel are one box.
 * @param {object[]} lanes of lanes.js.
 * @param {object[]} waits when the session waited for its owner: in the main agent's lane.
 * @param {object} view `{from, to, width, end}`: the time in view, its pixels, and where open spans end.
 * @param {object[]} marks those of another time, which are made these: there are many, again and again.
 */
export function marksOf(lanes, waits, view, marks) {
  let count = 0;
  lanes.forEach((lane, row) => {
    const top = AXIS + row * LANE + TOP;
    const close = lane.stopped ?? view.end;
    count = add(marks, count, lane.thinks, lane.agent, view, { top: top + 6, height: BAR - 12 }, close);
    count = add(marks, count, stacked(lane.tools), lane.agent, view, { top, height: BAR }, close);
    if (lane.agent === "") count = add(marks, count, waits, lane.agent, view, { top, height: BAR }, view.end);
  });
  marks.length = count;
  return marks;
}

/** Until when each place of a lane is taken, and how many there are, while its calls are placed. */
const ends = [0, 0, 0, 0];
let places = 0;

/** Calls that overlap in a lane share its height. It makes nothing: a lane may have thousands, and is drawn again and again. */
function stacked(spans) {
  let first = 0;
  places = 0;
  for (let number = 0; number < spans.length; number++) {
    const span = spans[number];
    if (areOver(span.from)) {
      share(spans, first, number);
      first = number;
    }
    let place = 0;
    while (place < places && ends[place] > span.from) place++;
    place = Math.min(place, ends.length - 1);
    const end = span.until ?? Infinity;
    ends[place] = place < places ? Math.max(ends[place], end) : end;
    places = Math.max(places, place + 1);
    span.place = place;
  }
  share(spans, first, spans.length);
  return spans;
}

/** Whether nothing is going on at a time. */
function areOver(at) {
  for (let place = 0; place < places; place++) if (ends[place] > at) return false;
  return true;
}

/** Let the spans from one to before another, which overlap, share the height, and begin anew. */
function share(spans, from, to) {
  for (let number = from; number < to; number++) spans[number].of = places;
  places = 0;
}

/** Make the spans that are in view marks, after the first ones; returns how many there are then. */
function add(marks, count, spans, agent, view, box, close) {
  const scale = view.width / (view.to - view.from);
  let before = null;
  for (const span of spans) {
    const until = span.until ?? close;
    if (until < view.from) continue;
    if (span.from > view.to) break;
    const x = (span.from - view.from) * scale;
    const width = Math.max((until - span.from) * scale, 1);
    const height = (box.height - (span.of > 1 ? 1 : 0)) / (span.of ?? 1);
    const top = box.top + (span.place ?? 0) * (box.height / (span.of ?? 1));
    if (before !== null && before.top === top && before.span.outcome === span.outcome && x + width - before.x < 1.5) {
      before.width = Math.max(before.width, x + width - before.x);
      continue;
    }
    before = marks[count++] ??= { agent, span, x, width, top, height };
    before.agent = agent;
    before.span = span;
    before.x = x;
    before.width = width;
    before.top = top;
    before.height = height;
  }
  return count;
}

/** Draw on a canvas. */
export function drawLanes(canvas, view, lanes, marks, chosen) {
  const ratio = Math.min(devicePixelRatio || 1, 3);
  const [wide, high] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const pen = canvas.getContext("2d");
  const colours = coloursOf(canvas);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, view.width, view.height);
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  drawAxis(pen, view, colours);
  drawLives(pen, view, lanes, colours);
  for (const mark of marks) drawMark(pen, mark, colours, mark.span.key !== undefined && mark.span.key === chosen);
  drawNow(pen, view, colours);
}

const COLOURS = ["tool", "tool-ink", "model", "call", "bad", "mark", "rule", "soft", "ink", "ground", "focus"];
const dark = matchMedia("(prefers-color-scheme: dark)");
const tenths = times({ hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });

/** The colours of the style sheet, as they are now: a property may hold one for light and one for dark. */
function coloursOf(canvas) {
  const probes = (canvas.probes ??= COLOURS.map((name) => h("span", { hidden: true, style: { color: `var(--time-${name})` } })));
  if (!probes[0].isConnected) canvas.append(...probes);
  const theme = `${document.documentElement.dataset.theme} ${dark.matches}`;
  if (canvas.theme === theme) return canvas.colours;
  canvas.colours = Object.fromEntries(COLOURS.map((name, index) => [name, getComputedStyle(probes[index]).color]));
  canvas.theme = theme;
  return canvas.colours;
}

function drawAxis(pen, view, colours) {
  const wanted = ((view.to - view.from) * APART) / view.width;
  const step = STEPS.find((one) => one >= wanted) ?? Math.ceil(wanted / 86_400_000) * 86_400_000;
  const shift = new Date(view.from).getTimezoneOffset() * 60_000;
  const scale = view.width / (view.to - view.from);
  for (let at = Math.ceil((view.from - shift) / step) * step + shift; at <= view.to; at += step) {
    const x = Math.round((at - view.from) * scale) + 0.5;
    pen.fillStyle = colours.rule;
    pen.fillRect(x, AXIS - 4, 1, view.height - AXIS + 4);
    pen.fillStyle = colours.soft;
    const shown = step < 1000 ? tenths(at) : clock(at);
    if (x + 4 + pen.measureText(shown).width < view.width - (view.width > 400 ? 180 : 0)) pen.fillText(shown, x + 4, 9);
  }
}

/** A line from a lane's beginning to its end: where nothing is on it, the agent is idle. */
function drawLives(pen, view, lanes, colours) {
  const scale = view.width / (view.to - view.from);
  lanes.forEach((lane, row) => {
    const y = AXIS + row * LANE + TOP + BAR / 2;
    const from = Math.max(0, (lane.from - view.from) * scale);
    const end = lane.stopped ?? (view.isRunning ? view.end : lane.until);
    const until = Math.min(view.width, (end - view.from) * scale);
    pen.fillStyle = colours.mark;
    if (until > from) pen.fillRect(from, y - 0.5, until - from, 1);
  });
}

function drawMark(pen, { span, x, width, top, height }, colours, isChosen) {
  const left = Math.max(x, -4), shown = Math.min(width - (left - x), 10_000);
  pen.fillStyle = span.kind === "model" ? colours.model : span.kind === "wait" ? colours.call : span.outcome === undefined || span.outcome === "ok" ? colours.tool : colours.bad;
  pen.beginPath();
  pen.roundRect(left, top, Math.max(shown - (shown > 3 ? 1 : 0), 1), height, Math.min(3, height / 2, shown / 2));
  if (span.outcome === "denied" || span.outcome === "interrupted") hatch(pen, colours);
  pen.fill();
  if (isChosen) {
    pen.strokeStyle = colours.focus;
    pen.lineWidth = 2;
    pen.stroke();
  }
  const word = span.kind === "wait" ? "waits for you" : span.name;
  if (span.kind === "model" || shown < 34 || height < 12) return;
  pen.save();
  pen.clip();
  pen.fillStyle = colours["tool-ink"];
  pen.fillText(line(word, 60), Math.max(left, 0) + 5, top + height / 2 + 0.5);
  pen.restore();
}

/** What was stopped is told by form, too. */
function hatch(pen, colours) {
  pen.save();
  pen.strokeStyle = colours.bad;
  pen.lineWidth = 2;
  pen.stroke();
  pen.restore();
  pen.fillStyle = colours.ground;
}

function drawNow(pen, view, colours) {
  if (!view.isRunning || view.end < view.from || view.end > view.to) return;
  const x = ((view.end - view.from) * view.width) / (view.to - view.from);
  pen.fillStyle = colours.soft;
  pen.fillRect(Math.round(x), AXIS - 6, 1, view.height);
}
