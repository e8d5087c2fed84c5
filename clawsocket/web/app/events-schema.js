/** What the contract says of each type of event. It is asked for when the first event is opened. */

import { h } from "./dom.js";
import { visible } from "./format.js";

let loading = null;

/** Return a promise of the contract's schemas; one that failed is tried again the next time. */
function contract() {
  loading ??= fetch("/app/events-schemas.json").then((answer) => {
    if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
    return answer.json();
  }).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** Return a promise of the names of all events. */
export async function types() {
  const { events } = await contract();
  return Object.keys(events).filter((name) => name.includes("."));
}

/**
 * Return a promise of what the contract says of a type.
 * @returns {Promise<{schema: object, known: boolean, resolve: (schema: object) => object}>}
 */
export async function schemaOf(type) {
  const { events, schemas } = await contract();
  const resolve = (schema) => {
    const name = /^#\/components\/schemas\/(.+)$/.exec(schema?.$ref ?? "")?.[1];
    return name === undefined ? schema : { title: name, ...schemas[name], ...(schema.description ? { description: schema.description } : {}) };
  };
  const known = Object.hasOwn(events, type);
  return { schema: resolve(known ? events[type] : { $ref: "#/components/schemas/EventEnvelope" }), known, resolve };
}

/** How deep fields are listed. */
const DEPTH = 3;

/** A table of the fields: those of the data first, then those that all events have. */
export function fields({ schema, resolve }) {
  const data = resolve(schema.properties?.data ?? {});
  const rows = [...listed(data, resolve, "data.", DEPTH)];
  const envelope = Object.entries(schema.properties ?? {}).filter(([name]) => name !== "data")
    .map(([name, field]) => [name, resolve(field), schema.required?.includes(name)]);
  return h("table", { class: "schema" },
    h("thead", null, h("tr", null, h("th", null, "Field"), h("th", null, "Type"), h("th", null, "What it is"))),
    h("tbody", null, [...rows, ...envelope].map(([name, field, required]) => h("tr", null,
      h("th", { scope: "row", class: "mono" }, name, !required && h("span", { class: "soft" }, "?")),
      h("td", { class: "soft" }, kind(field, resolve)),
      h("td", null, prose(field.description ?? ""))))));
}

/** What the contract says, with what it has in backticks as code. */
export const prose = (words) => words.split(/`([^`]*)`/).map((part, index) => (index % 2 ? h("code", null, part) : part));

function* listed(schema, resolve, before, depth) {
  for (const [name, given] of Object.entries(schema.properties ?? {})) {
    const field = resolve(given);
    yield [before + name, field, schema.required?.includes(name)];
    const inner = field.type === "array" ? resolve(field.items ?? {}) : field;
    if (depth > 1 && inner.properties) yield* listed(inner, resolve, `${before}${name}${field.type === "array" ? "[]" : ""}.`, depth - 1);
  }
}

function kind(field, resolve) {
  if (field.const !== undefined) return JSON.stringify(field.const);
  if (field.enum) return field.enum.map((one) => String(one)).join(", ");
  if (field.anyOf ?? field.oneOf) return (field.anyOf ?? field.oneOf).map((one) => kind(resolve(one), resolve)).join(" or ");
  if (field.type === "array") return `list of ${kind(resolve(field.items ?? {}), resolve)}`;
  return Array.isArray(field.type) ? field.type.join(" or ") : (field.type ?? "anything");
}

/** Characters of an event that are shown. */
const SHOWN = 100_000;

/** An event as JSON to be read: the names of fields stand out. */
export function json(event) {
  const shown = visible(JSON.stringify(event, null, 2), SHOWN);
  const parts = [];
  let done = 0;
  for (const found of shown.matchAll(/^( *)("(?:[^"\\]|\\.)*")(?=: )/gm)) {
    parts.push(shown.slice(done, found.index + found[1].length), h("span", { class: "json-name" }, found[2]));
    done = found.index + found[0].length;
  }
  return [...parts, shown.slice(done)];
}
