// The module before it is there: whoever opens the first server says where it comes from. A process of its own.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Server } from "../dist/index.js";

const FILE = new URL("../dist/wasm/resonate_bg.wasm", import.meta.url);

test("what is no module is a typed error, and another one may be tried", async () => {
  const wrongs = [
    () => new Uint8Array([0, 1, 2]),
    () => new Uint8Array(0),
    () => new Response("not found", { status: 404 }),
    () => Promise.reject(new Error("no such file")),
  ];
  for (const wrong of wrongs) {
    await assert.rejects(Server.open({ module: wrong() }), { name: "BadInputError", message: /^module: cannot be loaded/ });
  }
  const server = await Server.open({ module: await WebAssembly.compile(await readFile(FILE)) });
  await server.close();
});

test("servers that are opened at once share the module", async () => {
  const servers = await Promise.all([Server.open(), Server.open(), Server.open()]);
  for (const server of servers) await server.close();
});
