// A durable promise server at the edge: a worker that passes requests on, and a Durable Object that answers them. Owns which object a request
// belongs to, who may ask, and when an object wakes up; the rest is the package's.
import { DurableObject } from "cloudflare:workers";
import { Server, TrappedError } from "resonate-wasm";
import { DurableObjectStore } from "resonate-wasm/durable-object";
import module from "resonate-wasm/resonate.wasm";

/** Bytes of the largest body. A row of SQLite ends at 2 MB here, and a promise holds what it was created with and what it was settled with. */
const BODY_BYTES_MAX = 960_000;

/** The last instant for which an alarm can be set: JavaScript's dates end there. What is due later is due never. */
const ALARM_MAX = 8.64e15;

/**
 * One server: its promises, tasks and schedules lie in the object's SQLite, and only what a request needs is loaded. Between two requests it may be
 * put to sleep or moved: the next request or alarm opens it again over the same rows.
 *
 * An answer leaves an object once what it has written is durable: that is the platform's output gate, so that an answer is an acknowledgement.
 * Messages wait for the store to be synced. The alarm is set in the same turn as the rows are written, and becomes durable with them.
 */
export class PromiseServer extends DurableObject {
  /** @type {Server} */
  #server;

  constructor(ctx, env) {
    super(ctx, env);
    // Requests wait until it is open. If that fails the object is begun anew by the next one.
    ctx.blockConcurrencyWhile(async () => {
      this.#server = await Server.open({
        module,
        store: new DurableObjectStore(ctx.storage),
        wake: (at) => void this.#arm(at),
        bodyLimit: BODY_BYTES_MAX,
        push: env.PUSH === "on",
        debug: env.DEBUG === "on",
      });
    });
  }

  /** Answers a request. Where the module has trapped the next one finds the server opened anew over the rows; connections stay. */
  async fetch(request) {
    const response = await this.#server.fetch(request);
    if (response.status === 500) await this.#revive();
    return response;
  }

  /** Does what is due, although nobody asks. When it fails the platform tries again. */
  async alarm() {
    try {
      await this.#server.tick();
    } catch (error) {
      await this.#revive();
      throw error;
    }
    // An alarm that has gone off is no longer set, even if the next instant is the same.
    await this.#arm(this.#server.nextWakeup());
  }

  /** Opens the server anew over the rows if the module has trapped. Whatever else went wrong has not harmed it. */
  async #revive() {
    try {
      this.#server.nextWakeup();
    } catch (error) {
      if (error instanceof TrappedError) await this.#server.restore();
    }
  }

  /** Wakes this object at an instant, or never. */
  #arm(at) {
    const { storage } = this.ctx;
    return at === undefined || at > ALARM_MAX ? storage.deleteAlarm() : storage.setAlarm(at);
  }
}

/** The object of every request, where tenants are not told apart. */
const ONLY = "default";

export default {
  /** Passes a request on to the object that it belongs to. */
  async fetch(request, env) {
    if (!(await mayAsk(request, env.TOKEN))) {
      return refusal(401, "a bearer token is required: send 'Authorization: Bearer …'", { "www-authenticate": "Bearer" });
    }
    const found = tenantOf(request, env.TENANT_BY ?? "");
    if (found === undefined) return refusal(400, `the request names no tenant, and TENANT_BY is '${env.TENANT_BY}'`);
    const server = env.SERVERS.get(env.SERVERS.idFromName(found.tenant));
    return server.fetch(found.request);
  },
};

/** Whether a request carries the token, if there is one. */
async function mayAsk(request, token) {
  if (!token) return true;
  const given = request.headers.get("authorization") ?? "";
  // Digests are of one length, and comparing them tells nothing about either text.
  const digest = (text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return crypto.subtle.timingSafeEqual(await digest(given), await digest(`Bearer ${token}`));
}

/**
 * The tenant of a request, and the request as its server sees it: by `host`, by `header:NAME`, or by `path`, whose first segment then is the
 * tenant's. Nothing when the request names none.
 */
function tenantOf(request, by) {
  const url = new URL(request.url);
  if (by === "") return { tenant: ONLY, request };
  if (by === "host") return { tenant: url.hostname, request };
  if (by.startsWith("header:")) {
    const tenant = request.headers.get(by.slice("header:".length));
    return tenant ? { tenant, request } : undefined;
  }
  if (by === "path") {
    const [, tenant, rest] = /^\/([^/]+)(\/.*)?$/.exec(url.pathname) ?? [];
    if (tenant === undefined) return undefined;
    url.pathname = rest ?? "/";
    return { tenant, request: new Request(url, request) };
  }
  throw new Error(`TENANT_BY must be empty, 'host', 'path' or 'header:NAME', not '${by}'`);
}

function refusal(status, error, headers = {}) {
  return Response.json({ error }, { status, headers });
}
