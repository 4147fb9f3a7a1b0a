// onnxruntime-web in a worker of its own, which is what its `proxy` option comes to, with its own threads.
import * as ort from "/bench/npm/onnxruntime-web/dist/ort.wasm.min.mjs";
import { serve } from "./common.js";

serve(async ({ model, threads }) => {
  ort.env.wasm.wasmPaths = "/bench/npm/onnxruntime-web/dist/";
  ort.env.wasm.numThreads = threads;
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  return {
    about: { name: ort.env.versions.web, threads: ort.env.wasm.numThreads },
    prepare: (ids, tokens) => {
      const tensor = (values) => new ort.Tensor("int64", BigInt64Array.from(values), [ids.length / tokens, tokens]);
      const feeds = {
        input_ids: tensor(ids.map(BigInt)),
        attention_mask: tensor(ids.map(() => 1n)),
        token_type_ids: tensor(ids.map(() => 0n)),
      };
      return async () => (await session.run(feeds)).logits.data;
    },
  };
});
