// What opens over the page: creating a promise, sharing, help; and the notices at its top.

import { byId, h, icon } from "./dom.js";
import { FUNCTIONS } from "./functions.js";
import { KEYS } from "./keys.js";
import { LINK_MAX, download, toFragment } from "./link.js";
import { pack } from "./payload.js";
import { typedValue } from "./promise.js";
import { invoke } from "./scenarios.js";

const NOTICE_MS = 9000;

/** Shows what is told, until it is read. @param {import("./stage.js").Stage} stage */
export function notices(stage) {
  const place = byId("notices");
  stage.hear(({ text, act, bad }) => {
    const close = () => notice.remove();
    const notice = h("div", { class: bad ? "notice bad" : "notice", role: bad ? "alert" : undefined }, h("p", {}, text));
    if (act) {
      const run = () => {
        close();
        act.run();
      };
      notice.append(h("button", { type: "button", onclick: run }, act.name));
    }
    notice.append(h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: close }, "×"));
    place.replaceChildren(notice);
    if (!bad) setTimeout(close, NOTICE_MS);
  });
}

/** @param {string} title @param {...import("./dom.js").Child} content */
export function open(title, ...content) {
  const close = h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => dialog.close() }, "×");
  const dialog = h("dialog", { "aria-label": title }, h("header", {}, h("h2", {}, title), close), ...content);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** @param {string} name @param {HTMLElement} input @param {string} [hint] */
export const field = (name, input, hint) => h("label", { class: "field" }, h("span", {}, name), input, hint ? h("small", {}, hint) : null);

/** Asks for a new promise. @param {import("./stage.js").Stage} stage */
export function createDialog(stage) {
  const taken = new Set(stage.state.promises.map(({ id }) => id));
  let number = 1;
  while (taken.has(`promise-${number}`)) number++;
  const id = h("input", { name: "id", value: `promise-${number}`, required: true, maxlength: 1024, autocomplete: "off" });
  const within = h("select", { name: "within" }, ...[["60000", "1 minute"], ["3600000", "1 hour"], ["86400000", "1 day"], ["2592000000", "30 days"]].map(([ms, name]) => h("option", { value: ms, selected: ms === "86400000" }, name)));
  const func = h("select", { name: "func" }, h("option", { value: "" }, "nobody: somebody settles it by hand"), h("option", { value: "timer" }, "nobody: it is a timer, and resolves at its deadline"), ...Object.entries(FUNCTIONS).map(([name, { line }]) => h("option", { value: name }, `${name}: ${line}`)));
  const value = h("input", { name: "value", autocomplete: "off", placeholder: "true, 42, text …" });
  func.onchange = () => { value.value = FUNCTIONS[func.value] ? JSON.stringify(FUNCTIONS[func.value].arg) : ""; };
  const create = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    dialog.close();
    const name = id.value;
    if (FUNCTIONS[func.value]) {
      /** @type {Answer | undefined} */
      let answer;
      stage.act((simulation) => { answer = invoke(simulation, name, func.value, typedValue(value.value), Number(within.value)); });
      if (answer && answer.status !== 200) stage.tell({ text: `${answer.status}: ${answer.data}`, bad: true });
    } else {
      /** @type {Record<string, string>} */
      const tags = func.value === "timer" ? { "resonate:timer": "true" } : {};
      stage.ask("promise.create", { id: name, timeoutAt: stage.now + Number(within.value), param: pack(typedValue(value.value)), tags });
    }
    stage.select(name);
  };
  const dialog = open(
    "Create a promise",
    h(
      "form",
      { onsubmit: create },
      field("Id", id, "Whoever knows it can await and settle the promise. A dot puts it below another one: order-1.note"),
      field("Times out in", within),
      field("Who runs it", func),
      field("Value", value, "JSON, or else a text"),
      stage.past ? h("p", { class: "hint" }, "You look at the past: the steps behind it will be dropped.") : null,
      h("footer", {}, h("button", { class: "main" }, "Create")),
    ),
  );
  id.select();
}

/** Offers the link and the file. @param {import("./stage.js").Stage} stage */
export async function shareDialog(stage) {
  const fragment = await toFragment(stage);
  const save = h("button", { type: "button", id: "save", class: fragment === null ? "main" : "", onclick: () => download(stage.chronicle.recording()) }, icon("open"), "Download the recording");
  const note = "The file is a recording as of resonate serve --record: drop it on this page, or run resonate replay on it.";
  if (fragment === null) {
    const text = `This history is too long for a link, which may have ${LINK_MAX / 1024} KB. Pass it on as a file.`;
    open("Share", h("p", { id: "too-long" }, text), h("footer", {}, save), h("p", { class: "hint" }, note));
    return;
  }
  const link = new URL(fragment || "#", location.href).href;
  const text = h("input", { readonly: true, value: link, "aria-label": "Link", onfocus: () => text.select() });
  const copy = h("button", { type: "button", class: "main", onclick: () => copied() }, icon("share"), "Copy the link");
  const copied = async () => {
    try {
      await navigator.clipboard.writeText(link);
      copy.textContent = "Copied";
    } catch {
      text.select();
      copy.textContent = "Press Ctrl+C to copy";
    }
  };
  const what = fragment === stage.simulation.source ? `The link names the seed of all ${stage.length} steps` : `The link holds all ${stage.length} steps (${Math.ceil(link.length / 102.4) / 10} KB)`;
  open(
    "Share",
    h("p", {}, `${what}: whoever opens it sees the same, and nothing is stored anywhere.`),
    text,
    h("footer", {}, save, copy),
    h("p", { class: "hint" }, note),
  );
}

/** What this is, and its keys. */
export function helpDialog() {
  open(
    "What this is",
    h("p", {}, "A durable promise has an address and outlives every process: anyone who knows its id can create it, await it, resolve it or reject it, and if nobody does, its deadline settles it. Functions are made of such promises: whoever crashes, another one reads what was done and goes on."),
    h("p", {}, "The server runs here, in this page: the same rules as anywhere else, compiled to WebAssembly. Its clock is yours. The workers are simulated, and talk to it as real ones do. Everything that happens is a step; go back to any of them, look, and go on differently."),
    h("h3", {}, "Keys"),
    h("dl", { class: "keys" }, ...KEYS.flatMap(([keys, what]) => [h("dt", {}, ...keys.map((key) => h("kbd", {}, key))), h("dd", {}, what)])),
  );
}
