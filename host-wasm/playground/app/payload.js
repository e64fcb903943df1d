// Values: the base64 of JSON, as released SDKs write them.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** @param {string} text */
export const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

/** @param {any} value @returns {Payload} */
export const pack = (value) => (value === undefined ? {} : { data: toBase64(encoder.encode(JSON.stringify(value))) });

/** What a payload holds; undefined when there is nothing or it is not of this kind. @param {Payload | undefined} payload */
export function unpack(payload) {
  if (!payload?.data) return undefined;
  try {
    return JSON.parse(decoder.decode(fromBase64(payload.data)));
  } catch {
    return undefined;
  }
}

/** A payload in words: its value, its text, or nothing. @param {Payload | undefined} payload */
export function readable(payload) {
  if (payload?.data === undefined) return "";
  const value = unpack(payload);
  if (value !== undefined) return typeof value === "string" ? value : JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
  try {
    return decoder.decode(fromBase64(payload.data));
  } catch {
    return payload.data;
  }
}
