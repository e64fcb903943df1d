// Elements, shortly. Attributes and listeners only: a style is a class, since the page's policy allows no other.

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | number | null | undefined | false} Child */

/** @param {Element} element @param {Record<string, any>} attributes @param {(Child | Child[])[]} children */
function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * An element of HTML: `h("p", { class: "note" }, "text")`.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Record<string, any>} [attributes] @param {(Child | Child[])[]} children @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  dress(element, attributes, children);
  return element;
}

/** An element of SVG. @param {string} tag @param {Record<string, any>} [attributes] @param {(Child | Child[])[]} children */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  dress(element, attributes, children);
  return element;
}

/** An icon of the sprite in the page. @param {string} name @param {string} [label] */
export function icon(name, label) {
  const use = s("use", { href: `#i-${name}` });
  return label ? s("svg", { class: "icon", role: "img", "aria-label": label }, use) : s("svg", { class: "icon", "aria-hidden": "true" }, use);
}

/** The element with an id, which is there. @template {HTMLElement} [T=HTMLElement] @param {string} id @returns {T} */
export function byId(id) {
  return /** @type {T} */ (document.getElementById(id));
}
