/**
 * Types of claw-socket.js, a client of claw-socket for browsers, Node and Bun.
 *
 *     import { connect } from "claw-socket";
 *
 *     const claw = await connect();
 *     for await (const event of claw.events("tool.use")) console.log(event.data.toolName);
 */

/**
 * Return a client.
 *
 * In Node and Bun, without arguments, it finds the server of this user by itself, by `~/.claw-socket/endpoint`: over its
 * Unix socket where there is one, else by its URL with the token in `~/.claw-socket/token`. In a browser, without a
 * `url`, the server is the one that the page came from. Later, whatever is asked of a server that is gone waits until it
 * is back; a `signal` bounds it.
 *
 * A browser can't send a header, so there a `token` goes into the address that is connected to, as the protocol has it.
 * Each connection begins with a `GET /health`, unless the `url` is a function: the `connect-src` of the page's policy has
 * to allow it, beside the WebSocket. Nor does a browser say why a WebSocket was refused: by an address that has let the
 * page in before, that is a NoServerError and tried again, until the service has said that its token is another one.
 *
 * @throws {NoServerError} no server answers
 * @throws {TokenRefusedError} it refuses the token
 * @throws {RequestError} the `url` is none, or the server does not want to be reached by it
 * @throws {FolderError} the token is there and can't be read
 */
export function connect(options?: ConnectOptions): Promise<Claw>;

export interface ConnectOptions {
  /**
   * Another server: `ws://HOST:PORT` or `wss://…`; `http` and `https` are taken for these. Or a function that tells it,
   * asked before each connection, for who must be let in each time. Throwing a NoServerError, it is asked again later; any
   * other error ends whatever wanted the connection.
   */
  url?: string | URL | (() => Promise<string | URL>) | undefined;
  /** Its token; in Node and Bun a server on this machine needs none to be given. */
  token?: string | undefined;
  /** Wait for a server that does not run yet, instead of throwing an error. */
  wait?: boolean | undefined;
  /** Ends the client and all its streams; what waits for them throws its reason. */
  signal?: AbortSignal | undefined;
}

/** A client of a server. It keeps no program running that waits for nothing. */
export interface Claw {
  /**
   * Connect for questions, so that the first one need not wait for that. Without it, the first one connects.
   *
   * @throws {NoServerError} no server answers
   * @throws {TokenRefusedError} it refuses the token
   */
  open(): Promise<void>;

  /**
   * Return a stream of events, to be read with `for await`.
   *
   * @param topics patterns such as `tool.*`, one or several; without any, everything
   */
  events<T extends Topic = "*">(topics?: T | readonly T[], options?: EventsOptions): Events<EventOf<T>>;

  /** Yield all sessions and agents as they are, now and whenever something about them changed. */
  watch(options?: WatchOptions): AsyncGenerator<Snapshot, void, void>;

  /**
   * Yield each line of a transcript from now on, as Claude Code writes it.
   *
   * It has a connection of its own. Lines that are written while there is none are not told: `notice` hears of it.
   *
   * @param session its id
   * @param agent the id of a subagent; without it, the main agent
   */
  agentLog(session: string, agent?: string, options?: WatchOptions): AsyncGenerator<{ [field: string]: unknown }, void, void>;

  /** Return all sessions and agents as they are. */
  snapshot(options?: AskOptions): Promise<Snapshot>;

  /** Return the sessions; with `all` those that ended too. */
  sessions(options?: AskOptions & { all?: boolean | undefined }): Promise<SessionInfo[]>;

  /** Return what a session used, or all of them. */
  usage(session?: undefined, options?: AskOptions): Promise<TotalUsage>;
  usage(session: string, options?: AskOptions): Promise<SessionUsage>;

  /**
   * Return what all transcripts say was spent, also before the service was there. The first report reads everything and
   * may take minutes, in which this client answers nothing else.
   */
  usageReport(options?: AskOptions & UsageReportOptions): Promise<UsageReport>;

  /** Return how the service itself is. */
  status(options?: AskOptions): Promise<ServiceStatus>;

  /** Return what `claw-socket doctor` finds; it takes a few seconds. */
  findings(options?: AskOptions): Promise<Finding[]>;

  /** Return the last events of a session, oldest first, also of one that ended. */
  history(session: string, options?: AskOptions & HistoryOptions): Promise<HistoryEvent[]>;

  /** End the client and its streams. */
  close(): Promise<void>;
}

export interface AskOptions {
  /** Ends the waiting; the call throws its reason. */
  signal?: AbortSignal | undefined;
}

export interface HistoryOptions {
  /** How many, at most: 1000, unless told otherwise. */
  limit?: number | undefined;
  /** The id of the event to end before. */
  before?: string | undefined;
  /** Also what no transcript tells: states, questions for permission, the session's beginning and end. */
  all?: boolean | undefined;
}

export interface UsageReportOptions {
  /** What to sum up by: each row has these parts. By day, unless told otherwise. */
  by?: UsagePart | readonly UsagePart[] | undefined;
  /** The first day, such as `2026-11-01`; without it, all of them. */
  since?: string | undefined;
}

export interface WatchOptions {
  /** Called with what happens to the connection. */
  notice?: ((notice: Notice) => void) | undefined;
  /** Ends the stream, which throws its reason. */
  signal?: AbortSignal | undefined;
}

export interface EventsOptions extends WatchOptions {
  /** The ids of the sessions that are wanted, one or several; without any, all. */
  session?: string | Iterable<string> | undefined;
  /** Where to begin, as `position` of a stream told it; `OLDEST` for all that is kept; without it, now. */
  since?: Position | null | undefined;
  /**
   * Have events come together, several in a message: the first at once, what follows within so many ms, at least, later.
   * Each message costs a browser as much as what is in it; a page that shows what happens wants 50.
   */
  batch?: number | undefined;
  /**
   * Called with each gap, loss and return of the connection, in its place among the events. Without it, gaps are told to
   * the console.
   */
  notice?: ((notice: Notice) => void) | undefined;
}

/**
 * Events as they happen, each once, in order, over restarts of the server.
 *
 * It has a connection of its own and reads only what is asked of it, so a reader may take its time: the server keeps its
 * place. It begins with the first `next`, or with `open`; leaving a `for await` closes it.
 */
export interface Events<E = AnyEvent> {
  /** The place in the log up to which events were given; null before it is open. */
  readonly position: Position | null;
  /** Whether it has ended. */
  readonly closed: boolean;
  /** All sessions and agents as they were when the stream was opened, or came back last. Throws while there is none. */
  readonly snapshot: Snapshot;
  /** Connect, as often as it takes, and return the stream: no event from here on is missed. */
  open(): Promise<this>;
  next(): Promise<IteratorResult<E, undefined>>;
  return(): Promise<IteratorResult<E, undefined>>;
  [Symbol.asyncIterator](): this;
  /** End the stream. */
  close(): Promise<void>;
}

/** A place in a server's log. */
export interface Position {
  /** Of the last event that one has. */
  readonly seq: number;
  /** Names the log. */
  readonly epoch?: string | undefined;
}

/** The place before the first event that is kept. */
export const OLDEST: Position;

/** There is no connection; it is tried again until there is. */
export interface Lost {
  type: "lost";
  error: ClawSocketError;
}

/** There is one again, and the stream goes on where it was. */
export interface Back {
  type: "back";
  /** How everything is now. */
  snapshot: Snapshot;
}

