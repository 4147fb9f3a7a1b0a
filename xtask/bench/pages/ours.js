// The engine in a worker, with a worker more for each further thread.
import { serve } from "./common.js";

serve(async ({ script, wasm, model, threads }) => {
  const { default: init, Engine } = await import(script);
  const module = await WebAssembly.compileStreaming(fetch(wasm));
  const { memory } = await init({ module_or_path: module });
  const file = await (await fetch(model)).arrayBuffer();
  const engine = new Engine(new Uint8Array(file), threads);
  for (let helper = 1; helper < engine.threads(); helper++) {
    new Worker("helper.js", { type: "module" }).postMessage({ script, module, memory });
  }
  while (engine.helpers() + 1 < engine.threads()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return {
    about: { name: engine.kernels(), threads: engine.threads() },
    prepare: (ids, tokens) => {
      ids = Uint32Array.from(ids);
      return () => engine.forward(ids, tokens);
    },
    profile: (ids, passes) => engine.profile(Uint32Array.from(ids), passes),
  };
});
