// Messages to URLs by a POST.
import type { Message } from "./protocol.js";

/** How long a URL may take. */
const PUSH_MILLIS_MAX = 10_000;

/** Posts a message as JSON; whatever is not 2xx means that it has not arrived. */
export async function sendByFetch(address: string, message: Message): Promise<void> {
  const response = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(message),
    signal: AbortSignal.timeout(PUSH_MILLIS_MAX),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${address} answers ${response.status}`);
}
