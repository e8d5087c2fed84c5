// All of this must compile.
import {
  connect,
  OLDEST,
  ClawSocketError,
  NoServerError,
  RequestError,
  TokenRefusedError,
  type AnyEvent,
  type Claw,
  type EventOf,
  type HookPreToolUseEvent,
  type MessageUserEvent,
  type Notice,
  type Position,
  type SessionStateChangedEvent,
  type ToolResultEvent,
  type ToolUseEvent,
} from "claw-socket";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

await connect({ url: async () => new URL("ws://localhost:3838") });
const claw: Claw = await connect({ url: "ws://localhost:3838", token: "t", wait: true, signal: AbortSignal.timeout(1) });

// A topic narrows the type of its events.
for await (const event of claw.events("tool.use")) {
  same<typeof event, ToolUseEvent>(true);
  const name: string = event.data.toolName;
  const seq: number = event.seq;
  console.log(name, seq);
}
for await (const event of claw.events(["tool.use", "message.user"])) {
  same<typeof event, ToolUseEvent | MessageUserEvent>(true);
}
for await (const event of claw.events("session.*", { session: ["a", "b"], since: OLDEST, notice: (_: Notice) => {} })) {
  if (event.type === "session.state_changed") {
    same<typeof event, SessionStateChangedEvent>(true);
    if (event.data.state === "requires_action") console.log(event.data.waitingFor ?? "");
  }
}
same<EventOf<"tool.*">["type"], "tool.use" | "tool.result" | "tool.permission_requested" | "tool.permission_denied">(true);
same<EventOf<"*.result">["type"], "tool.result" | "message.result">(true);
same<EventOf<"tool.failed">["type"], "tool.failed">(true);
same<EventOf<string>, AnyEvent>(true);
same<EventOf<"hook.of_tomorrow">["type"], string>(true);

const stream = await claw.events().open();
const position: Position | null = stream.position;
for (const session of stream.snapshot.sessions) console.log(session.usage?.totalCostUsd.toFixed(2));
const { value, done } = await stream.next();
if (!done && value.type === "hook.pre_tool_use") {
  same<typeof value, HookPreToolUseEvent>(true);
  console.log(value.data["session_id"], value.data.inputSummary);
}
await stream.close();

// Questions
const sessions = await claw.sessions({ all: true });
console.log(sessions[0]?.state === "idle", position);
console.log((await claw.usage("a")).inputTokens, (await claw.usage()).sessionCount);
const report = await claw.usageReport({ by: ["day", "model"], since: "2026-11-01" });
console.log(report.rows[0]?.model, report.rows[0]?.totalCostUsd ?? 0, (await claw.usageReport({ by: "day" })).total.messages);
for (const event of await claw.history("a", { limit: 5, before: "b" })) {
  if (event.type === "tool.result") {
    same<typeof event, Omit<ToolResultEvent, "seq">>(true);
    console.log(event.data.outcome === "ok");
  }
}
for await (const { agents } of claw.watch()) console.log(agents[0]?.toolHistory[0]?.durationMs ?? 0);
for await (const line of claw.agentLog("a", "b")) console.log(line["type"]);
await claw.close();

// Errors and notices
const told = (notice: Notice) => {
  if (notice.type === "gap") console.log(notice.from, notice.to, notice.reason === "crash");
  else if (notice.type === "lost") console.log(notice.error.message);
  else console.log(notice.snapshot.epoch);
};
const failed = (error: unknown) => {
  if (error instanceof NoServerError) console.log(error.where, error.problem);
  if (error instanceof TokenRefusedError) console.log(error.origin);
  if (error instanceof RequestError) console.log(error.code);
  return error instanceof ClawSocketError;
};
console.log(told, failed);
