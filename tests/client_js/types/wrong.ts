// Each line after a mark must not compile.
import { connect, OLDEST, type EventMap, type ToolUse } from "claw-socket";

// WRONG
await connect({ uri: "ws://localhost:3838" });
// WRONG
await connect({ url: () => 3838 });
const claw = await connect();
for await (const event of claw.events("tool.use")) {
  // WRONG
  console.log(event.data.toolname);
  // WRONG
  console.log(event.data.outcome);
}
for await (const event of claw.events("*")) {
  // WRONG
  if (event.type === "tool.used") break;
}
for await (const event of claw.events(["tool.use", "tool.result"])) {
  // WRONG
  console.log(event.data.outcome);
}
// WRONG
claw.events("*", { sessions: ["a"] });
// WRONG
claw.events("*", { since: 5 });
const stream = claw.events();
// WRONG
stream.position = OLDEST;
// WRONG
console.log((await claw.usage()).inputTokens);
// WRONG
await claw.usageReport({ by: "colour" });
// WRONG
console.log((await claw.history("a"))[0]?.seq);
const [session] = await claw.sessions();
// WRONG
console.log(session.state);
// WRONG
console.log(session?.state === "sleeping");
// WRONG
const call: ToolUse = { toolName: "Bash" };
// WRONG
const event: EventMap["tool.use"]["data"]["toolName"] = 5;
console.log(call, event);
