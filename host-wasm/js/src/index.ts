// What the package is: see the README.
export { type Clock, type InstallOptions, ManualClock } from "./clock.js";
export type { ConnectOptions, Connection, Deliver, Subscriber } from "./connections.js";
export { BadInputError, ClosedError, ResonateWasmError, StoreError, type StoreFault, StoreLockedError, TrappedError } from "./errors.js";
export type { ModuleSource } from "./module.js";
export type { AdvanceOptions } from "./passing.js";
export type { Push } from "./post.js";
export type { Message, RequestEnvelope, ResponseEnvelope, Went } from "./protocol.js";
export { Server } from "./server.js";
export type { ServerOptions } from "./options.js";
export { type Changes, type CopyStore, type MemoryStore, type RowStore, type Store, memory } from "./store.js";
