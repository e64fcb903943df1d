// JSON as bytes, both ways.
import { BadInputError } from "./errors.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a text. */
export function toBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The bytes of a value as JSON. `name` says what it is, for the error. */
export function toJsonBytes(name: string, value: unknown): Uint8Array {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new BadInputError(`${name}: cannot be written as JSON (${why}): give plain objects, lists, texts and numbers`, { cause });
  }
  if (text === undefined) throw new BadInputError(`${name}: ${typeof value} cannot be written as JSON: give an object`);
  return encoder.encode(text);
}

/** The text of bytes. */
export function toText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The value of JSON that the module has written. */
export function fromJsonBytes<T>(bytes: Uint8Array): T {
  return JSON.parse(decoder.decode(bytes)) as T;
}
