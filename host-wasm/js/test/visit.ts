// Visits of the playground: the page that was built, opened in a browser, and what tests ask of it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BrowserContext, Page } from "playwright-core";
import { openPage, PACKAGE } from "./browser.ts";

export const ROOT = join(PACKAGE, "../..");

/** What the page has at hand for tests. */
declare global {
  var playground: any;
}

export interface Visit {
  page: Page;
  errors: string[];
}

/** Builds the page from the modules that are there, into a folder or where it belongs. One that is too large is built all the same. */
export async function buildPlayground(out?: string): Promise<void> {
  const env = { ...process.env, WASM: "kept", ...(out === undefined ? {} : { OUT: out }) };
  await promisify(execFile)("scripts/build_playground.sh", { cwd: ROOT, env }).catch(() => undefined);
}

export async function open(context: BrowserContext, url: string, fragment = ""): Promise<Visit> {
  const opened = await openPage(context, `${url}/playground/index.html${fragment}`);
  await ready(opened.page);
  return opened;
}

const ready = (page: Page) => page.waitForFunction(() => document.documentElement.dataset["ready"] !== undefined);

/** Ends a visit, on which nothing may have gone wrong. */
export async function leave({ page, errors }: Visit): Promise<void> {
  await page.close();
  assert.deepEqual(errors, []);
}

/** The step that is shown, and the last one. */
export const where = (page: Page): Promise<[number, number]> => page.evaluate(() => [playground.at, playground.length]);
