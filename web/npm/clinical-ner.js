// The model for other pages: a worker that answers as Hugging Face's token-classification pipeline does. The types are in
// clinical-ner.d.ts. Nothing is sent: the only requests are for the model and this package's own files.
import { builds, model as own } from "./builds.js";
import { kernels } from "./kernels.js";

const STRATEGIES = ["constrained", "none", "simple", "first", "average", "max"];

const address = (url) => new URL(url, document.baseURI).href;

// The answer for a file of this name.
const request = async (url, name, options) => {
  const response = await fetch(url, options).catch((error) => {
    options.signal.throwIfAborted();
    throw new Error(`${name} could not be fetched from ${url} (${error.message})`, { cause: error });
  });
  if (!response.ok) throw new Error(`${name} could not be fetched: the server answered with status ${response.status}`);
  return response;
};

// A file in whole, with `tell` hearing of its bytes as they arrive.
const download = async (url, name, signal, tell) => {
  const response = await request(url, name, { signal });
  const encoded = response.headers.has("content-encoding");
  const total = encoded ? 0 : Number(response.headers.get("content-length"));
  const pieces = [];
  let loaded = 0;
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read().catch((error) => {
      signal.throwIfAborted();
      throw new Error(`${name} stopped arriving after ${loaded} bytes (${error.message})`, { cause: error });
    });
    if (done) return new Blob(pieces);
    pieces.push(value);
    loaded += value.length;
    tell({ status: "progress", file: name, loaded, total, progress: total ? (100 * loaded) / total : 0 });
  }
};

// The best build that this browser can run, of those without helpers if it is to be `alone`.
const choose = (threads, alone) => {
  const names = kernels.names.filter((name) => name in builds && kernels.canRun(name))
    .filter((name) => name !== "threads" || (!alone && kernels.canShareMemory()));
  if (names.length === 0) throw new Error("This browser lacks WebAssembly SIMD, which the model needs");
  return kernels.choose(names, navigator.hardwareConcurrency || 1, threads ? `?threads=${threads}` : "");
};

// Rejects when a signal aborts; `stop` takes that back.
const aborting = (signal) => {
  let stop = () => {};
  const aborted = new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    signal?.addEventListener("abort", abort);
    stop = () => signal?.removeEventListener("abort", abort);
  });
  // Nobody may be waiting for it.
  aborted.catch(() => {});
  return { aborted, stop };
};

// Starts a worker of a build and has it read a model, which may still be on its way. Ends with null where a worker with helpers does
// not come as far as that: a browser that has shared memories may still refuse one.
const start = async (choice, name, model, sha256, signal) => {
  const build = builds[choice.name];
  const script = request(build.script, "the worker's script", { integrity: build.scriptHash, signal });
  const [response, file] = await Promise.all([script, model]);
  const scriptUrl = URL.createObjectURL(new Blob([await response.blob()], { type: "text/javascript" }));
  const worker = new Worker(scriptUrl);
  const end = () => {
    worker.terminate();
    URL.revokeObjectURL(scriptUrl);
  };
  let isReading = false;
  try {
    const card = await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      signal.throwIfAborted();
      worker.onmessage = ({ data: { Downloading, Loaded, Failed } }) => {
        if (Downloading) isReading = true;
        if (Loaded) resolve(Loaded);
        if (Failed) reject(new Error(Failed.message));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        const unsaid = "the browser does not say why; a Content-Security-Policy has to allow worker-src blob:";
        reject(new Error(`The worker could not start: ${event.message || unsaid}`));
      };
      worker.postMessage({
        Load: {
          name,
          bytes: Math.min(file.size, 0xffffffff),
          sha256,
          threads: choice.threads,
          model: { file },
          program: { url: new URL(build.program, document.baseURI).href, integrity: build.programHash, afresh: false },
        },
      });
    });
    return { worker, end, card };
  } catch (error) {
    end();
    if (choice.name === "threads" && !isReading && !signal.aborted) return null;
    throw error;
  }
};

class Classifier {
  #worker;
  #endWorker;
  #next = 1;
  // The text that the worker has, as { id, resolve, reject }, and the end of those that wait.
  #current = null;
  #last = Promise.resolve();
  #ended = null;

