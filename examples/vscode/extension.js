// @ts-check
"use strict";

const vscode = require("vscode");

/** @typedef {import("./claw-socket.mjs").Snapshot} Snapshot */
/** @typedef {Snapshot["sessions"][number]} Session */

/** Stops what activate() began. */
const stop = new AbortController();

/** @type {Session[]} */
let sessions = [];

/** @param {vscode.ExtensionContext} context */
async function activate(context) {
  const item = vscode.window.createStatusBarItem("sessions", vscode.StatusBarAlignment.Left, 100);
  item.name = "Claude Code sessions";
  item.command = "clawSocket.showSessions";
  context.subscriptions.push(item, vscode.commands.registerCommand("clawSocket.showSessions", showSessions));
  off(item);
  item.show();
  const client = await import("./claw-socket.mjs");
  // Not awaited: an extension is active as soon as this returns.
  void follow(client, item).catch((error) => {
    item.text = "$(error) Claude";
    item.tooltip = String(error.message);
  });
}

/** What is shown is what was told last; while the service is stopped, it says so and waits for it.
 * @param {typeof import("./claw-socket.mjs")} client
 * @param {vscode.StatusBarItem} item
 */
async function follow({ connect }, item) {
  const claw = await connect({ wait: true, signal: stop.signal });
  const notice = (/** @type {{ type: string }} */ { type }) => {
    if (type === "lost") off(item);
  };
  for await (const snapshot of claw.watch({ notice })) {
    sessions = snapshot.sessions;
    show(item);
  }
}

/** @param {vscode.StatusBarItem} item */
function show(item) {
  const waiting = sessions.filter((one) => one.state === "requires_action");
  const running = sessions.filter((one) => one.state === "running").length;
  item.text = waiting.length ? `$(bell-dot) ${waiting.length} waiting` : `$(pulse) ${running} running`;
  item.backgroundColor = waiting.length ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
  item.tooltip = sessions.map(line).join("\n") || "no sessions of Claude Code";
}

/** @param {vscode.StatusBarItem} item */
function off(item) {
  sessions = [];
  item.text = "$(debug-disconnect) Claude";
  item.backgroundColor = undefined;
  item.tooltip = "claw-socket is not running; it is waited for. Start it with: claw-socket";
}

/** @param {Session} session */
function line(session) {
  return [name(session), session.state.replace("requires_action", "needs you"), session.waitingFor]
    .filter(Boolean)
    .join(" · ");
}

/** @param {Session} session */
function name(session) {
  return session.name ?? session.cwd.split("/").pop() ?? session.sessionId;
}

/** Lists all sessions; the one that is chosen has its folder opened in a new window. */
async function showSessions() {
  const items = sessions.map((one) => ({
    label: name(one).replaceAll("$(", "$ ("), // in a label $(…) is an icon
    description: line(one).slice(name(one).length),
    detail: one.cwd,
  }));
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: "Sessions of Claude Code" });
  if (chosen) {
    await vscode.commands.executeCommand("vscode.openFolder", vscode.Uri.file(chosen.detail), { forceNewWindow: true });
  }
}

function deactivate() {
  stop.abort();
}

module.exports = { activate, deactivate };