/** What a stream tells of itself. Only a gap means that events are missing; it comes where they would be. */
export type Notice = Gap | Lost | Back;

/** Base of every error of this module; its message is one clear line that says what to do. No error holds a token. */
export class ClawSocketError extends Error {}

/** No claw-socket answers. */
export class NoServerError extends ClawSocketError {
  constructor(where: string, problem: string);
  /** The address that was tried, or the file in which none was found. */
  readonly where: string;
  /** What came of it, as a clause. */
  readonly problem: string;
}

/** The server does not take the token. */
export class TokenRefusedError extends ClawSocketError {
  constructor(where: string, origin: string);
  /** The server's address. */
  readonly where: string;
  /** Where the token came from. */
  readonly origin: string;
}

/** What was asked for is wrong: an address, a topic, a session. */
export class RequestError extends ClawSocketError {
  constructor(code: string, message?: string);
  /** One of the documented codes. */
  readonly code: string;
}

/** A file of claw-socket's folder is there and can't be read. */
export class FolderError extends ClawSocketError {
  constructor(path: string, problem: string);
  readonly path: string;
  readonly problem: string;
}

// Which events a topic gives

/** A pattern: `*` is everything, `tool.*` every type below `tool.`, `*` inside it one segment. */
export type Topic = keyof EventMap | "*" | `${Area}.*` | (string & {});

type Area = keyof EventMap extends infer Name ? (Name extends `${infer A}.${string}` ? A : never) : never;

/** The type of the events that a topic gives: `EventOf<"tool.use">` is `ToolUseEvent`. */
export type EventOf<T extends string> = T extends keyof EventMap
  ? EventMap[T]
  : string extends T
    ? AnyEvent
    : T extends `${string}*${string}`
      ? EventMap[Extract<Exclude<keyof EventMap, OnlyByName>, Glob<T>>]
      : EventEnvelope;

type Glob<T extends string> = T extends `${infer Before}*${infer After}` ? `${Before}${string}${Glob<After>}` : T;

/** Any event. Newer servers may send types that are not here: ignore what you do not know. */
export type AnyEvent = EventMap[keyof EventMap];

/** An event of a history, which has no `seq`. */
export type HistoryEvent = AnyEvent extends infer E ? (E extends AnyEvent ? Omit<E, "seq"> : never) : never;

/** The tokens of all sessions known, and of each limit what was told last. */
export type TotalUsage = Omit<TotalUsageReply, "type" | "id">;

// From here on it is made from the contract: make export-spec

/** Every event, by its type. */
export interface EventMap {
  "agent.started": AgentStartedEvent;
  "agent.state_changed": AgentStateChangedEvent;
  "agent.stopped": AgentStoppedEvent;
  "cwd.changed": CwdChangedEvent;
  "file.changed": FileChangedEvent;
  "hook.completed": HookCompletedEvent;
  "hook.config_change": HookConfigChangeEvent;
  "hook.cwd_changed": HookCwdChangedEvent;
  "hook.directory_added": HookDirectoryAddedEvent;
  "hook.elicitation": HookElicitationEvent;
  "hook.elicitation_result": HookElicitationResultEvent;
  "hook.file_changed": HookFileChangedEvent;
  "hook.instructions_loaded": HookInstructionsLoadedEvent;
  "hook.message_display": HookMessageDisplayEvent;
  "hook.notification": HookNotificationEvent;
  "hook.permission_denied": HookPermissionDeniedEvent;
  "hook.permission_request": HookPermissionRequestEvent;
  "hook.post_compact": HookPostCompactEvent;
  "hook.post_model_switch": HookPostModelSwitchEvent;
  "hook.post_tool_batch": HookPostToolBatchEvent;
  "hook.post_tool_use": HookPostToolUseEvent;
  "hook.post_tool_use_failure": HookPostToolUseFailureEvent;
  "hook.pre_compact": HookPreCompactEvent;
  "hook.pre_model_switch": HookPreModelSwitchEvent;
  "hook.pre_skill_shell_command": HookPreSkillShellCommandEvent;
  "hook.pre_tool_use": HookPreToolUseEvent;
  "hook.session_end": HookSessionEndEvent;
  "hook.session_start": HookSessionStartEvent;
  "hook.setup": HookSetupEvent;
  "hook.started": HookStartedEvent;
  "hook.stop": HookStopEvent;
  "hook.stop_failure": HookStopFailureEvent;
  "hook.subagent_start": HookSubagentStartEvent;
  "hook.subagent_stop": HookSubagentStopEvent;
  "hook.task_completed": HookTaskCompletedEvent;
  "hook.task_created": HookTaskCreatedEvent;
  "hook.teammate_idle": HookTeammateIdleEvent;
  "hook.user_prompt_expansion": HookUserPromptExpansionEvent;
  "hook.user_prompt_submit": HookUserPromptSubmitEvent;
  "hook.worktree_create": HookWorktreeCreateEvent;
  "hook.worktree_remove": HookWorktreeRemoveEvent;
  "mcp.elicitation": McpElicitationEvent;
  "mcp.elicitation_result": McpElicitationResultEvent;
  "mcp.server_status": McpServerStatusEvent;
  "message.assistant": MessageAssistantEvent;
  "message.error": MessageErrorEvent;
  "message.result": MessageResultEvent;
  "message.user": MessageUserEvent;
  "session.compacted": SessionCompactedEvent;
  "session.discovered": SessionDiscoveredEvent;
  "session.ended": SessionEndedEvent;
  "session.removed": SessionRemovedEvent;
  "session.renamed": SessionRenamedEvent;
  "session.started": SessionStartedEvent;
  "session.state_changed": SessionStateChangedEvent;
  "stream.delta": StreamDeltaEvent;
  "system.check": SystemCheckEvent;
  "system.error": SystemErrorEvent;
  "task.completed": TaskCompletedEvent;
  "task.created": TaskCreatedEvent;
  "tool.completed": ToolCompletedEvent;
  "tool.failed": ToolFailedEvent;
  "tool.permission_denied": ToolPermissionDeniedEvent;
  "tool.permission_requested": ToolPermissionRequestedEvent;
  "tool.result": ToolResultEvent;
  "tool.started": ToolStartedEvent;
  "tool.use": ToolUseEvent;
  "usage.context": UsageContextEvent;
  "usage.rate_limit": UsageRateLimitEvent;
  "usage.update": UsageUpdateEvent;
  "usage.updated": UsageUpdatedEvent;
  "worktree.removed": WorktreeRemovedEvent;
}

type OnlyByName = "hook.completed" | "hook.started" | "tool.completed" | "tool.failed" | "tool.started" | "usage.update";

/** An event as it is on the wire. */
export interface EventEnvelope<Type extends string = string, Data = { [field: string]: unknown }> {
  /** What it is. */
  type: Type;
  /** When it happened, in ms since 1970; not when it was read. */
  timestamp: number;
  /** The session, as Claude Code names it; empty for events of the server. */
  sessionId: string;
  /** The subagent; absent for the session's main agent. */
  agentId?: string | undefined;
  /** Its place in the log; it rises over restarts too. */
  seq: number;
  /** What the type says. */
  data: Data;
  /** Names the event, not its telling: a fact has the same one whichever source told of it. */
  id: string;
  /** Who told of it first. */
  source: Source;
}

/** A subagent began. What links it to its parent may be known only to one of the sources. */
export interface AgentStartedEvent extends EventEnvelope<"agent.started", AgentStarted> {}

