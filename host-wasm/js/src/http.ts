// Both JSON protocols over the web's Request and Response. Owns routes, bounds of bodies, and which pages may call; what a request means is the
// module's.
import { ClosedError, StoreError } from "./errors.js";
import { toJsonBytes } from "./json.js";
import { messages } from "./sse.js";
import type { Server } from "./server.js";

/** How a server answers HTTP. */
export interface HttpOptions {
  /** Bytes of the largest body; 4 MiB by default. */
  bodyLimit?: number;
  /** The origins whose pages may call, such as `https://example.com`; `*` for any. Nobody's by default. */
  cors?: string[];
}

/** Answers one call of the protocols, whatever transport it came by. */
export interface Desk {
  envelope(body: Uint8Array): Promise<Answer>;
  rest(call: RestCall): Promise<Answer>;
}

/** A call of the 2023 API. A header that was given twice is one with a comma here: `Headers` does not tell them apart. */
export interface RestCall {
  method: string;
  path: string;
  query: string;
  key: string | undefined;
  strict: string | undefined;
  body: Uint8Array;
}

/** An answer as HTTP has it. */
export interface Answer {
  status: number;
  body: Uint8Array;
  /** The methods that the path takes, of an answer to a wrong one. */
  allow?: string | undefined;
}

const BODY_BYTES_MAX = 4 << 20;
const JSON_TYPE = "application/json";
const HEADERS_ALLOWED = "authorization, cache-control, content-type, idempotency-key, if-none-match, last-event-id, strict";
const PREFLIGHT_SECONDS = "86400";

/** A body that is larger than may be. */
class TooLarge extends Error {}

/** A body that breaks off. */
class Unreadable extends Error {}

/** Answers a request. */
export async function respond(server: Server, desk: Desk, options: HttpOptions, request: Request): Promise<Response> {
  const allowed = allowedOrigin(options.cors ?? [], request);
  if (request.method === "OPTIONS" && allowed !== undefined && request.headers.has("access-control-request-method")) {
    return preflight(allowed);
  }
  const response = await route(server, desk, options.bodyLimit ?? BODY_BYTES_MAX, request);
  if (allowed !== undefined) {
    response.headers.set("access-control-allow-origin", allowed);
    response.headers.append("vary", "origin");
  }
  return response;
}

async function route(server: Server, desk: Desk, bodyLimit: number, request: Request): Promise<Response> {
  const { pathname: path, search } = new URL(request.url);
  const { method } = request;
  try {
    if (path === "/") return method === "POST" ? await envelope(desk, bodyLimit, request) : wrongMethod(method, path, "POST");
    if (path === "/promises" || path.startsWith("/promises/")) return await rest(desk, bodyLimit, request, path, search.slice(1));
    if (path.startsWith("/poll/")) return method === "GET" ? poll(server, path) : wrongMethod(method, path, "GET");
    if (path === "/health" || path === "/ready") {
      return method === "GET" || method === "HEAD" ? new Response(null) : wrongMethod(method, path, "GET, HEAD");
    }
    return error(404, `there is nothing at ${path}`);
  } catch (thrown) {
    return failure(thrown);
  }
}

async function envelope(desk: Desk, bodyLimit: number, request: Request): Promise<Response> {
  try {
    return json(await desk.envelope(await read(request, bodyLimit)));
  } catch (thrown) {
    // Clients of today's protocol read envelopes only.
    const { status, why } = reason(thrown);
    const head = { corrId: "0", status, version: "2026-04-01" };
    return json({ status, body: toJsonBytes("answer", { kind: "unknown", head, data: why }) });
  }
}

async function rest(desk: Desk, bodyLimit: number, request: Request, path: string, query: string): Promise<Response> {
  const { method, headers } = request;
  const body = await read(request, bodyLimit);
  const [key, strict] = [headers.get("idempotency-key") ?? undefined, headers.get("strict") ?? undefined];
  const answer = await desk.rest({ method, path, query, key, strict, body });
  const response = json(answer);
  if (answer.allow !== undefined) response.headers.set("allow", answer.allow);
  return response;
}

function poll(server: Server, path: string): Response {
  const parts = path.split("/").slice(2);
  const [group = "", worker = ""] = parts;
  if (parts.length !== 2 || group === "" || worker === "") return error(404, `there is nothing at ${path}: poll at /poll/{group}/{id}`);
  let subscriber: { group: string; worker: string };
  try {
    subscriber = { group: decodeURIComponent(group), worker: decodeURIComponent(worker) };
  } catch {
    return error(400, "group and id must be percent-encoded UTF-8");
  }
  if (Object.values(subscriber).some((name) => name.includes("\0"))) return error(400, "group and id must not contain NUL characters");
  const headers = { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" };
  return new Response(messages(server, subscriber), { headers });
}

/** The whole body, within bounds. */
async function read(request: Request, limit: number): Promise<Uint8Array> {
  const tooLarge = () => new TooLarge(`the body is larger than ${limit} bytes: send less, or raise bodyLimit`);
  if (Number(request.headers.get("content-length") ?? 0) > limit) throw tooLarge();
  if (request.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = request.body.getReader();
  const read = () =>
    reader.read().catch((why: unknown) => {
      throw new Unreadable(`the body breaks off (${String(why)}): send all of it`);
    });
  for (let next = await read(); !next.done; next = await read()) {
    bytes += next.value.length;
    if (bytes > limit) {
      await reader.cancel();
      throw tooLarge();
    }
    chunks.push(next.value);
  }
  if (chunks.length === 1 && chunks[0] !== undefined) return chunks[0];
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function json({ status, body }: Answer): Response {
  return new Response(body as Uint8Array<ArrayBuffer>, { status, headers: { "content-type": JSON_TYPE } });
}

function error(status: number, why: string): Response {
  return json({ status, body: toJsonBytes("error", { error: why }) });
}

function wrongMethod(method: string, path: string, allow: string): Response {
  const response = error(405, `${method} does not go with ${path}`);
  response.headers.set("allow", allow);
  return response;
}

function reason(thrown: unknown): { status: number; why: string } {
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof TooLarge) return { status: 413, why };
  if (thrown instanceof Unreadable) return { status: 400, why };
  return { status: thrown instanceof StoreError || thrown instanceof ClosedError ? 503 : 500, why };
}

function failure(thrown: unknown): Response {
  const { status, why } = reason(thrown);
  return error(status, why);
}

function allowedOrigin(origins: string[], request: Request): string | undefined {
  const origin = request.headers.get("origin");
  if (origin === null) return undefined;
  if (origins.includes("*")) return "*";
  return origins.includes(origin) ? origin : undefined;
}

function preflight(allowed: string): Response {
  const headers = {
    "access-control-allow-origin": allowed,
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": HEADERS_ALLOWED,
    "access-control-max-age": PREFLIGHT_SECONDS,
    vary: "origin",
  };
  return new Response(null, { status: 204, headers });
}
