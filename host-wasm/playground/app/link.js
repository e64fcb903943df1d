// Histories in addresses and files. A link holds what was asked and when, compressed; the answers follow, since the core decides the same again. Or it
// names the seed of a simulated world, from which all of that follows.

import { Chronicle } from "./chronicle.js";
import { fromBase64, toBase64 } from "./payload.js";
import { Simulation } from "./simulation.js";

/** Longest fragment, in characters. */
export const LINK_MAX = 64 * 1024;
/** Largest file that is read. */
export const FILE_MAX = 64 * 1024 * 1024;
/** What a decompressed link may be: more is nobody's history. */
const TEXT_MAX = 32 * 1024 * 1024;
/** Steps that may find room in a link: more are not tried. */
const STEPS_MAX = 8000;
const NAME = "#h=";

/** A world that was found, where to stand in it, and what is to be said of it. @typedef {{simulation: Simulation, at: number, card?: import("./stage.js").Card, said?: string}} Found */

/** @param {Uint8Array} bytes @param {CompressionStream | DecompressionStream} stream @param {number} [max] */
async function through(bytes, stream, max = Infinity) {
  const reader = new Blob([/** @type {BlobPart} */ (bytes)]).stream().pipeThrough(/** @type {any} */ (stream)).getReader();
  const parts = [];
  for (let size = 0, read = await reader.read(); !read.done; read = await reader.read()) {
    parts.push(read.value);
    size += read.value.length;
    if (size > max) throw new Error("the link holds too much");
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** The fragment of an address that holds this world; null when it is too long. @param {import("./stage.js").Stage} stage */
export async function toFragment({ simulation, at }) {
  const { chronicle, marks, now, elsewhere, source, goesOn } = simulation;
  // As long as nobody has gone on from there.
  if (source && !goesOn) return source;
  if (chronicle.length === 0 && !elsewhere) return "";
  if (chronicle.length > STEPS_MAX) return null;
  const around = new TextEncoder().encode(JSON.stringify({ playground: 1, now, at, marks, elsewhere }));
  const short = chronicle.short();
  const whole = new Uint8Array(short.length + around.length);
  whole.set(short);
  whole.set(around, short.length);
  const packed = await through(whole, new CompressionStream("deflate-raw"));
  const text = toBase64(packed).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return text.length + NAME.length > LINK_MAX ? null : NAME + text;
}

/** Whether a fragment names a world that takes a while to be made. @param {string} fragment */
export const isSeed = (fragment) => fragment.includes("=") && !fragment.startsWith(NAME);

/** The world that a fragment holds; null when it holds none. @param {string} fragment @returns {Promise<Found | null>} */
export async function fromFragment(fragment) {
  if (isSeed(fragment)) return (await import("./seed.js")).fromSeed(fragment);
  if (!fragment.startsWith(NAME)) return null;
  let text;
  let around;
  try {
    const packed = fromBase64(fragment.slice(NAME.length).replaceAll("-", "+").replaceAll("_", "/"));
    const whole = await through(packed, new DecompressionStream("deflate-raw"), TEXT_MAX);
    const end = whole.lastIndexOf(10) + 1;
    text = whole.subarray(0, end);
    around = readAround(JSON.parse(new TextDecoder().decode(whole.subarray(end))));
  } catch {
    throw new Error("The link is damaged: it was cut off or changed on its way. Ask for it again, or for the file.");
  }
  return { simulation: Simulation.of(Chronicle.parse(text), around), at: around.at };
}

/** What a link says beside its history. Whoever made it may have written anything. @param {any} json */
function readAround({ now, at, marks, elsewhere }) {
  const fits = (/** @type {any} */ mark) =>
    Number.isInteger(mark.at) && Number.isInteger(mark.now) && typeof mark.pid === "string" && ["on", "paused", "off"].includes(mark.mode);
  if (!Number.isInteger(now) || !Number.isInteger(at) || !marks.every(fits)) throw new Error("not of a playground");
  return { now, at, marks: /** @type {Mark[]} */ (marks), elsewhere: elsewhere === true };
}

/** The world of a file: a recording, whoever made it. @param {File} file */
export async function fromFile(file) {
  if (file.size > FILE_MAX) throw new Error(`${file.name} has ${Math.round(file.size / 2 ** 20)} MB; the page reads up to ${FILE_MAX / 2 ** 20} MB. resonate replay reads any size.`);
  const text = new Uint8Array(await file.arrayBuffer());
  try {
    return Simulation.of(Chronicle.parse(text), { elsewhere: true });
  } catch (error) {
    throw new Error(`${file.name} is not a recording that can be replayed: ${/** @type {Error} */ (error).message}`);
  }
}

/** Offers the history as a file. @param {Uint8Array} recording */
export function download(recording) {
  const url = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (recording)], { type: "application/x-ndjson" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "playground.ndjson";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
