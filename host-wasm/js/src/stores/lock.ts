// Who has a store, among all tabs of an origin. Owns the holding of a Web Lock.

/** A lock that is held. */
export interface Lock {
  /** Whether somebody took it away. */
  readonly isLost: boolean;
  /** Lets go of it. */
  release(): void;
}

/**
 * Takes an exclusive lock, at once or when it is free. Where the browser knows no locks there is nothing to take, and the store must notice others
 * by itself.
 *
 * @throws What `taken` gives, when somebody else has it and it is not to be waited for.
 */
export async function acquire(name: string, wait: boolean, taken: () => Error): Promise<Lock> {
  const locks = (globalThis.navigator as { locks?: LockManager } | undefined)?.locks;
  if (locks === undefined) return { isLost: false, release: () => undefined };
  return new Promise((resolve, reject) => {
    let release = () => undefined as void;
    let isLost = false;
    const held = new Promise<void>((let_go) => {
      release = let_go;
    });
    const lock: Lock = {
      get isLost() {
        return isLost;
      },
      release: () => release(),
    };
    const take = (granted: unknown) => {
      if (granted === null) return reject(taken());
      resolve(lock);
      return held;
    };
    locks.request(name, { mode: "exclusive", ifAvailable: !wait }, take).catch((cause: unknown) => {
      isLost = true;
      reject(cause);
    });
  });
}
