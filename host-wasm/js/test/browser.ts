// A browser for tests: Chromium with a fresh profile, and a static file server on the loopback. Everything ends with the test that started it.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium, type Page } from "playwright-core";

/** Where Debian puts it; another one can be named. */
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
};

/** Whatever has an end for what it starts: a test, or a suite's hooks. */
export interface Lifetime {
  after(end: () => Promise<void>): void;
}

/**
 * Serves the files below a folder, and pages and scripts that are made up, by path. Returns the URL without a slash at its end.
 */
export async function serveFiles(life: Lifetime, root: string, pages: Record<string, string> = {}): Promise<string> {
  const server = createServer(async ({ url = "/" }, response) => {
    const path = decodeURIComponent(new URL(url, "http://localhost").pathname);
    const page = pages[path];
    try {
      const body = page ?? (await readFile(join(root, normalize(path))));
      const otherwise = page === undefined ? "application/octet-stream" : "text/html";
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? otherwise });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  life.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A profile of its own, on the disk. */
export async function newProfile(life: Lifetime): Promise<string> {
  const profile = await mkdtemp(join(tmpdir(), "resonate-browser-"));
  life.after(() => rm(profile, { recursive: true, force: true, maxRetries: 5 }));
  return profile;
}

/** Starts the browser over a profile: what pages store is there again when it is started again. */
export async function startBrowser(life: Lifetime, profile: string): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, headless: true, args: FLAGS });
  life.after(() => context.close());
  return context;
}

/** Opens a page, and keeps what goes wrong on it. */
export async function openPage(context: BrowserContext, url: string): Promise<{ page: Page; errors: string[] }> {
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors };
}

/** The folder of the package. */
export const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