  constructor(worker, end) {
    this.#worker = worker;
    this.#endWorker = end;
    worker.onmessage = ({ data }) => this.#take(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(`The worker failed: ${event.message || "the browser does not say why"}`));
    };
  }

  #take({ Classified, ClassificationFailed, Failed }) {
    if (Failed) this.#end(new Error(Failed.message));
    const answer = Classified ?? ClassificationFailed;
    // The answer of a text that was left may have been on its way.
    if (!answer || answer.id !== this.#current?.id) return;
    if (Classified) this.#current.resolve(Classified.entities);
    else this.#current.reject(new Error(ClassificationFailed.message));
  }

  #end(error) {
    if (this.#ended) return;
    this.#ended = error;
    this.#endWorker();
    this.#current?.reject(error);
  }

  async classify(text, options) {
    const { aggregation_strategy, threshold, ignore_labels, signal } = options ?? {};
    const strategy = aggregation_strategy ?? "constrained";
    const least = threshold ?? 0;
    const ignored = ignore_labels ?? ["O"];
    // Checked here, as a message that the worker cannot read is a fault of this file, and ends it.
    if (typeof text !== "string") throw new TypeError("the text has to be a string, or a list of strings");
    if (!STRATEGIES.includes(strategy)) {
      throw new TypeError(`${JSON.stringify(strategy)} is no aggregation_strategy; there are ${STRATEGIES.join(", ")}`);
    }
    if (typeof least !== "number" || Number.isNaN(least)) {
      throw new TypeError(`the threshold has to be a number, not ${typeof least === "string" ? JSON.stringify(least) : String(least)}`);
    }
    if (!Array.isArray(ignored) || !ignored.every((label) => typeof label === "string")) {
      throw new TypeError("ignore_labels has to be a list of strings");
    }
    signal?.throwIfAborted();
    const { aborted, stop } = aborting(signal);
    const asked = { text, strategy, threshold: least, ignored: [...ignored] };
    // One text after the other, in the order of the calls.
    const turn = this.#last.then(() => this.#run(asked, signal, aborted));
    this.#last = turn.catch(() => {});
    try {
      const entities = await Promise.race([turn, aborted]);
      const key = strategy === "none" ? "entity" : "entity_group";
      return entities.map(({ name, score, start_utf16: start, end_utf16: end, index }) => ({
        [key]: name, score, ...(strategy === "none" && { index }), word: text.slice(start, end), start, end,
      }));
    } finally {
      stop();
    }
  }

  async #run(asked, signal, aborted) {
    signal?.throwIfAborted();
    if (this.#ended) throw this.#ended;
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => { this.#current = { id, resolve, reject }; });
    this.#worker.postMessage({ Classify: { id, ...asked } });
    try {
      return await Promise.race([answer, aborted]);
    } catch (error) {
      if (!this.#ended) this.#worker.postMessage("StopClassification");
      throw error;
    } finally {
      this.#current = null;
    }
  }

  dispose() {
    this.#end(new Error("This pipeline has been disposed of"));
  }
}

export async function pipeline(task, model, options) {
  const { progress_callback, device: wish, threads, signal } = options ?? {};
  const tell = progress_callback ?? (() => {});
  const device = wish ?? "auto";
  if (task !== "token-classification" && task !== "ner") {
    throw new Error(`${JSON.stringify(task)} is not supported: this is a pipeline for "token-classification"`);
  }
  if (device !== "auto" && device !== "wasm") {
    throw new Error(`the device ${JSON.stringify(device)} is not supported: there are "auto" and "wasm"`);
  }
  signal?.throwIfAborted();
  const isFile = model instanceof Blob;
  const name = isFile ? model.name || "the model" : model ? String(model) : own.name;
  const sha256 = model ? null : own.sha256;
  // What is on its way is left when something else fails.
  const work = new AbortController();
  const abort = () => work.abort(signal.reason);
  signal?.addEventListener("abort", abort);
  let started;
  try {
    const choice = choose(threads, false);
    const file = isFile ? model : download(model ? address(model) : own.url, name, work.signal, tell);
    started = await start(choice, name, file, sha256, work.signal)
      ?? await start(choose(threads, true), name, file, sha256, work.signal);
  } catch (error) {
    work.abort();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  const { worker, end, card } = started;
  tell({ status: "ready", task, model: name });
  const classifier = new Classifier(worker, end);
  const ner = (texts, options) => Array.isArray(texts)
    ? Promise.all(texts.map((text) => classifier.classify(text, options)))
    : classifier.classify(texts, options);
  return Object.assign(ner, {
    task,
    model: {
      name: card.name, bytes: card.bytes, sha256: card.sha256, base: card.base || null, metrics: card.metrics || null,
      labels: card.labels, types: card.types, kernels: card.kernels,
    },
    dispose: async () => classifier.dispose(),
  });
}
