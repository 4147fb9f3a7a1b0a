// transformers.js as its documentation shows it, with all files from this server.
import { env, pipeline } from "/bench/npm/@huggingface/transformers/dist/transformers.min.js";
import { job, report } from "./common.js";

report(async () => {
  const { note } = await job();
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = "/bench/models/";
  env.backends.onnx.wasm.wasmPaths = "/bench/npm/@huggingface/transformers/node_modules/onnxruntime-web/dist/";
  const classify = await pipeline("token-classification", "minilm", { dtype: "q8" });
  const found = await classify(note);
  return { ms: performance.now(), found: found.length };
});
