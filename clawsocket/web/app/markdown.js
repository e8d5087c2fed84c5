/**
 * Markdown as elements: headings, lists, quotes, tables, code, emphasis, links. It makes nodes, never markup, and its work
 * is bounded whatever the text: what is beyond a bound is shown as it is written.
 */

import { h } from "./dom.js";

/** Lists, quotes and emphasis inside each other. */
const DEEPEST = 6;
/** Nodes that one text makes; the rest is plain text. */
const MOST_NODES = 4000;
/** Rows and columns of a table. */
const MOST_ROWS = 200, MOST_COLUMNS = 24;

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`\s]{0,40})/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.{1,500})$/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,12})([-*+]|\d{1,9}[.)])[ \t]+/;
const DIVIDER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

/**
 * Render a text.
 * @param {string} text Markdown; it went through visible() before.
 * @returns {DocumentFragment}
 */
export function markdown(text) {
  const made = document.createDocumentFragment();
  blocks(text.split("\n"), made, { nodes: 0 }, 0);
  return made;
}

/** Render lines into a parent; `budget` counts the nodes of the whole text. */
function blocks(lines, parent, budget, depth) {
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === "") {
      at++;
      continue;
    }
    if (budget.nodes++ > MOST_NODES || depth > DEEPEST) {
      parent.append(h("p", { class: "md-plain" }, lines.slice(at).join("\n")));
      return;
    }
    at = block(lines, at, parent, budget, depth);
  }
}

/** Render the block that begins at a line; returns where the next one begins. */
function block(lines, at, parent, budget, depth) {
  const line = lines[at];
  let found;
  if ((found = FENCE.exec(line))) return fence(lines, at, parent, found);
  if ((found = HEADING.exec(line))) {
    parent.append(h("p", { class: `md-head md-head-${found[1].length}` }, inline(found[2].replace(/[ \t]#+$/, ""), budget, 0)));
    return at + 1;
  }
  if (RULE.test(line)) {
    parent.append(h("hr"));
    return at + 1;
  }
  if (QUOTE.test(line)) return quote(lines, at, parent, budget, depth);
  if (ITEM.test(line)) return list(lines, at, parent, budget, depth);
  if (line.includes("|") && at + 1 < lines.length && lines[at + 1].includes("-") && DIVIDER.test(lines[at + 1].slice(0, 400))) {
    return table(lines, at, parent, budget);
  }
  return paragraph(lines, at, parent, budget);
}

function fence(lines, at, parent, [, mark, language]) {
  const end = new RegExp(`^ {0,3}${mark[0]}{${Math.min(mark.length, 20)},}\\s*$`);
  let to = at + 1;
  while (to < lines.length && !end.test(lines[to])) to++;
  parent.append(code(lines.slice(at + 1, to).join("\n"), language));
  return to + 1;
}

/** A block of code: it can be scrolled by keyboard. */
export function code(text, language = "") {
  return h("pre", { class: "md-code", tabindex: "0", role: "group", "aria-label": language ? `code, ${language}` : "code" }, h("code", null, text));
}

function quote(lines, at, parent, budget, depth) {
  let to = at;
  while (to < lines.length && QUOTE.test(lines[to])) to++;
  const made = h("blockquote");
  blocks(lines.slice(at, to).map((line) => line.replace(QUOTE, "")), made, budget, depth + 1);
  parent.append(made);
  return to;
}

function list(lines, at, parent, budget, depth) {
  const [, indent, mark] = ITEM.exec(lines[at]);
  const isOrdered = /\d/.test(mark);
  const made = h(isOrdered ? "ol" : "ul", isOrdered ? { start: parseInt(mark, 10) } : null);
  while (at < lines.length) {
    const found = ITEM.exec(lines[at]);
    if (!found || found[1].length > indent.length + 1 || found[1].length < indent.length || /\d/.test(found[2]) !== isOrdered) break;
    if (budget.nodes++ > MOST_NODES) break;
    const width = found[0].length;
    let to = at + 1;
    while (to < lines.length && belongs(lines, to, indent.length)) to++;
    const own = [lines[at].slice(width), ...lines.slice(at + 1, to).map((line) => line.slice(Math.min(width, /^\s*/.exec(line)[0].length)))];
    const item = h("li");
    const first = own.findIndex((line, number) => number > 0 && (line.trim() === "" || ITEM.test(line) || FENCE.test(line)));
    const lead = first === -1 ? own : own.slice(0, first);
    item.append(inline(lead.join("\n"), budget, 0));
    if (first !== -1) blocks(own.slice(first), item, budget, depth + 1);
    made.append(item);
    at = to;
  }
  parent.append(made);
  return at;
}

/** Whether a line goes on with a list's item: it is further in, or a blank one before such a line. */
function belongs(lines, at, indent) {
  const line = lines[at];
  if (line.trim() === "") return at + 1 < lines.length && /^\s/.test(lines[at + 1]) && lines[at + 1].trim() !== "";
  return /^\s*/.exec(line)[0].length > indent + 1 || (!ITEM.test(line) && !isStart(line) && lines[at - 1].trim() !== "");
}

const isStart = (line) => FENCE.test(line) || HEADING.test(line) || QUOTE.test(line) || RULE.test(line);

function table(lines, at, parent, budget) {
  const head = cells(lines[at]);
  const sides = cells(lines[at + 1]).map((cell) => (/^:-+:$/.test(cell) ? "center" : /-:$/.test(cell) ? "right" : null));
  const row = (tag, texts) =>
    h("tr", null, texts.map((text, number) => {
      budget.nodes++;
      return h(tag, { "data-side": sides[number] ?? null }, inline(text, budget, 0));
    }));
  let to = at + 2;
  const body = h("tbody");
  for (; to < lines.length && lines[to].includes("|") && lines[to].trim() !== "" && to - at < MOST_ROWS; to++) {
    body.append(row("td", cells(lines[to]).slice(0, head.length)));
  }
  parent.append(h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "table" }, h("table", { class: "md-table" }, h("thead", null, row("th", head)), body)));
  return to;
}

const cells = (line) =>
  line.slice(0, 4000).trim().replace(/^\|/, "").replace(/\|$/, "").split(/(?<!\\)\|/).slice(0, MOST_COLUMNS).map((cell) => cell.trim().replaceAll("\\|", "|"));

function paragraph(lines, at, parent, budget) {
  let to = at + 1;
  while (to < lines.length && lines[to].trim() !== "" && !isStart(lines[to]) && !ITEM.test(lines[to])) to++;
  parent.append(h("p", null, inline(lines.slice(at, to).join("\n"), budget, 0)));
  return to;
}

// Inside of a line

const SPECIAL = /[\\`*_~[h]/g;
const LINK = /\[([^[\]\n]{1,500})\]\((https?:\/\/[^()\s<>"]{1,2000})(?:\s+"[^"\n]{0,200}")?\)/y;
const BARE = /https?:\/\/[^\s<>"'`)\]]{1,2000}/y;
const MARKS = [["**", "strong"], ["__", "strong"], ["~~", "s"], ["*", "em"], ["_", "em"]];

/** Render a text within a block; what never ends is looked for once only, so that the work stays in proportion. */
function inline(text, budget, depth) {
  const made = document.createDocumentFragment();
  const missing = new Set();
  let at = 0, plain = "";
  const flush = () => {
    if (plain !== "") made.append(plain);
    plain = "";
  };
  while (at < text.length) {
    SPECIAL.lastIndex = at;
    const next = SPECIAL.exec(text)?.index ?? text.length;
    plain += text.slice(at, next);
    at = next;
    if (at === text.length) break;
    const found = budget.nodes > MOST_NODES ? null : special(text, at, budget, depth, missing);
    if (found === null) {
      plain += text[at++];
      continue;
    }
    flush();
    budget.nodes++;
    made.append(found.node);
    at = found.end;
  }
  flush();
  return made;
}

/** What begins at a place, and where it ends; null: nothing special. */
function special(text, at, budget, depth, missing) {
  const sign = text[at];
  if (sign === "\\") return /[\\`*_~[\]#|>-]/.test(text[at + 1] ?? "") ? { node: text[at + 1], end: at + 2 } : null;
  if (sign === "`") return inlineCode(text, at, missing);
  if (sign === "[") return linked(text, at, LINK);
  if (sign === "h") return /\w/.test(text[at - 1] ?? "") ? null : linked(text, at, BARE);
  if (depth >= DEEPEST) return null;
  for (const [mark, tag] of MARKS) {
    if (!text.startsWith(mark, at)) continue;
    const from = at + mark.length;
    if (/\s|^$/.test(text[from] ?? "") || (sign === "_" && /\w/.test(text[at - 1] ?? ""))) return null;
    const end = closing(text, from, mark, missing);
    if (end === -1) return null;
    return { node: h(tag, null, inline(text.slice(from, end), budget, depth + 1)), end: end + mark.length };
  }
  return null;
}

function closing(text, from, mark, missing) {
  if (missing.has(mark)) return -1;
  for (let end = text.indexOf(mark, from + 1); end !== -1; end = text.indexOf(mark, end + mark.length)) {
    const isWord = mark[0] === "_" && /\w/.test(text[end + mark.length] ?? "");
    const isLonger = mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark);
    if (!/\s/.test(text[end - 1]) && !isWord && !isLonger) return end;
  }
  missing.add(mark);
  return -1;
}

function inlineCode(text, at, missing) {
  const mark = /^`{1,10}/.exec(text.slice(at, at + 10))[0];
  const end = missing.has(mark) ? -1 : text.indexOf(mark, at + mark.length);
  if (end === -1) {
    missing.add(mark);
    return null;
  }
  return { node: h("code", null, text.slice(at + mark.length, end)), end: end + mark.length };
}

/** A link names where it leads, unless that is its text; only http and https. */
function linked(text, at, pattern) {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (found === null) return null;
  const whole = pattern === BARE ? found[0].replace(/[.,;:!?*_~]+$/, "") : found[0];
  const address = pattern === BARE ? whole : found[2];
  if (!URL.canParse(address)) return null;
  const words = pattern === BARE ? address : found[1];
  const link = h("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, words);
  const host = new URL(address).host;
  const shown = names(words, host) ? link : h("span", null, link, h("span", { class: "md-host" }, ` (${host})`));
  return { node: shown, end: at + whole.length };
}

/** Whether words are an address of a host, without anything before it that could be read as another. */
function names(words, host) {
  if (!URL.canParse(words)) return false;
  const url = new URL(words);
  return url.host === host && url.username === "" && url.password === "";
}
