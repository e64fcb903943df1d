// What a server is opened with.
import type { Wake } from "./alarm.js";
import type { Clock, ManualClock } from "./clock.js";
import type { HttpOptions } from "./http.js";
import type { ModuleSource } from "./module.js";
import type { Push } from "./post.js";
import type { Server } from "./server.js";
import type { Store } from "./store.js";

/** What a server is opened with. Everything has a default. */
export interface ServerOptions extends HttpOptions {
  /** Where the rows are kept; in memory by default. */
  store?: Store;
  /** What time it is; the system's by default. */
  clock?: Clock | ManualClock;
  /** Where the WebAssembly module comes from; the file beside the package by default. Whoever is first decides for everybody. */
  module?: ModuleSource;
  /** Milliseconds after which a dispatched task that nobody acquired is dispatched again. */
  retryTimeout?: number;
  /** Milliseconds that a message to a listener is tried. */
  unblockRetention?: number;
  /** The formal specification to the letter. */
  strict?: boolean;
  /** Whether the requests of debugging are obeyed; they are by default. */
  debug?: boolean;
  /** The URL that messages to workers carry. */
  serverUrl?: string;
  /** Sends messages to URLs: true for a POST by `fetch`, or a function that does. Without it they wait. */
  push?: boolean | Push;
  /** Takes over the waking: told the instant at which {@link Server.tick} is to be called next, whenever that changes. */
  wake?: Wake;
  /** Told what went wrong while nobody waited for it. By default it goes to the console. */
  onError?: (error: Error) => void;
}
