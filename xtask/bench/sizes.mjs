// Prints `[raw, gzip -9, brotli 11]` bytes of each file as JSON. `node sizes.mjs CACHE.json FILE...`
//
// Compressing as hard takes minutes, so results are kept by the content's hash.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [cacheFile, ...files] = process.argv.slice(2);
const cache = existsSync(cacheFile) ? JSON.parse(readFileSync(cacheFile)) : {};
const sizes = files.map((file) => {
  const bytes = readFileSync(file);
  const hash = createHash("sha256").update(bytes).digest("hex");
  const hint = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  cache[hash] ??= [bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes, hint).length];
  return cache[hash];
});
writeFileSync(cacheFile, JSON.stringify(cache));
console.log(JSON.stringify(sizes));
