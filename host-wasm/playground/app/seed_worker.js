// Beside the page: runs one world in the module of the simulation, so that the page stays alive. Owns the boundary to that module: bytes of JSON in; out
// a line of JSON and a recording, or why there is none.

export {};

const MODULE = "../wasm/simulation.wasm";
/** The line feed behind the first line. */
const LINE_END = 10;
const decoder = new TextDecoder();

/** @typedef {{memory: WebAssembly.Memory, simulation_input(bytes: number): number, simulation_run(): number, simulation_output(): number, simulation_output_bytes(): number}} Exports */

async function load() {
  const answer = await fetch(new URL(MODULE, import.meta.url));
  if (!answer.ok) throw new Error(`The simulation cannot be loaded: wasm/simulation.wasm answered ${answer.status}. Build the page anew with make playground.`);
  const { instance } = await WebAssembly.instantiate(await answer.arrayBuffer(), {});
  return /** @type {Exports} */ (/** @type {unknown} */ (instance.exports));
}

/** What the module has left. @param {Exports} module */
function output(module) {
  const [at, length] = [module.simulation_output(), module.simulation_output_bytes()];
  return new Uint8Array(module.memory.buffer, at, length);
}

/** @param {Exports} module @param {Uint8Array} link */
function run(module, link) {
  const at = module.simulation_input(link.length);
  // A view is made anew behind each call: memory that grows leaves old ones behind.
  new Uint8Array(module.memory.buffer, at, link.length).set(link);
  try {
    return module.simulation_run() === 1;
  } catch (trap) {
    throw new Error(`The simulation has stopped: ${decoder.decode(output(module)) || trap}`);
  }
}

onmessage = async ({ data: link }) => {
  try {
    const module = await load();
    const has_run = run(module, new TextEncoder().encode(JSON.stringify(link)));
    const bytes = output(module);
    if (!has_run) throw new Error(decoder.decode(bytes));
    const end = bytes.indexOf(LINE_END);
    const head = JSON.parse(decoder.decode(bytes.subarray(0, end)));
    const recording = bytes.slice(end + 1);
    postMessage({ head, recording }, { transfer: [recording.buffer] });
  } catch (error) {
    postMessage({ refused: /** @type {Error} */ (error).message });
  }
};
