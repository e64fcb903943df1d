// How many requests a second the module answers in Node: creates and settles, as bytes and as objects. One line of JSON at the end.
// usage: node process.mjs FOLDER_OF_THE_MODULE SECONDS [FOLDER_OF_THE_PACKAGE]
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const PAIRS = 10_000;
const NOW = 1_000;
const VERSION = "2026-04-01";

const [folder, seconds, packageFolder] = process.argv.slice(2);
const source = readFileSync(join(folder, "resonate.js"), "utf8");
// Its folder does not say that it is an ES module.
const { Machine, initSync } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
initSync({ module: readFileSync(join(folder, "resonate_bg.wasm")) });

function requests() {
  const head = (number) => ({ corrId: `c${number}`, version: VERSION });
  return Array.from({ length: PAIRS }, (_, number) => {
    const id = `promise-${String(number).padStart(8, "0")}`;
    const param = { data: "RHVyYWJsZSBQcm9taXNlIENyZWF0ZWQ=" };
    const value = { data: "RHVyYWJsZSBQcm9taXNlIFJlc29sdmVk" };
    return [
      { kind: "promise.create", head: head(number), data: { id, timeoutAt: 2524608000000, param, tags: {} } },
      { kind: "promise.settle", head: head(number), data: { id, state: "resolved", value } },
    ];
  }).flat();
}

const objects = requests();
const bytes = objects.map((request) => new TextEncoder().encode(JSON.stringify(request)));

/** Answers all requests with a new machine again and again; the best rate, which others on the machine have disturbed least. */
async function best(open, all, answer, close) {
  const until = performance.now() + Number(seconds) * 1_000;
  let best = 0;
  do {
    const machine = await open();
    const began = performance.now();
    for (const request of all) await answer(machine, request);
    best = Math.max(best, all.length / ((performance.now() - began) / 1_000));
    await close(machine);
  } while (performance.now() < until);
  return Math.round(best);
}

/** The same without waiting between two requests. */
function bestAtOnce(all, answer) {
  const until = performance.now() + Number(seconds) * 1_000;
  let best = 0;
  do {
    const machine = new Machine("");
    const began = performance.now();
    for (const request of all) answer(machine, request);
    best = Math.max(best, all.length / ((performance.now() - began) / 1_000));
    if (machine.status() !== 200) throw new Error(`the last answer had the status ${machine.status()}`);
    machine.free();
  } while (performance.now() < until);
  return Math.round(best);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const found = {
  node: process.version,
  bytes: bestAtOnce(bytes, (machine, request) => machine.process(request, NOW)),
  objects: bestAtOnce(objects, (machine, request) =>
    JSON.parse(decoder.decode(machine.process(encoder.encode(JSON.stringify(request)), NOW))),
  ),
};

const index = packageFolder && join(packageFolder, "index.js");
if (index && existsSync(index)) {
  const { ManualClock, Server } = await import(pathToFileURL(index).href);
  const open = () => Server.open({ clock: new ManualClock(NOW) });
  const answer = (server, request) => server.process(request);
  const close = (server) => server.close();
  found.packageBytes = await best(open, bytes, answer, close);
  found.packageObjects = await best(open, objects, answer, close);
}
console.log(JSON.stringify(found));
process.exit(0);
