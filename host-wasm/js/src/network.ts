// A server in this process as the network of an SDK client: workflows run without any other process. Owns nothing but the adapting.
import type { Message, Network, Request, Response } from "@resonatehq/sdk";
import type { Connection } from "./connections.js";
import { BadInputError } from "./errors.js";
import type { Server } from "./server.js";
import { macrotask } from "./tasks.js";

/** Who the client is. */
export interface WasmNetworkOptions {
  /** Its group; `default` where none is given. */
  group?: string;
  /** Its name in the group, which must be its own; a random one where none is given. */
  pid?: string;
}

/** The network of a client whose server is in this process. */
export class WasmNetwork implements Network {
  readonly unicast: string;
  readonly anycast: string;
  readonly #server: Server;
  readonly #group: string;
  readonly #pid: string;
  readonly #callbacks: ((message: Message) => void)[] = [];
  /** The tasks that the client has acquired and not let go of. */
  readonly #held = new Set<string>();
  #connection: Connection | undefined;

  constructor(server: Server, { group = "default", pid = crypto.randomUUID().replaceAll("-", "") }: WasmNetworkOptions = {}) {
    this.#server = server;
    this.#group = group;
    this.#pid = pid;
    const place = `${encodeURIComponent(group)}/${encodeURIComponent(pid)}`;
    this.unicast = `poll://uni@${place}`;
    this.anycast = `poll://any@${place}`;
  }

  /** The address of a group. */
  match(target: string): string {
    return `poll://any@${target}`;
  }

  async init(): Promise<void> {
    const subscriber = { group: this.#group, worker: this.#pid };
    const isBusy = () => this.#held.size > 0;
    this.#connection ??= this.#server.connect(subscriber, (message) => this.#receive(message as Message), { isBusy });
  }

  /** Ends the connection. Messages for this client alone wait for another of its name. */
  async stop(): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
  }

  readonly send = async <K extends Request["kind"]>(request: Extract<Request, { kind: K }>): Promise<Extract<Response, { kind: K }>> => {
    this.#checkClock();
    const response = (await this.#server.process(request)) as Extract<Response, { kind: K }>;
    this.#note(request, response);
    return response;
  };

  readonly recv = (callback: (message: Message) => void): void => {
    this.#callbacks.push(callback);
  };

  /** Follows which tasks the client holds. */
  #note(request: Request, response: Response): void {
    const { status } = response.head;
    switch (request.kind) {
      case "task.create":
        if (isAcquired(response)) this.#held.add(request.data.action.data.id);
        return;
      case "task.acquire":
        if (status === 200) this.#held.add(request.data.id);
        return;
      case "task.suspend":
        // A redirect: it goes on.
        if (status !== 300) this.#held.delete(request.data.id);
        return;
      case "task.fulfill":
      case "task.release":
        this.#held.delete(request.data.id);
        return;
      default:
        return;
    }
  }

  /** In a turn of its own: a workflow of many steps lets others in between. */
  async #receive(message: Message): Promise<"delivered" | "unclaimed"> {
    await macrotask();
    if (this.#connection === undefined) return "unclaimed";
    for (const callback of this.#callbacks) callback(message);
    return "delivered";
  }

  /** The SDK takes its deadlines from `Date.now()`. In another time than the server's, every one of them would be wrong. */
  #checkClock(): void {
    const clock = this.#server.manualClock;
    if (clock === undefined || Date.now() === clock.now()) return;
    throw new BadInputError("clock: the SDK takes its deadlines from Date.now(), which is not this clock's time: call clock.install() first");
  }
}

function isAcquired({ head: { status }, data }: Response): boolean {
  return status === 200 && typeof data === "object" && "task" in data && data.task?.state === "acquired";
}
