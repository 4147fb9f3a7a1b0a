// What the pages and workers of the benchmark share.

const post = (path, body) => fetch(path, { method: "POST", body });

/** What the page is to do. */
export const job = async () => (await fetch("/bench/job")).json();

/** A line for whoever waits at the terminal. */
export const progress = (line) => post("/bench/progress", line);

/** Does the work and sends its result, or its error, to `cargo xtask bench`. */
export async function report(work) {
  let result;
  try {
    result = await work();
  } catch (error) {
    result = { error: `${error.stack ?? error}` };
  }
  await post("/bench/result", JSON.stringify(result));
}

/** An engine in a worker, which answers each message with one message. */
export class Side {
  #worker;

  constructor(script) {
    this.#worker = new Worker(script, { type: "module" });
  }

  /** Sends a message and waits for the answer. */
  ask(message) {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => (data.error ? reject(data.error) : resolve(data));
      this.#worker.onerror = (event) => reject(event.message);
      this.#worker.postMessage(message);
    });
  }

  end() {
    this.#worker.terminate();
  }
}

/** Milliseconds of each repetition of a forward pass, and the logits of the last. */
async function time(repeats, forward) {
  const ms = [];
  let logits;
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    logits = await forward();
    ms.push(performance.now() - start);
  }
  return { ms, logits };
}

/**
 * Makes this worker answer each message with one message. `load` takes the first and returns what it tells of the engine, a
 * function from ids `[batch * tokens]` and tokens to a function that runs them, and one from ids to a profile of so many
 * passes, where the engine makes any.
 */
export function serve(load) {
  let engine;
  const answer = async (request) => {
    if (engine === undefined) {
      engine = await load(request);
      return engine.about;
    }
    if (request.passes !== undefined) return engine.profile(request.ids, request.passes);
    return time(request.repeats, engine.prepare(request.ids, request.tokens));
  };
  self.onmessage = ({ data }) =>
    answer(data)
      .catch((error) => ({ error: `${error.stack ?? error}` }))
      .then((message) => self.postMessage(message));
}
