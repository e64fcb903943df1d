// The errors of the package. Owns their names; every message names what is wrong and what helps.

/** Any error of this package. */
export class ResonateWasmError extends Error {
  override readonly name: string = "ResonateWasmError";
}

/** The caller gave something that does not fit. Nothing has changed. */
export class BadInputError extends ResonateWasmError {
  override readonly name = "BadInputError";
}

/** The server was closed. */
export class ClosedError extends ResonateWasmError {
  override readonly name = "ClosedError";
}

/**
 * The module trapped: a defect of it, or its memory is exhausted. All servers of the module are out of order from then on; each says so by this
 * error until it is restored. Opening another server begins the module anew.
 */
export class TrappedError extends ResonateWasmError {
  override readonly name = "TrappedError";
  /** What the module said last; empty when it said nothing. */
  readonly panicMessage: string;

  constructor(panicMessage: string, cause?: unknown) {
    const said = panicMessage === "" ? String(cause) : panicMessage;
    super(`the module trapped (${said}): restore() the server, over a store or from its last snapshot()`, { cause });
    this.panicMessage = panicMessage;
  }
}

/** Why a store failed. */
export type StoreFault = "failed" | "locked" | "full" | "denied" | "closed";

/** The store failed. What was asked for is not acknowledged, and nothing of it is half written. */
export class StoreError extends ResonateWasmError {
  override readonly name: string = "StoreError";
  /** Why. */
  readonly fault: StoreFault;

  constructor(message: string, fault: StoreFault = "failed", cause?: unknown) {
    super(message, { cause });
    this.fault = fault;
  }
}

/** Somebody else has the store: another tab, another server of this page. */
export class StoreLockedError extends StoreError {
  override readonly name = "StoreLockedError";

  constructor(message: string, cause?: unknown) {
    super(message, "locked", cause);
  }
}

/** Makes sense of what a call to the module threw: its own faults are the JSON text of `{kind, error}`. Nothing when it is no fault. */
export function faultOf(thrown: unknown): ResonateWasmError | undefined {
  if (typeof thrown !== "string") return undefined;
  const { kind, error } = JSON.parse(thrown) as { kind: string; error: string };
  return kind === "bad_input" ? new BadInputError(error) : new StoreError(error);
}
