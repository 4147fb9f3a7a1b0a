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
 * Makes this worker answer each message with one message. `load` takes the first and returns what it tells of the engine and a
 * function from ids `[batch * tokens]` and tokens to a function that runs them.
 */
export function serve(load) {
  let prepare;
  const answer = async (request) => {
    if (prepare === undefined) {
      const loaded = await load(request);
      prepare = loaded.prepare;
      return loaded.about;
    }
    return time(request.repeats, prepare(request.ids, request.tokens));
  };
  self.onmessage = ({ data }) =>
    answer(data)
      .catch((error) => ({ error: `${error.stack ?? error}` }))
      .then((message) => self.postMessage(message));
}
