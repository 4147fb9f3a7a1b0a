"""onnxruntime's CPU provider, asked over standard input: the counterpart of model-export/examples/forward.rs.

    python native.py MODEL.onnx THREADS
"""

import json
import sys
import time

import numpy
import onnxruntime

model, threads = sys.argv[1], int(sys.argv[2])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
print(json.dumps({"name": onnxruntime.__version__, "threads": threads}), flush=True)

for line in sys.stdin:
    request = json.loads(line)
    ids = numpy.array(request["ids"], dtype=numpy.int64).reshape(-1, request["tokens"])
    feeds = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
    ms = []
    for _ in range(request["repeats"]):
        start = time.perf_counter()
        (logits,) = session.run(None, feeds)
        ms.append(1000 * (time.perf_counter() - start))
    print(json.dumps({"ms": ms, "logits": logits.ravel().tolist()}), flush=True)