/** The session's agents that changed, as they are now. */
export interface AgentStateChangedEvent extends EventEnvelope<"agent.state_changed", AgentStateChanged> {}

/** A subagent ended. */
export interface AgentStoppedEvent extends EventEnvelope<"agent.stopped", AgentStopped> {}

/** The session works in another folder. */
export interface CwdChangedEvent extends EventEnvelope<"cwd.changed", CwdChanged> {}

/** A watched file changed. */
export interface FileChangedEvent extends EventEnvelope<"file.changed", FileChanged> {}

/**
 * Deprecated: use `hook.post_tool_use` and `hook.post_tool_use_failure`. Sent to whoever subscribes to this exact
 * name.
 *
 * @deprecated
 */
export interface HookCompletedEvent extends EventEnvelope<"hook.completed", HookCompleted> {}

/**
 * A settings file changed.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookConfigChangeEvent extends EventEnvelope<"hook.config_change", HookData> {}

/**
 * The session works in another folder.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookCwdChangedEvent extends EventEnvelope<"hook.cwd_changed", HookData> {}

/**
 * The session may work in one more folder.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookDirectoryAddedEvent extends EventEnvelope<"hook.directory_added", HookData> {}

/**
 * An MCP server asks the owner something.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookElicitationEvent extends EventEnvelope<"hook.elicitation", HookData> {}

/**
 * The owner answered an MCP server.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookElicitationResultEvent extends EventEnvelope<"hook.elicitation_result", HookData> {}

/**
 * A watched file changed.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookFileChangedEvent extends EventEnvelope<"hook.file_changed", HookData> {}

/**
 * A file with instructions was loaded.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookInstructionsLoadedEvent extends EventEnvelope<"hook.instructions_loaded", HookData> {}

/**
 * A piece of the answer, as it is displayed.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookMessageDisplayEvent extends EventEnvelope<"hook.message_display", HookData> {}

/**
 * Claude Code wants its owner: for a permission, or because it has been idle.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookNotificationEvent extends EventEnvelope<"hook.notification", HookData> {}

/**
 * A call was denied without asking.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPermissionDeniedEvent extends EventEnvelope<"hook.permission_denied", HookData> {}

/**
 * Claude Code asks whether a call may run.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPermissionRequestEvent extends EventEnvelope<"hook.permission_request", HookData> {}

/**
 * After the conversation was compacted.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPostCompactEvent extends EventEnvelope<"hook.post_compact", HookData> {}

/**
 * From here on another model answers.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPostModelSwitchEvent extends EventEnvelope<"hook.post_model_switch", HookData> {}

/**
 * After the calls of one answer, denied and invalid ones among them.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPostToolBatchEvent extends EventEnvelope<"hook.post_tool_batch", HookData> {}

/**
 * After a tool call that succeeded; `duration_ms` is the tool's own time.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPostToolUseEvent extends EventEnvelope<"hook.post_tool_use", HookData> {}

/**
 * After a tool call that failed.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPostToolUseFailureEvent extends EventEnvelope<"hook.post_tool_use_failure", HookData> {}

/**
 * Before the conversation is compacted.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPreCompactEvent extends EventEnvelope<"hook.pre_compact", HookData> {}

/**
 * Before another model answers.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPreModelSwitchEvent extends EventEnvelope<"hook.pre_model_switch", HookData> {}

/**
 * Before a shell command that stands in a skill or a slash command; it is no tool call.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPreSkillShellCommandEvent extends EventEnvelope<"hook.pre_skill_shell_command", HookData> {}

/**
 * Before a tool call.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookPreToolUseEvent extends EventEnvelope<"hook.pre_tool_use", HookData> {}

/**
 * A session ends; `reason` says how.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookSessionEndEvent extends EventEnvelope<"hook.session_end", HookData> {}

/**
 * A session begins, is resumed, cleared or compacted.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookSessionStartEvent extends EventEnvelope<"hook.session_start", HookData> {}

/**
 * Claude Code sets up, as with `--init`.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookSetupEvent extends EventEnvelope<"hook.setup", HookData> {}

/**
 * Deprecated: use `hook.pre_tool_use`. Sent to whoever subscribes to this exact name.
 *
 * @deprecated
 */
export interface HookStartedEvent extends EventEnvelope<"hook.started", HookStarted> {}

/**
 * The end of a turn.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookStopEvent extends EventEnvelope<"hook.stop", HookData> {}

/**
 * The end of a turn that the API refused.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookStopFailureEvent extends EventEnvelope<"hook.stop_failure", HookData> {}

/**
 * A subagent begins.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookSubagentStartEvent extends EventEnvelope<"hook.subagent_start", HookData> {}

/**
 * A subagent ends.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookSubagentStopEvent extends EventEnvelope<"hook.subagent_stop", HookData> {}

/**
 * An item of the task list is done.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookTaskCompletedEvent extends EventEnvelope<"hook.task_completed", HookData> {}

/**
 * An item was put on the task list.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookTaskCreatedEvent extends EventEnvelope<"hook.task_created", HookData> {}

/**
 * A teammate has nothing to do.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookTeammateIdleEvent extends EventEnvelope<"hook.teammate_idle", HookData> {}

/**
 * A slash command, as the prompt that it stands for.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookUserPromptExpansionEvent extends EventEnvelope<"hook.user_prompt_expansion", HookData> {}

/**
 * A prompt, before it is sent.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookUserPromptSubmitEvent extends EventEnvelope<"hook.user_prompt_submit", HookData> {}

/**
 * A git worktree is to be made. It is never installed, since it would make the worktree itself: it comes only by
 * `POST /hook`.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookWorktreeCreateEvent extends EventEnvelope<"hook.worktree_create", HookData> {}

/**
 * A git worktree is removed.
 *
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookWorktreeRemoveEvent extends EventEnvelope<"hook.worktree_remove", HookData> {}

/** An MCP server asks the owner something. */
export interface McpElicitationEvent extends EventEnvelope<"mcp.elicitation", McpElicitation> {}

/** The owner answered an MCP server, or did not. */
export interface McpElicitationResultEvent extends EventEnvelope<"mcp.elicitation_result", McpElicitationResult> {}

/** An MCP server's status; only from the original's payload form of SessionStart. */
export interface McpServerStatusEvent extends EventEnvelope<"mcp.server_status", McpServerStatus> {}

/** A block of the answer: one event per transcript line. `messageId` ties the lines of one API message. */
export interface MessageAssistantEvent extends EventEnvelope<"message.assistant", MessageAssistant> {}

/** The API refused, and Claude Code gave up. */
export interface MessageErrorEvent extends EventEnvelope<"message.error", MessageError> {}

/**
 * The end of a turn. `numTurns` is one more than its tool calls, as Claude Code counts.
 *
 * `usage` has its tokens, and those of subagents that work on when their own turn is over: in it, or before it.
 */
export interface MessageResultEvent extends EventEnvelope<"message.result", MessageResult> {}

/** A prompt. Reminders, task notifications, the echoes of commands and what others say are `isSynthetic`. */
export interface MessageUserEvent extends EventEnvelope<"message.user", MessageUser> {}

/** The conversation was compacted. */
export interface SessionCompactedEvent extends EventEnvelope<"session.compacted", SessionCompacted> {}

/** A session appeared: its file, or where it has none its first hook or line. `pid` is null while unknown. */
export interface SessionDiscoveredEvent extends EventEnvelope<"session.discovered", SessionDiscovered> {}

