// What the module does is what its declarations say: `made` is the module's own source, typed by its comments.
import type * as declared from "claw-socket";
import * as made from "./made/client.js";

export const connect: (options?: declared.ConnectOptions) => Promise<Pick<declared.Claw, keyof declared.Claw>> =
  made.connect as (options?: declared.ConnectOptions) => Promise<Made>;
type Instance = Awaited<ReturnType<typeof made.connect>>;
/** The module itself does not know which events a topic gives, and which usage a question. */
type Made = Omit<Instance, "events" | "usage"> & Pick<declared.Claw, "events" | "usage">;

type Stream = ReturnType<Instance["events"]>;
export const stream = (one: Stream): declared.Events => one;
export const usage = (one: Instance): Promise<declared.SessionUsage> => one.usage("a", {});
export const oldest: declared.Position = made.OLDEST;
export const errors: Pick<typeof declared, "NoServerError" | "TokenRefusedError" | "RequestError" | "FolderError"> = made;
