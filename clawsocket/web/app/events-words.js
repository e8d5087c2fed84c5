/** What an event says, in a line. */

import { cost, duration, line, percent, state, tokens, toolInput, whole } from "./format.js";

/** Fields that speak for themselves. */
const FIELDS = {
  "session.discovered": ["cwd"],
  "session.started": ["source", "model"],
  "session.renamed": ["name"],
  "session.compacted": ["trigger", "summary"],
  "session.ended": ["reason"],
  "session.removed": ["reason"],
  "agent.started": ["agentType", "description"],
  "agent.stopped": ["reason", "lastMessage"],
  "message.user": ["text"],
  "message.error": ["error", "status", "text"],
  "stream.delta": ["text"],
  "tool.permission_denied": ["toolName", "reason"],
  "mcp.elicitation": ["serverName", "question"],
  "mcp.elicitation_result": ["serverName", "action", "answer"],
  "cwd.changed": ["newCwd"],
  "file.changed": ["changeType", "path"],
  "task.created": ["subject"],
  "task.completed": ["subject"],
  "worktree.removed": ["path"],
  "system.error": ["source", "message"],
};
const HOOK = ["prompt", "message", "source", "reason", "file_path", "agent_type"];

const SPECIAL = {
  "session.state_changed": ({ state: name, waitingFor, tool, error }) => [state(name), waitingFor, tool && `${tool.name} ${toolInput(tool.inputSummary)}`, error],
  "agent.state_changed": ({ agents }) => agents.map((agent) => `${agent.agentType} ${agent.status}${agent.currentTool ? ` ${agent.currentTool}` : ""}`),
  "message.assistant": ({ contentBlocks }) => contentBlocks.map(block),
  "message.result": ({ subtype, durationMs, totalCostUsd }) => [subtype, durationMs === undefined ? null : duration(durationMs), totalCostUsd === undefined ? null : cost(totalCostUsd)],
  "tool.use": ({ toolName, inputSummary }) => [`${toolName} ${toolInput(inputSummary)}`],
  "tool.permission_requested": ({ toolName, inputSummary }) => [`${toolName} ${toolInput(inputSummary)}`],
  "tool.result": ({ toolName, outcome, durationMs, error, outputSummary }) => [`${toolName} ${outcome}`, typeof durationMs === "number" ? duration(durationMs) : null, error ?? outputSummary],
  "usage.updated": ({ totalCostUsd, outputTokens }) => [cost(totalCostUsd), `${tokens(outputTokens)} out`],
  "usage.context": ({ percentUsed, tokensUsed, tokensMax }) => [percent(percentUsed), `${tokens(tokensUsed)} of ${tokens(tokensMax)}`],
  "usage.rate_limit": ({ type, percentUsed }) => [type, percent(percentUsed)],
};

function block({ type, text, thinking, name, input }) {
  if (type === "tool_use") return `calls ${name} ${toolInput(JSON.stringify(input ?? {}).slice(0, 2000))}`;
  return text ?? (thinking ? `thinks: ${thinking}` : type);
}

function hook(data) {
  const call = data.toolName && `${data.toolName} ${toolInput(data.inputSummary)}`.trim();
  return [call, data.error ?? data.outputSummary, ...HOOK.map((name) => data[name])];
}

/** Characters that are looked at. */
const LENGTH = 400;

/** What an event says, as one line of harmless text. */
export function say({ type, data }) {
  try {
    const told = SPECIAL[type]?.(data) ?? (type.startsWith("hook.") ? hook(data) : (FIELDS[type] ?? Object.keys(data)).map((name) => data[name]));
    return line(told.filter((one) => one !== undefined && one !== null && one !== "").map(short).join(" · "), LENGTH);
  } catch {
    return line(JSON.stringify(data)?.slice(0, LENGTH + 1), LENGTH); // of a shape that nobody expected
  }
}

const short = (value) => (typeof value === "object" ? JSON.stringify(value).slice(0, LENGTH) : String(value).slice(0, LENGTH + 1));

const GAPS = {
  evicted: "not kept any more",
  epoch: "the log was begun anew",
  spool_full: "the spool of the hooks was full",
  crash: "the service crashed before they were on disk",
  source: "a source could not be read",
};

/** What a gap says. */
export function sayGap({ from, to, reason }) {
  const lost = to - from + 1;
  const many = reason === "evicted" && lost > 0 && from > 1 ? `${whole(lost)} events are missing here` : "Events are missing here";
  return `${many}: ${GAPS[reason] ?? line(reason, 40)}`;
}

/** Whether any text in an event, or any name of a field, holds a text that is in lower case. */
export function holds(value, wanted) {
  if (typeof value === "string") return value.toLowerCase().includes(wanted);
  if (value === null || typeof value !== "object") return String(value).includes(wanted);
  for (const name in value) if (name.toLowerCase().includes(wanted) || holds(value[name], wanted)) return true;
  return false;
}