/** A session is over; sent once, when it is sure. `usage` is null for a session that never spent anything. */
export interface SessionEndedEvent extends EventEnvelope<"session.ended", SessionEnded> {}

/** A session that ended is no longer listed. */
export interface SessionRemovedEvent extends EventEnvelope<"session.removed", SessionRemoved> {}

/** A session has a new name. */
export interface SessionRenamedEvent extends EventEnvelope<"session.renamed", SessionRenamed> {}

/** A session began: from SessionStart, or from its first line. */
export interface SessionStartedEvent extends EventEnvelope<"session.started", SessionStarted> {}

/** A session's state is another one. The first one after `session.discovered` has no `previous`. */
export interface SessionStateChangedEvent extends EventEnvelope<"session.state_changed", SessionStateChanged> {}

/** A piece of the answer as it is displayed; only with the setting `stream`. Its ids occur nowhere else. */
export interface StreamDeltaEvent extends EventEnvelope<"stream.delta", StreamDelta> {}

/** `claw-socket doctor` sent a hook of its own, to see whether hooks arrive here. It means nothing else. */
export interface SystemCheckEvent extends EventEnvelope<"system.check", SystemCheck> {}

/** Something in the service went wrong; details are only in its log. */
export interface SystemErrorEvent extends EventEnvelope<"system.error", SystemError> {}

/** An item of the session's task list. */
export interface TaskCompletedEvent extends EventEnvelope<"task.completed", Task> {}

/** An item of the session's task list. */
export interface TaskCreatedEvent extends EventEnvelope<"task.created", Task> {}

/**
 * Deprecated: use `tool.result`. Sent to whoever subscribes to this exact name.
 *
 * @deprecated
 */
export interface ToolCompletedEvent extends EventEnvelope<"tool.completed", ToolCompleted> {}

/**
 * Deprecated: use `tool.result`. Sent to whoever subscribes to this exact name.
 *
 * @deprecated
 */
export interface ToolFailedEvent extends EventEnvelope<"tool.failed", ToolFailed> {}

/** A call was denied without asking. */
export interface ToolPermissionDeniedEvent extends EventEnvelope<"tool.permission_denied", ToolPermissionDenied> {}

/** Claude Code asks its owner whether a call may run. */
export interface ToolPermissionRequestedEvent extends EventEnvelope<"tool.permission_requested", ToolPermissionRequested> {}

/**
 * A tool call ended; once per `toolUseId`.
 *
 * `durationMs` is the tool's own time from the hook, or the span between two timestamps.
 */
export interface ToolResultEvent extends EventEnvelope<"tool.result", ToolResult> {}

/**
 * Deprecated: use `tool.use`. Sent to whoever subscribes to this exact name.
 *
 * @deprecated
 */
export interface ToolStartedEvent extends EventEnvelope<"tool.started", ToolUse> {}

/** A tool call began; once per `toolUseId`, from whichever source was first. */
export interface ToolUseEvent extends EventEnvelope<"tool.use", ToolUse> {}

/** How full a session's context window is: `official` as Claude Code says, or else by the usage of its answers. */
export interface UsageContextEvent extends EventEnvelope<"usage.context", Context> {}

/** How much of a limit of the account is used: as old as the event's `timestamp`. */
export interface UsageRateLimitEvent extends EventEnvelope<"usage.rate_limit", UsageRateLimit> {}

/**
 * Deprecated: use `usage.updated`. Sent to whoever subscribes to this exact name.
 *
 * @deprecated
 */
export interface UsageUpdateEvent extends EventEnvelope<"usage.update", SessionUsage> {}

/** The tokens of one session, its subagents' included. */
export interface UsageUpdatedEvent extends EventEnvelope<"usage.updated", SessionUsage> {}

/** A git worktree of the session is gone. */
export interface WorktreeRemovedEvent extends EventEnvelope<"worktree.removed", WorktreeRemoved> {}

/** A raw transcript line, as an object. */
export interface AgentLog {
  type: "agent_log";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** The session, as Claude Code names it. */
  sessionId: string;
  /** The subagent; absent for the session's main agent. */
  agentId?: string | undefined;
  /** The line, as an object. */
  line: { [name: string]: unknown };
}

/** A subagent began. What links it to its parent may be known only to one of the sources. */
export interface AgentStarted {
  /** The subagent. */
  agentId: string;
  /** Its type, such as `Explore`; `master` for a session's main agent. */
  agentType: string;
  /** The folder that it works in. */
  cwd?: string | undefined;
  /** The tool call that started it. */
  parentToolUseId?: string | undefined;
  /** What it was started for. */
  description?: string | undefined;
  /** The subagent that started it; absent: the session's main agent. */
  parentAgentId?: string | undefined;
  /** Whether it runs beside its parent's turn. */
  background?: boolean | undefined;
  /** Who told of it. */
  source?: string | undefined;
}

/** An agent. A session's main agent is `master-<sessionId>`, of type `master`. */
export interface AgentState {
  /** The agent; a session's main agent is `master-<sessionId>`. */
  agentId: string;
  /** Its type, such as `Explore`; `master` for a session's main agent. */
  agentType: string;
  /** The session, as Claude Code names it. */
  sessionId: string;
  /** What the agent does. */
  status: Status;
  /** The tool that runs. */
  currentTool?: string | undefined;
  /** What it was called with, at most 500 characters. */
  currentToolInput?: string | undefined;
  /** When it began, in ms since 1970. */
  startedAt: number;
  /** When it last did something, in ms since 1970. */
  lastActivityAt: number;
  /** Its tool calls. */
  toolCount: number;
  /** Its tokens, in and out. */
  tokenCount: number;
  /** The folder that it works in. */
  cwd: string;
  /** The agent's name, if it was given one. */
  name?: string | undefined;
  /** Its last 10 finished calls, oldest first. */
  toolHistory: ToolRun[];
  /** The subagent that started it; absent: the session's main agent. */
  parentAgentId?: string | undefined;
  /** The tool call that started it. */
  parentToolUseId?: string | undefined;
  /** What it was started for. */
  description?: string | undefined;
  /** Cost in US dollars. */
  costUsd?: number | undefined;
}

/** The session's agents that changed, as they are now. */
export interface AgentStateChanged {
  /** The agents, each as it is now. */
  agents: AgentState[];
}

/** A subagent ended. */
export interface AgentStopped {
  /** The subagent. */
  agentId: string;
  /** Why. */
  reason?: string | undefined;
  /** The last thing it said. */
  lastMessage?: string | undefined;
  /** Who told of it. */
  source?: string | undefined;
}

/** Nothing for you up to `headSeq`; at most one a minute. */
export interface Bookmark {
  type: "bookmark";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** The last `seq` given. */
  headSeq: number;
}

/** What clients send. */
export type ClientMessage = SubscribeMessage | UnsubscribeMessage | GetSnapshotMessage | GetSessionListMessage | GetSessionHistoryMessage | GetUsageMessage | GetUsageReportMessage | GetStatusMessage | GetFindingsMessage | ReplayMessage | SubscribeAgentLogMessage | UnsubscribeAgentLogMessage;

/** A client of the service: what it wants, and how far it is behind the newest event. */
export interface ClientStatus {
  /** What it subscribed to. */
  topics: string[];
  /** Events that it was not sent yet. */
  lag: number;
  /** Whether it does not read what it was sent. */
  stalled: boolean;
}

