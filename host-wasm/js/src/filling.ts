// A machine as it begins: empty, over rows, or filled from a copy or a snapshot. Owns that nothing has changed when that fails.
import { Engine } from "./engine.js";
import type { CopyStore, Store } from "./store.js";

/**
 * A machine filled with what the store holds, or with a snapshot in place of that. `options` is JSON; `checkOpen` throws once nobody wants it any
 * more.
 */
export async function fill(store: Store, options: string, snapshot: Uint8Array | undefined, checkOpen: () => void): Promise<Engine> {
  checkOpen();
  const engine = Engine.open(options, store.kind === "rows" ? store : undefined);
  try {
    if (snapshot !== undefined) engine.restore(snapshot);
    if (store.kind === "copy") await fillFromCopy(engine, store, snapshot !== undefined, checkOpen);
    return engine;
  } catch (error) {
    engine.close();
    throw error;
  }
}

async function fillFromCopy(engine: Engine, store: CopyStore, isFull: boolean, checkOpen: () => void): Promise<void> {
  const rows = await store.open();
  checkOpen();
  // In the module's own spelling, whoever wrote the snapshot: changes name rows by it.
  if (isFull) await store.replace(engine.snapshot());
  else if (rows !== undefined) engine.restore(rows);
  checkOpen();
  engine.noteChanges();
}
