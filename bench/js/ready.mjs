// How long a page takes from the navigation to its mark "ready", in a browser that has never seen it. One line of JSON at the end.
// usage: node ready.mjs FOLDER_OF_THE_PAGE TIMES
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, extname, join, resolve, sep } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const READY_WITHIN_MS = 30_000;

const [folder, times] = process.argv.slice(2);
const root = resolve(folder);
const { chromium } = createRequire(join(import.meta.dirname ?? ".", "../../host-wasm/js/package.json"))("playwright-core");

/** The browser of this machine. */
function browser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const found = (process.env.PATH ?? "").split(delimiter).flatMap((place) => names.map((name) => join(place, name)));
  const first = found.find((path) => existsSync(path));
  if (first === undefined) throw new Error("there is no chromium: install it, or name it in CHROMIUM");
  return first;
}

/** The files of the page, on a port of loopback. */
async function serve() {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const file = join(root, path.endsWith("/") ? `${path}index.html` : path);
    if (!file.startsWith(root + sep) || !existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

async function once(url) {
  const profile = mkdtempSync(join(tmpdir(), "resonate-bench-"));
  const context = await chromium.launchPersistentContext(profile, { executablePath: browser(), headless: true, args: ARGUMENTS });
  try {
    const page = await context.newPage();
    await page.goto(url, { waitUntil: "commit" });
    const marked = () => performance.getEntriesByName("ready", "mark")[0]?.startTime ?? null;
    // A mark counts from the navigation.
    return await (await page.waitForFunction(marked, undefined, { timeout: READY_WITHIN_MS, polling: 20 })).jsonValue();
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

const server = await serve();
const taken = [];
for (let time = 0; time < Number(times); time += 1) taken.push(await once(`http://127.0.0.1:${server.address().port}/`));
server.close();
taken.sort((a, b) => a - b);
console.log(JSON.stringify({ medianMs: taken[Math.floor(taken.length / 2)], worstMs: taken.at(-1) }));
process.exit(0);