/** How full a session's context window is: `official` as Claude Code says, or else by the usage of its answers. */
export interface Context {
  /** How much is used, in percent. */
  percentUsed: number;
  /** Tokens in the context window. */
  tokensUsed: number;
  /** Tokens that it holds. */
  tokensMax: number;
  /** Tokens by what they are for. */
  categories?: { [name: string]: number } | undefined;
  /** Whether Claude Code said so itself; otherwise it was worked out. */
  official: boolean;
}

/** The session works in another folder. */
export interface CwdChanged {
  /** The folder now. */
  newCwd: string;
  /** The folder before. */
  oldCwd?: string | undefined;
}

/** A request failed. */
export interface ErrorReply {
  type: "error";
  /** What went wrong, as a code. */
  error: "invalid JSON" | "invalid message" | "rate_limited" | "limit_exceeded" | "failed";
  /** A line for people. */
  message?: string | undefined;
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
}

/** Events, oldest first, for a connection that asked for `batchMs`; a `gap` is among them in its place. */
export interface EventBatch {
  type: "events";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** Its events, oldest first. */
  events: (EventEnvelope | Gap)[];
}

/** A watched file changed. */
export interface FileChanged {
  /** The file or folder. */
  path: string;
  /** `add`, `change` or `unlink`. */
  changeType?: string | undefined;
}

/** What a check of the service found. */
export interface Finding {
  /** What was looked at, in a word. */
  check: string;
  /** `error`: something does not work, or is not safe; `warning`: less than could be; `ok`. */
  level: "error" | "ok" | "warning";
  /** What was found, as a clause. */
  what: string;
  /** The command, or the deed, that mends it. */
  mend?: string | undefined;
  /** Whether `claw-socket doctor --fix` mends it. */
  fixable: boolean;
}

/** What `claw-socket doctor` finds, in the order in which one thing rests on another. */
export interface Findings {
  type: "findings";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** What was found. */
  findings: Finding[];
}

/**
 * Events `from` to `to` are gone, and why; the stream goes on behind `to`.
 *
 * Only a gap means that something is missing.
 */
export interface Gap {
  type: "gap";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** The first number that is gone. */
  from: number;
  /** The last number that is gone. */
  to: number;
  /** The oldest `seq` kept, or the first behind the gap. */
  oldestSeq: number;
  /** Why: not kept any more, another log, a full spool, a crash, a source that could not be read. */
  reason: "crash" | "epoch" | "evicted" | "source" | "spool_full";
}

/** Asks for what `claw-socket doctor` finds; it takes a few seconds. */
export interface GetFindingsMessage {
  type: "get_findings";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
}

/**
 * Asks for a session's last events, oldest first; `before` is the id of the event to end before.
 *
 * They are those that the transcripts tell; with `all`, also what only the log tells: the session's states, its
 * questions for permission, its beginning and its end.
 */
export interface GetSessionHistoryMessage {
  type: "get_session_history";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
  /** The session, as Claude Code names it. */
  sessionId: string;
  /** How many events at most; absent: 1000. A reply has 10,000 and 16 MB at most, then it says `more`. */
  limit?: number | undefined;
  /** The `id` of the first event of a page, for the page before it; before one of no page is nothing. */
  before?: string | undefined;
  /** Whether what only the log tells is wanted, too: states, questions, beginning and end. */
  all?: boolean | undefined;
}

/** Asks for the sessions; with `all` for those that ended too. */
export interface GetSessionListMessage {
  type: "get_session_list";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
  /** Whether to list sessions that ended, too. */
  all?: boolean | undefined;
}

/** Asks for all sessions and agents as they are. */
export interface GetSnapshotMessage {
  type: "get_snapshot";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
}

/** Asks how the service itself is. */
export interface GetStatusMessage {
  type: "get_status";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
}

/** Asks for the usage of a session, or of all. */
export interface GetUsageMessage {
  type: "get_usage";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
  /** The session; absent: all of them. */
  sessionId?: string | undefined;
}

/**
 * Asks for what all transcripts say was spent, also those from before the service: summed up by one or more parts.
 *
 * The first report reads everything and may take minutes; later ones read what is new.
 */
export interface GetUsageReportMessage {
  type: "get_usage_report";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
  /** What it is summed up by: each row has these parts. */
  by: UsagePart[];
  /** The first day, such as `2026-11-01`; without it, all of them. */
  since?: string | undefined;
}

/** `hook.completed`: a `hook.post_tool_use` or `hook.post_tool_use_failure`. */
export interface HookCompleted {
  /** The hook, as Claude Code names it. */
  hookType: string;
  /** The tool. */
  toolName: string;
  /** Whether it did what it was asked to. */
  success: boolean;
}

/**
 * A hook's payload as it came, with these fields added where it tells of a tool call.
 *
 * The payload's own fields (`session_id`, `hook_event_name`, `tool_name`, …) are Claude Code's and stand beside
 * them.
 */
export interface HookData {
  /** The tool. */
  toolName?: string | undefined;
  /** The tool call, as Claude Code names it. */
  toolUseId?: string | undefined;
  /** What the tool was called with, as JSON, at most 500 characters. */
  inputSummary?: string | undefined;
  /** What came out, at most 500 characters. */
  outputSummary?: string | undefined;
  /** What went wrong. */
  error?: string | undefined;
  /** Whether the owner interrupted it. */
  isInterrupt?: boolean | undefined;
  [field: string]: unknown;
}

/** `hook.started`: a `hook.pre_tool_use`. */
export interface HookStarted {
  /** The hook, as Claude Code names it. */
  hookType: string;
  /** The tool. */
  toolName: string;
}

export type LimitType = "five_hour" | "seven_day" | "spend_limit";

/** An MCP server asks the owner something. */
export interface McpElicitation {
  /** What it asks. */
  question: string;
  /** The MCP server. */
  serverName?: string | undefined;
  /** `form` or `url`. */
  mode?: string | undefined;
  /** The JSON Schema of the answer. */
  schema?: unknown | undefined;
  /** The answers to choose from. */
  options?: unknown[] | undefined;
  /** How long it waits. */
  timeout?: number | undefined;
  /** Who told of it. */
  source?: string | undefined;
}

/** The owner answered an MCP server, or did not. */
export interface McpElicitationResult {
  /** `accept`, `decline` or `cancel`. */
  action?: string | undefined;
  /** The answer, as JSON. */
  answer?: string | undefined;
  /** The MCP server. */
  serverName?: string | undefined;
  /** Who told of it. */
  source?: string | undefined;
}

/** An MCP server's status; only from the original's payload form of SessionStart. */
export interface McpServerStatus {
  /** The MCP server. */
  serverName: string;
  /** As Claude Code says it. */
  status: string;
  /** Where it is. */
  url?: string | undefined;
  /** What it offers. */
  tools?: unknown[] | undefined;
}

/** A block of the answer: one event per transcript line. `messageId` ties the lines of one API message. */
export interface MessageAssistant {
  /** The block, as the API has it: text, thinking, a tool call. */
  contentBlocks: unknown[];
  /** The transcript line, as Claude Code names it. */
  uuid?: string | undefined;
  /** The model. */
  model?: string | undefined;
  /** What it spent, as the API counts it. */
  usage?: { [name: string]: unknown } | undefined;
  /** The API message that the block is part of. */
  messageId?: string | undefined;
}

/** The API refused, and Claude Code gave up. */
export interface MessageError {
  /** The kind of error, such as `rate_limit`. */
  error: string;
  /** The HTTP status of the API's answer. */
  status?: number | undefined;
  /** The text. */
  text: string;
}

