// The package as strangers get it: packed, installed in a fresh folder, used from plain JavaScript, checked by TypeScript.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const run = (program: string, args: string[], cwd: string) => execFileSync(program, args, { cwd, encoding: "utf8", stdio: "pipe" });

const MAIN = `
import { ManualClock, Server } from "resonate-wasm";
import { WasmNetwork } from "resonate-wasm/network";
import { indexedDb } from "resonate-wasm/indexeddb";

const clock = new ManualClock(0);
const server = await Server.open({ clock });
const request = (kind, data) => ({ kind, head: { corrId: "1", version: "2026-04-01" }, data });
await server.process(request("promise.create", { id: "a", timeoutAt: 1000 }));
await server.advance(1000);
const { data } = await server.process(request("promise.get", { id: "a" }));
const wasm = import.meta.resolve("resonate-wasm/resonate.wasm").split("/").pop();
console.log(data.promise.state, wasm, new WasmNetwork(server).match("g"), typeof indexedDb);
await server.close();
`;

const TYPED = `
import { BadInputError, type Message, ManualClock, Server, StoreError } from "resonate-wasm";
import { indexedDb } from "resonate-wasm/indexeddb";

const server: Server = await Server.open({ clock: new ManualClock(), store: indexedDb("name", { wait: true }) });
const bytes: Uint8Array = await server.process(new Uint8Array(0));
const text: string = await server.process("");
server.connect({ group: "g", worker: "w" }, (message: Message) => {
  if (message.kind === "execute") console.log(message.data.task.version.toFixed());
});
const error = new StoreError("full", "full") satisfies Error;
console.log(bytes, text, error.fault === "full", BadInputError.name);
// @ts-expect-error: a clock tells numbers
await Server.open({ clock: () => "now" });
`;

test("the tarball works in a fresh folder, from JavaScript and from TypeScript", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "resonate-package-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder], PACKAGE));
  const files: string[] = packed.files.map(({ path }: { path: string }) => path);
  for (const file of ["dist/index.js", "dist/index.d.ts", "dist/wasm/resonate_bg.wasm", "README.md", "LICENSE"]) {
    assert.ok(files.includes(file), file);
  }
  assert.deepEqual(files.filter((file) => !/^(dist\/|README.md$|LICENSE$|package.json$)/.test(file)), []);
  await writeFile(join(folder, "package.json"), '{"type":"module","private":true}');
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--no-package-lock", join(folder, packed.filename)], folder);
  await writeFile(join(folder, "main.js"), MAIN);
  assert.equal(run(process.execPath, ["main.js"], folder), "rejected_timedout resonate_bg.wasm poll://any@g function\n");
  const [, example = ""] = /```js\n([^]*?)```/.exec(await readFile(join(PACKAGE, "README.md"), "utf8")) ?? [];
  await writeFile(join(folder, "example.js"), example);
  assert.match(run(process.execPath, ["example.js"], folder), /kind: 'unblock'/);
  await writeFile(join(folder, "typed.ts"), TYPED);
  const lib = "es2023,esnext.disposable,dom,dom.iterable";
  const flags = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--types", "", "--lib", lib];
  run(join(PACKAGE, "node_modules/.bin/tsc"), [...flags, "typed.ts"], folder);
});

test("every entry of the package is there", async () => {
  const { exports } = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8"));
  const targets = JSON.stringify(exports).match(/\.\/dist[^"]*/g) ?? [];
  assert.ok(targets.length > 0);
  for (const target of targets) await access(join(PACKAGE, target));
});
