// What keys do, wherever one is on the page.

/** For people. @type {[string[], string][]} */
export const KEYS = [
  [["→", "j"], "next step; at the end, the next thing that happens"],
  [["←", "k"], "previous step"],
  [["Home", "End"], "first and last step"],
  [["Space"], "play or pause"],
  [["n"], "jump to the next event"],
  [["c"], "create a promise"],
  [["s"], "share"],
  [["o"], "open a recording"],
  [["Esc"], "close what is open"],
  [["?"], "this help"],
];

/**
 * @param {import("./stage.js").Stage} stage @param {import("./transport.js").Transport} transport
 * @param {Record<string, () => void>} acts what single keys do besides
 */
export function listen(stage, transport, acts) {
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowRight: () => transport.next(),
    j: () => transport.next(),
    ArrowLeft: () => stage.move(-1),
    k: () => stage.move(-1),
    Home: () => stage.go(0),
    End: () => stage.go(stage.length),
    " ": () => transport.toggle(),
    n: () => transport.jump(),
    ...acts,
  };
  document.addEventListener("keydown", (event) => {
    const at = /** @type {HTMLElement} */ (event.target);
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
    // Whatever takes keys itself keeps them.
    const typing = at.matches("input:not([type=range]), select, textarea");
    const own = typing || (at.matches("input[type=range]") && /^(Arrow|Home|End)/.test(event.key)) || (at.matches("[role=tab]") && /^Arrow/.test(event.key));
    if (own || (event.key === " " && at.matches("button, summary, a"))) {
      if (event.key === "Escape") at.blur();
      return;
    }
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