/**
 * The end of a turn. `numTurns` is one more than its tool calls, as Claude Code counts.
 *
 * `usage` has its tokens, and those of subagents that work on when their own turn is over: in it, or before it.
 */
export interface MessageResult {
  /** How the turn ended. */
  subtype: "error_during_execution" | "interrupted" | "success";
  /** How long it took, in ms. */
  durationMs?: number | undefined;
  /** As Claude Code counts: one for each turn, and one for each result of a tool call of the main agent. */
  numTurns?: number | undefined;
  /** Cost in US dollars, of the models that have a price. */
  totalCostUsd?: number | undefined;
  /** What it spent, as the API counts it. */
  usage?: { [name: string]: number } | undefined;
}

/** A prompt. Reminders, task notifications, the echoes of commands and what others say are `isSynthetic`. */
export interface MessageUser {
  /** The text. */
  text: string;
  /** The transcript line, as Claude Code names it. */
  uuid?: string | undefined;
  /** Whether nobody typed it: a reminder, a notification, the echo of a command. */
  isSynthetic?: boolean | undefined;
  /** The prompt, as Claude Code names it. */
  promptId?: string | undefined;
}

/** The tokens of one model, and their cost in US dollars, null where the model has no price. */
export interface ModelUsage {
  /** Input tokens that no cache held. */
  inputTokens: number;
  /** Output tokens. */
  outputTokens: number;
  /** Input tokens written to the cache. */
  cacheCreationInputTokens: number;
  /** Input tokens read from the cache. */
  cacheReadInputTokens: number;
  /** Cost in US dollars; null: the model has no price. */
  costUsd: number | null;
}

export type Outcome = "ok" | "error" | "denied" | "interrupted" | "invalid";

/** How much of a limit of the account was used at `updatedAt`. After `resetsAt` that no longer holds. */
export interface RateLimit {
  /** Which limit. */
  type: LimitType;
  /** How much is used, in percent. */
  percentUsed: number;
  /** When the limit begins anew, in ms since 1970. */
  resetsAt: number;
  /** Whether Claude Code said so itself; otherwise it was worked out. */
  official: boolean;
  /** When it was told, in ms since 1970. */
  updatedAt: number;
}

export type RemovedReason = "process_exited" | "file_removed" | "manual" | "cleared" | "silent";

/** Sets the cursor back: the subscribed events with a greater seq come again, then live goes on. */
export interface ReplayMessage {
  type: "replay";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
  /** Begin after this `seq`. */
  lastSeq: number;
}

/** Which server this is. */
export interface ServerInfo {
  /** The server's version. */
  version: string;
  /** The version of the protocol; it changes when something promised no longer holds. */
  protocol: number;
  /** What the server can do beyond the first version. */
  features: string[];
}

/** How the service itself is. `store` is null where the log is in memory alone. */
export interface ServiceStatus {
  type: "status";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** The process of the service. */
  pid: number;
  /** When the service was started, in ms since 1970. */
  startedAt: number;
  /** CPU time that it took since its start. */
  cpuSeconds: number;
  /** Events since its start. */
  events: number;
  /** The WebSocket clients. */
  clients: ClientStatus[];
  /** How often a client was told that events are not kept any more. */
  gaps: number;
  /** Events that are kept in memory. */
  memoryEvents: number;
  /** Their size, in bytes. */
  memoryBytes: number;
  /** The log on disk. */
  store: StoreStatus | null;
  /** How often each part of the service told of a trouble, since its start. */
  troubles: { [name: string]: number };
  /** Hooks in the spool that wait. */
  hooksWaiting: number;
  /** Files in the spool that were no hooks, by kind. */
  hooksRejected: { [name: string]: number };
  /** Whether no transcript has lines that wait. */
  caughtUp: boolean;
  /** Lines of transcripts that could not be read. */
  brokenLines: number;
  /** Lines of transcripts of kinds that are not known, by kind. */
  unknownLines: { [name: string]: number };
}

/** The conversation was compacted. */
export interface SessionCompacted {
  /** `manual` or `auto`. */
  trigger: string;
  /** What the conversation was compacted to. */
  summary?: string | undefined;
}

/** A session appeared: its file, or where it has none its first hook or line. `pid` is null while unknown. */
export interface SessionDiscovered {
  /** The process; null while unknown. */
  pid: number | null;
  /** The session, as Claude Code names it. */
  sessionId: string;
  /** The folder that it works in. */
  cwd: string;
  /** When it began, in ms since 1970. */
  startedAt: number;
  /** The session's name. */
  name?: string | undefined;
  /** `interactive`, or `bg` for one in the background, which has no terminal of its own. */
  kind?: string | undefined;
  /** Names a session in the background, as for `claude attach`. */
  jobId?: string | undefined;
  /** How Claude Code was started, such as `cli`. */
  entrypoint?: string | undefined;
  /** Claude Code's version. */
  version?: string | undefined;
}

/** A session is over; sent once, when it is sure. `usage` is null for a session that never spent anything. */
export interface SessionEnded {
  /** Why. */
  reason: string;
  /** The session in the background in which its conversation goes on, under another id. */
  jobId?: string | undefined;
  /** How long the session was there, in ms. */
  durationMs?: number | undefined;
  /** What the session spent; null: nothing. */
  usage: SessionUsage | null;
}

/** A session's last events, oldest first, without `seq`; `more` if there are older ones. */
export interface SessionHistory {
  type: "session_history";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** The session, as Claude Code names it. */
  sessionId: string;
  /** Its events, oldest first. */
  events: EventEnvelope[];
  /** Whether there are older ones. */
  more?: boolean | undefined;
}

/** A session. `pid` is null while unknown; times are ms since 1970. */
export interface SessionInfo {
  /** The process; null while unknown. */
  pid: number | null;
  /** The session, as Claude Code names it. */
  sessionId: string;
  /** The folder that it works in. */
  cwd: string;
  /** When it began, in ms since 1970. */
  startedAt: number;
  /** When the service first saw it, in ms since 1970. */
  discoveredAt: number;
  /** What the session does. */
  state: State;
  /** Since when it is so, in ms since 1970. */
  since: number;
  /** What the owner is asked for. */
  waitingFor?: string | undefined;
  /** The call that waits for the owner. */
  tool?: WaitingTool | undefined;
  /** Why it failed. */
  error?: string | undefined;
  /** The session's name. */
  name?: string | undefined;
  /** The model. */
  model?: string | undefined;
  /** The branch that is checked out. */
  gitBranch?: string | undefined;
  /** What it may do without asking, such as `default` or `plan`. */
  permissionMode?: string | undefined;
  /** Claude Code's version. */
  version?: string | undefined;
  /** `interactive`, or `bg` for one in the background, which has no terminal of its own. */
  kind?: string | undefined;
  /** Names a session in the background, as for `claude attach`. */
  jobId?: string | undefined;
  /** How Claude Code was started, such as `cli`. */
  entrypoint?: string | undefined;
  /** What the session spent so far. */
  usage?: SessionUsage | undefined;
  /** How full its context window is. */
  context?: Context | undefined;
  /** The limits of the account, each as it was told last. */
  rateLimits?: RateLimit[] | undefined;
}

/** The sessions. */
export interface SessionList {
  type: "session_list";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** The sessions. */
  sessions: SessionInfo[];
}

