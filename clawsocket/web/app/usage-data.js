/** The sums of a report of usage, and files of it. */

/** What the report is summed up by. */
export const PARTS = ["day", "project", "model", "session"];

/** Parts of a dollar in which costs are summed up: the rows are exact in them, and so are the sums. */
const UNIT = 1e12;
const DAY = 86_400_000;

/** A sum of rows. */
export class Sum {
  input = 0;
  output = 0;
  cacheWrite = 0;
  cacheRead = 0;
  messages = 0;
  /** Messages whose tokens are in no cost. */
  unpriced = 0;
  #cost = 0;

  add(row) {
    this.input += row.inputTokens;
    this.output += row.outputTokens;
    this.cacheWrite += row.cacheCreationInputTokens;
    this.cacheRead += row.cacheReadInputTokens;
    this.messages += row.messages;
    this.unpriced += row.unpricedMessages ?? 0;
    this.#cost += Math.round((row.totalCostUsd ?? 0) * UNIT);
    return this;
  }

  /** Add another sum. */
  merge(sum) {
    for (const name of ["input", "output", "cacheWrite", "cacheRead", "messages", "unpriced"]) this[name] += sum[name];
    this.#cost += sum.#cost;
    return this;
  }

  /** All tokens together. */
  get tokens() {
    return this.input + this.output + this.cacheWrite + this.cacheRead;
  }

  /** It as the protocol has sums. */
  get numbers() {
    return {
      inputTokens: this.input, outputTokens: this.output, cacheCreationInputTokens: this.cacheWrite,
      cacheReadInputTokens: this.cacheRead, messages: this.messages, unpricedMessages: this.unpriced, totalCostUsd: this.cost,
    };
  }

  /** In US dollars; null where none of the messages has a price. */
  get cost() {
    return this.messages > 0 && this.unpriced === this.messages ? null : Number((this.#cost / UNIT).toFixed(9));
  }

  /** How much of what the models read came from the cache, in percent; null where they read nothing. */
  get cacheShare() {
    const read = this.input + this.cacheWrite + this.cacheRead;
    return read === 0 ? null : (100 * this.cacheRead) / read;
  }
}

/** Sum up all rows. */
export const total = (rows) => rows.reduce((sum, row) => sum.add(row), new Sum());

/** Sum up rows by what `key` says of them; a Map. */
export function sums(rows, key) {
  const found = new Map();
  for (const row of rows) {
    const name = key(row);
    let sum = found.get(name);
    if (sum === undefined) found.set(name, (sum = new Sum()));
    sum.add(row);
  }
  return found;
}

/** A day of this time zone, as `2026-11-23`. */
export function dayOf(at) {
  const date = new Date(at);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** So many days before a day. */
export const daysBefore = (day, count) => new Date(Date.parse(day) - count * DAY).toISOString().slice(0, 10);

/** The columns that are drawn, at most. */
const COLUMNS = 120;

/** What a time from one day to another is drawn in: `day`, or `week` or `month` where there would be too many. */
export function unit(from, to) {
  const count = (Date.parse(to) - Date.parse(from)) / DAY + 1;
  return count > 7 * COLUMNS ? "month" : count > COLUMNS ? "week" : "day";
}

/** First and last day of each day, week or month of a time. */
export function spans(from, to) {
  if (unit(from, to) === "month") return months(from, to);
  const size = unit(from, to) === "week" ? 7 : 1;
  // Weeks begin on Mondays; 1970 began on a Thursday.
  const first = size === 1 ? from : daysBefore(from, (Date.parse(from) / DAY + 3) % 7);
  const found = [];
  for (let day = first; day <= to; day = daysBefore(day, -size)) found.push({ from: day, to: daysBefore(day, 1 - size) });
  return found;
}

function months(from, to) {
  const found = [];
  for (let first = `${from.slice(0, 8)}01`; first <= to; ) {
    const next = `${daysBefore(first, -31).slice(0, 8)}01`;
    found.push({ from: first, to: daysBefore(next, 1) });
    first = next;
  }
  return found;
}

// Files

const NUMBERS = [
  "inputTokens", "outputTokens", "cacheCreationInputTokens", "cacheReadInputTokens", "messages", "unpricedMessages",
  "totalCostUsd",
];

/** The models in some rows that have no price. */
export const unpriced = (rows) => [...new Set(rows.filter((row) => row.unpricedMessages).map((row) => row.model))].sort();

/** Rows as CSV (RFC 4180); a cost that is not known is an empty cell. */
export function csv(rows) {
  const lines = rows.map((row) => [
    ...PARTS.map((part) => cell(row[part])),
    ...NUMBERS.map((name) => plain(row[name] ?? (name === "unpricedMessages" ? 0 : ""))),
  ]);
  return [[...PARTS, ...NUMBERS], ...lines].map((line) => `${line.join(",")}\r\n`).join("");
}

/** A text; what a spreadsheet would take for a formula gets a quote before it (OWASP, CSV injection). */
function cell(text) {
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

/** A number without an exponent, which some readers do not know. */
const plain = (number) => (typeof number === "number" && !Number.isInteger(number) ? number.toFixed(12).replace(/0+$/, "") : String(number));

/** Hand a text to the person as a file. */
export function save(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
