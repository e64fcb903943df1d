// The WebAssembly module: loaded once for everybody, and begun anew after a trap. Owns which instance of it lives.
import init, { __wbg_reset_state, panicMessage } from "./wasm/resonate.js";
import { BadInputError, faultOf, TrappedError } from "./errors.js";

/** Where the module comes from: compiled, as bytes, as the answer of a fetch, or where it lies. */
export type ModuleSource = WebAssembly.Module | BufferSource | Response | URL | string | Promise<WebAssembly.Module | BufferSource | Response>;

let loading: Promise<void> | undefined;
let instance = 0;
let trapped: TrappedError | undefined;

/** Loads the module, once: whoever is first decides where it comes from. */
export function load(source?: ModuleSource): Promise<void> {
  loading ??= Promise.resolve(source ?? beside())
    .then((found) => init({ module_or_path: found }))
    .then(
      () => undefined,
      (cause: unknown) => {
        loading = undefined;
        throw new BadInputError(`module: cannot be loaded (${String(cause)}): give its bytes, its URL or a WebAssembly.Module`, { cause });
      },
    );
  return loading;
}

/** The file beside this one. Node has no fetch for files. */
async function beside(): Promise<URL | BufferSource> {
  const url = new URL("./wasm/resonate_bg.wasm", import.meta.url);
  if (url.protocol !== "file:") return url;
  // Not a literal: bundlers for browsers would look for it.
  const files = "node:fs/promises";
  const { readFile } = (await import(/* @vite-ignore */ /* webpackIgnore: true */ files)) as { readFile(url: URL): Promise<BufferSource> };
  return readFile(url);
}

/** The number of the instance that lives: what an earlier one held is gone. */
export function instanceNumber(): number {
  return instance;
}

/** Throws when the instance of this number is out of order. */
export function checkInstance(number: number): void {
  if (number === instance && trapped === undefined) return;
  throw trapped ?? new TrappedError("another server of the module trapped, and the module was begun anew");
}

/** Makes an error of what a call to the module threw. Whatever is no fault is a trap. */
export function takeThrown(thrown: unknown): Error {
  const fault = faultOf(thrown);
  if (fault !== undefined) return fault;
  trapped ??= new TrappedError(lastWords(), thrown);
  return trapped;
}

function lastWords(): string {
  try {
    return panicMessage();
  } catch {
    return "";
  }
}

/** Begins the module anew if it has trapped. */
export function reviveModule(): void {
  if (trapped === undefined) return;
  __wbg_reset_state();
  instance += 1;
  trapped = undefined;
}