/** A session that ended is no longer listed. */
export interface SessionRemoved {
  /** The session, as Claude Code names it. */
  sessionId: string;
  /** Why. */
  reason: RemovedReason;
}

/** A session has a new name. */
export interface SessionRenamed {
  /** The session's name. */
  name: string;
}

/** A session began: from SessionStart, or from its first line. */
export interface SessionStarted {
  /** Claude Code's version. */
  version?: string | undefined;
  /** The model. */
  model?: string | undefined;
  /** What it may do without asking, such as `default` or `plan`. */
  permissionMode?: string | undefined;
  /** The folder that it works in. */
  cwd?: string | undefined;
  /** `startup`, `resume`, `clear`, `compact` or `fork`. */
  source?: string | undefined;
}

/** A session's state is another one. The first one after `session.discovered` has no `previous`. */
export interface SessionStateChanged {
  /** What the session does. */
  state: State;
  /** What it did before. */
  previous?: State | undefined;
  /** Since when it is so, in ms since 1970. */
  since: number;
  /** What the owner is asked for. */
  waitingFor?: string | undefined;
  /** The call that waits for the owner. */
  tool?: WaitingTool | undefined;
  /** Why it failed. */
  error?: string | undefined;
}

/** The tokens of one session, its subagents' included. */
export interface SessionUsage {
  /** The session, as Claude Code names it. */
  sessionId: string;
  /** Input tokens that no cache held. */
  inputTokens: number;
  /** Output tokens. */
  outputTokens: number;
  /** Input tokens written to the cache. */
  cacheCreationInputTokens: number;
  /** Input tokens read from the cache. */
  cacheReadInputTokens: number;
  /** Cost in US dollars, of the models that have a price. */
  totalCostUsd: number;
  /** How long its turns took, in ms. */
  durationMs: number;
  /** How long the API took, in ms. */
  durationApiMs?: number | undefined;
  /** As Claude Code counts: one for each turn, and one for each result of a tool call of the main agent. */
  numTurns: number;
  /** The usage by model. */
  modelBreakdown: { [name: string]: ModelUsage };
  /** Models whose tokens are in no cost. */
  unpricedModels: string[];
  /** When it last changed, in ms since 1970. */
  lastUpdatedAt: number;
}

/** The usage of one session; zeros if it is not known. */
export interface SessionUsageReply {
  type: "usage";
  /** The session, as Claude Code names it. */
  sessionId: string;
  /** Input tokens that no cache held. */
  inputTokens: number;
  /** Output tokens. */
  outputTokens: number;
  /** Input tokens written to the cache. */
  cacheCreationInputTokens: number;
  /** Input tokens read from the cache. */
  cacheReadInputTokens: number;
  /** Cost in US dollars, of the models that have a price. */
  totalCostUsd: number;
  /** How long its turns took, in ms. */
  durationMs: number;
  /** How long the API took, in ms. */
  durationApiMs?: number | undefined;
  /** As Claude Code counts: one for each turn, and one for each result of a tool call of the main agent. */
  numTurns: number;
  /** The usage by model. */
  modelBreakdown: { [name: string]: ModelUsage };
  /** Models whose tokens are in no cost. */
  unpricedModels: string[];
  /** When it last changed, in ms since 1970. */
  lastUpdatedAt: number;
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
}

/** All sessions and agents at `headSeq`; also the first message on every connection. */
export interface Snapshot {
  type: "snapshot";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** The sessions. */
  sessions: SessionInfo[];
  /** The agents, each as it is now. */
  agents: AgentState[];
  /** The last `seq` given. */
  headSeq: number;
  /** Names the log that the numbers belong to. */
  epoch: string;
  /** Which server this is. */
  server: ServerInfo;
}

export type Source = "hook" | "transcript" | "session_file" | "status_line" | "server";

/** Tokens, and their cost in US dollars, null where none of them has a price. */
export interface Spending {
  /** Input tokens that no cache held. */
  inputTokens: number;
  /** Output tokens. */
  outputTokens: number;
  /** Input tokens written to the cache. */
  cacheCreationInputTokens: number;
  /** Input tokens read from the cache. */
  cacheReadInputTokens: number;
  /** API messages. */
  messages: number;
  /** Those of them whose tokens are in no cost. */
  unpricedMessages?: number | undefined;
  /** What they cost, in US dollars; null: none of them has a price. */
  totalCostUsd: number | null;
}

export type State = "running" | "requires_action" | "idle" | "background" | "failed" | "ended";

export type Status = "working" | "tool_running" | "idle" | "offline";

/** The log on disk. `behind` counts the events that are not in it yet. */
export interface StoreStatus {
  /** Its size, its journal included, in bytes. */
  size: number;
  /** When its oldest event happened, in ms since 1970; 0: it has none. */
  oldestAt: number;
  /** Events that are not on disk yet. */
  behind: number;
}

/** A piece of the answer as it is displayed; only with the setting `stream`. Its ids occur nowhere else. */
export interface StreamDelta {
  /** The text. */
  text: string;
  /** Its place in the answer, from 0. */
  index: number;
  /** Whether it is the last one. */
  final: boolean;
  /** What is displayed. */
  displayId: string;
  /** The turn. */
  turnId: string;
}

/** Asks for each raw transcript line of a session's main agent, or of one subagent. */
export interface SubscribeAgentLogMessage {
  type: "subscribe_agent_log";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
  /** The session, as Claude Code names it. */
  sessionId: string;
  /** The subagent; absent for the session's main agent. */
  agentId?: string | undefined;
}

/**
 * Adds topics, each for all sessions or for some; with `sinceSeq` the cursor is set back first.
 *
 * A connection that says `allOrNothing` is closed (4408) where it would get a `gap`. One that says `batchMs`
 * gets its events several at a time, as `events` messages; those of what is new come at least so many ms apart.
 */
export interface SubscribeMessage {
  type: "subscribe";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
  /** Topic patterns, at most 100: `*`, `tool.*`, `tool.use`. */
  topics: string[];
  /** The session, or the sessions, at most 1000, that the topics are wanted for; absent: all. */
  sessionId?: string | string[] | undefined;
  /** Begin after this `seq`, not now. */
  sinceSeq?: number | undefined;
  /** The log that `sinceSeq` is of, from a snapshot. */
  epoch?: string | undefined;
  /** Whether to be closed (4408) rather than to get a `gap`. */
  allOrNothing?: boolean | undefined;
  /** Have events come several to a message, `events`, and these so many ms apart, at least; at most 10,000. */
  batchMs?: number | undefined;
}

/** All topics of the connection now. `recovered` answers `sinceSeq`: whether nothing is missing. */
export interface Subscribed {
  type: "subscribed";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** All topics of the connection now. */
  topics: string[];
  /** The last `seq` given. */
  headSeq: number;
  /** Whether nothing is missing since `sinceSeq`. */
  recovered?: boolean | undefined;
  /** The oldest `seq` kept. */
  oldestSeq?: number | undefined;
}

/** An agent log is on. */
export interface SubscribedAgentLog {
  type: "subscribed_agent_log";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** The session, as Claude Code names it. */
  sessionId: string;
}

/** `claw-socket doctor` sent a hook of its own, to see whether hooks arrive here. It means nothing else. */
export interface SystemCheck {
  /** The check that it belongs to. */
  checkId: string;
}

/** Something in the service went wrong; details are only in its log. */
export interface SystemError {
  /** The part of the service. */
  source: string;
  /** A line for people. */
  message: string;
  /** Whether the service goes on as before. */
  recoverable: boolean;
}

