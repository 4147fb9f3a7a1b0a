// Where the model comes from: a file of the visitor's, the page itself, what is kept on the device, or the server. The build puts
// this before start.js.
//
// It is kept in blocks, each as soon as it has arrived, so that a download that breaks goes on where it broke. What is read is
// checked as a whole by the program, whoever it came from (`download.rs`).
const modelFile = (() => {
  // A shorter break costs a block, and a block costs an entry.
  const BLOCK = 1 << 20;
  // Several sites may share an origin: each has its own, of which it keeps one model.
  const family = (base) => `clinical-ner model ${new URL(base).pathname} `;

  // Where blocks are kept. A browser has such a place in a secure context only, and may refuse it.
  const open = async ({ base, sha256 }) => {
    try {
      const name = family(base) + sha256;
      const cache = await caches.open(name);
      const key = (block) => new URL(`model/${sha256}/${block}`, base).href;
      let isFull = false;
      return {
        get: async (block) => {
          const kept = await cache.match(key(block));
          return kept && new Uint8Array(await kept.arrayBuffer());
        },
        put: (block, bytes) => {
          // The rest of a model without one of its blocks would not be read.
          if (isFull) return;
          const headers = { "content-type": "application/octet-stream" };
          cache.put(key(block), new Response(bytes, { headers })).catch(() => { isFull = true; });
        },
        // What was kept of other models is of no use any more.
        deleteOthers: async () => {
          const others = (await caches.keys()).filter((other) => other.startsWith(family(base)) && other !== name);
          await Promise.all(others.map((other) => caches.delete(other)));
        },
        delete: () => caches.delete(name),
      };
    } catch {
      return null;
    }
  };

  // What a stream holds. Each piece is valid until the next one is asked for: where the browser can, all lie in one buffer, as
  // pieces of its own become garbage, which it collects late.
  async function* pieces(stream) {
    let reader;
    try {
      reader = stream.getReader({ mode: "byob" });
    } catch {
      reader = stream.getReader();
    }
    let buffer = new Uint8Array(256 << 10);
    for (;;) {
      const { done, value } = await reader.read(buffer);
      if (done) return;
      yield value;
      buffer = new Uint8Array(value.buffer);
    }
  }

  // What the page has handed over.
  async function* slices(buffer) {
    const bytes = new Uint8Array(buffer);
    for (let at = 0; at < bytes.length; at += BLOCK) yield bytes.subarray(at, at + BLOCK);
  }

  // The answer with what stands in a part from a place on.
  const request = async (url, from, cache) => {
    if (from === 0) return fetch(url, { cache });
    const response = await fetch(url, { cache, headers: { range: `bytes=${from}-` } });
    const goesOn = (response.headers.get("content-range") ?? "").startsWith(`bytes ${from}-`);
    if (response.status === 206 && goesOn && !response.headers.has("content-encoding")) return response;
    // The server does not give parts of files, as it need not, or of this one.
    if (response.ok && response.status !== 206) return response;
    await response.body?.cancel();
    return fetch(url, { cache });
  };

  // The model from the server, from a place on, in pieces of any size.
  async function* download({ base, parts, bytes }, from, cache) {
    let start = 0;
    for (const part of parts) {
      const end = start + part.bytes;
      if (from < end) {
        const response = await request(new URL(part.url, base), Math.max(from - start, 0), cache);
        if (!response.ok) throw Object.assign(new Error(), { status: response.status });
        // What is known already where the server begins at the beginning.
        let skip = response.status === 206 ? 0 : Math.max(from - start, 0);
        let left = end - Math.max(from, start);
        for await (const value of pieces(response.body)) {
          const piece = value.subarray(Math.min(skip, value.length));
          skip -= value.length - piece.length;
          left -= piece.length;
          if (left < 0) throw new Error(`${part.url} is longer than the ${part.bytes} bytes that were expected`);
          if (piece.length > 0) yield piece;
        }
        if (left > 0) throw new Error(`${left} bytes of the ${bytes} are missing`);
      }
      start = end;
    }
  }

  // The model of the site, from what is kept and then from the server.
  async function* read(model) {
    const store = await open(model);
    let at = 0;
    // A block ahead, as every look takes its time.
    const ahead = [];
    const blocks = Math.ceil(model.bytes / BLOCK);
    for (let block = 0; store && block < blocks; block++) {
      while (ahead.length < 4 && block + ahead.length < blocks) {
        // One that cannot be read is fetched.
        ahead.push(store.get(block + ahead.length).catch(() => undefined));
      }
      const kept = await ahead.shift();
      if (kept?.length !== Math.min(BLOCK, model.bytes - at)) break;
      at += kept.length;
      yield kept;
    }
    if (at === model.bytes) return;

    // Not in the browser's own cache as well.
    const cache = store ? "no-store" : "no-cache";
    let block = new Uint8Array(Math.min(BLOCK, model.bytes - at));
    let filled = 0;
    for await (let piece of download(model, at, cache)) {
      yield piece;
      while (piece.length > 0) {
        const part = piece.subarray(0, block.length - filled);
        block.set(part, filled);
        filled += part.length;
        at += part.length;
        piece = piece.subarray(part.length);
        if (filled === block.length) {
          // Every block but the last one ends at a multiple.
          store?.put(Math.ceil(at / BLOCK) - 1, block);
          block = new Uint8Array(Math.min(BLOCK, model.bytes - at));
          filled = 0;
        }
      }
    }
  }

  // What `Load` asks for, in pieces: at once, so that it is on its way while the program is being compiled.
  const begin = (model) => {
    const iterator = model.file ? pieces(model.file.stream()) : model.buffer ? slices(model.buffer) : read(model);
    let first = iterator.next();
    // Whoever asks hears of it.
    first.catch(() => {});
    return {
      // `{ done, value }`; a value is valid until the next one is asked for.
      next: () => {
        const result = first ?? iterator.next();
        first = null;
        return result;
      },
      // The model is what it should be.
      keep: async () => { if (model.parts) await (await open(model))?.deleteOthers(); },
      // It is not: what is kept of it would be wrong again.
      forget: async () => { if (model.parts) await (await open(model))?.delete(); },
    };
  };

  return { begin };
})();
