// Turns of the event loop, even where timers are mocked: what there is when this is loaded is kept.

const { setTimeout, MessageChannel } = globalThis;
const { setImmediate } = globalThis as { setImmediate?: (call: () => void) => void };

/** Resolves in a later turn of the event loop. */
export function macrotask(): Promise<void> {
  if (setImmediate !== undefined) return new Promise((resolve) => setImmediate(resolve));
  if (MessageChannel === undefined) return new Promise((resolve) => void setTimeout(resolve, 0));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Resolves in a while that is short, but no busy waiting. */
export function realMillisecond(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 1));
}