/** An item of the session's task list. */
export interface Task {
  /** The item, as Claude Code names it. */
  taskId: string;
  /** What is to be done. */
  subject?: string | undefined;
  /** What is to be done, at length. */
  description?: string | undefined;
}

/** `tool.completed`: a `tool.result` that succeeded. `durationMs` is null where nobody measured it. */
export interface ToolCompleted {
  /** The tool. */
  toolName: string;
  /** The tool call, as Claude Code names it. */
  toolUseId: string;
  /** How long it took, in ms; null: nobody measured it. */
  durationMs: number | null;
  /** What came out, at most 500 characters. */
  outputSummary: string;
}

/** `tool.failed`: a `tool.result` that did not succeed. */
export interface ToolFailed {
  /** The tool. */
  toolName: string;
  /** The tool call, as Claude Code names it. */
  toolUseId: string;
  /** What went wrong. */
  error: string;
  /** Whether the owner interrupted it. */
  isInterrupt?: boolean | undefined;
}

/** A call was denied without asking. */
export interface ToolPermissionDenied {
  /** The tool. */
  toolName: string;
  /** The tool call, as Claude Code names it. */
  toolUseId?: string | undefined;
  /** Why. */
  reason?: string | undefined;
}

/** Claude Code asks its owner whether a call may run. */
export interface ToolPermissionRequested {
  /** The tool. */
  toolName: string;
  /** The tool call, as Claude Code names it. */
  toolUseId?: string | undefined;
  /** What the tool was called with, as JSON, at most 500 characters. */
  inputSummary: string;
  /** What Claude Code suggests to allow for good. */
  suggestions?: unknown | undefined;
}

/**
 * A tool call ended; once per `toolUseId`.
 *
 * `durationMs` is the tool's own time from the hook, or the span between two timestamps.
 */
export interface ToolResult {
  /** The tool. */
  toolName: string;
  /** The tool call, as Claude Code names it. */
  toolUseId: string;
  /** Whether it did what it was asked to. */
  success: boolean;
  /** How it ended. */
  outcome: Outcome;
  /** How long it took, in ms. */
  durationMs?: number | undefined;
  /** Whether the tool's own time, or the span between two timestamps. */
  durationSource?: "hook" | "timestamps" | undefined;
  /** What came out, at most 500 characters. */
  outputSummary: string;
  /** What went wrong. */
  error?: string | undefined;
  /** Whether the owner interrupted it. */
  isInterrupt?: boolean | undefined;
}

/** A finished tool call in an agent's history; `durationMs` is null where nobody measured it. */
export interface ToolRun {
  /** The tool. */
  toolName: string;
  /** What the tool was called with, as JSON, at most 500 characters. */
  inputSummary: string;
  /** How long it took, in ms; null: nobody measured it. */
  durationMs: number | null;
  /** Whether it did what it was asked to. */
  success: boolean;
  /** When it began, in ms since 1970. */
  startedAt: number;
}

/** A tool call began; once per `toolUseId`, from whichever source was first. */
export interface ToolUse {
  /** The tool. */
  toolName: string;
  /** The tool call, as Claude Code names it. */
  toolUseId: string;
  /** What the tool was called with, whole. */
  input: unknown;
  /** What the tool was called with, as JSON, at most 500 characters. */
  inputSummary: string;
}

/** The usage of all sessions. */
export interface TotalUsageReply {
  type: "usage";
  /** Cost in US dollars, of the models that have a price. */
  totalCostUsd: number;
  /** Input tokens of all sessions. */
  totalInputTokens: number;
  /** Output tokens of all sessions. */
  totalOutputTokens: number;
  /** How many sessions. */
  sessionCount: number;
  /** The usage by model. */
  modelBreakdown: { [name: string]: ModelUsage };
  /** The limits of the account, each as it was told last. */
  rateLimits?: RateLimit[] | undefined;
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
}

/** Ends the agent logs of a session, or all. */
export interface UnsubscribeAgentLogMessage {
  type: "unsubscribe_agent_log";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
  /** The session; absent: all of them. */
  sessionId?: string | undefined;
}

/** Drops topics. */
export interface UnsubscribeMessage {
  type: "unsubscribe";
  /** A number, or a string of at most 256 characters; the reply and errors echo it. */
  id?: string | number | undefined;
  /** Topic patterns, at most 100: `*`, `tool.*`, `tool.use`. */
  topics: string[];
}

/** The topics that are left. */
export interface Unsubscribed {
  type: "unsubscribed";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** The topics that are left. */
  topics: string[];
}

/** The agent logs of a session are off; null: all of them. */
export interface UnsubscribedAgentLog {
  type: "unsubscribed_agent_log";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** The session; null: all of them. */
  sessionId: string | null;
}

export type UsagePart = "day" | "project" | "model" | "session" | "agent" | "prompt";

/** How much of a limit of the account is used: as old as the event's `timestamp`. */
export interface UsageRateLimit {
  /** Which limit. */
  type: LimitType;
  /** How much is used, in percent. */
  percentUsed: number;
  /** When the limit begins anew, in ms since 1970. */
  resetsAt: number;
  /** Whether Claude Code said so itself; otherwise it was worked out. */
  official: boolean;
  /** Whether requests still pass. */
  allowed?: boolean | undefined;
  /** A line for people. */
  message?: string | undefined;
}

/** The usage of one session, or of all. */
export type UsageReply = SessionUsageReply | TotalUsageReply;

/** What all transcripts say was spent, each API message counted once, in the order of its parts. */
export interface UsageReport {
  type: "usage_report";
  /** Of the request that this belongs to. */
  id?: string | number | undefined;
  /** What it is summed up by: each row has these parts. */
  by: UsagePart[];
  /** The first day; null: all of them. */
  since: string | null;
  /** What was spent, by these parts. */
  rows: UsageRow[];
  /** All rows together. */
  total: Spending;
  /** Models whose tokens are in no cost. */
  unpricedModels: string[];
  /** Of which day the prices are. */
  pricesDate: string;
}

/** What was spent on a day, in a project, …: it has the parts that were asked for. */
export interface UsageRow {
  /** Input tokens that no cache held. */
  inputTokens: number;
  /** Output tokens. */
  outputTokens: number;
  /** Input tokens written to the cache. */
  cacheCreationInputTokens: number;
  /** Input tokens read from the cache. */
  cacheReadInputTokens: number;
  /** API messages. */
  messages: number;
  /** Those of them whose tokens are in no cost. */
  unpricedMessages?: number | undefined;
  /** What they cost, in US dollars, exact; null: none of them has a price. */
  totalCostUsd: number | null;
  /** The day, such as `2026-11-23`, in the time zone of the service; empty for messages without a time. */
  day?: string | undefined;
  /** The folder that the session works in. */
  project?: string | undefined;
  /** The model. */
  model?: string | undefined;
  /** The session, as Claude Code names it. */
  session?: string | undefined;
  /** The subagent; empty for the session itself. */
  agent?: string | undefined;
  /** The prompt, as Claude Code names it. */
  prompt?: string | undefined;
}

/** The call that waits for the owner. */
export interface WaitingTool {
  /** The tool. */
  name: string;
  /** What the tool was called with, as JSON, at most 500 characters. */
  inputSummary: string;
  /** The tool call, as Claude Code names it. */
  toolUseId?: string | undefined;
}

/** A git worktree of the session is gone. */
export interface WorktreeRemoved {
  /** The file or folder. */
  path: string;
}
