// Which build of the worker a browser can run, for the page (analysis.js) and for pages that embed the model (web/npm). As in
// start.js, old JavaScript on purpose.
var kernels = (function () {
  "use strict";
  // More threads than this, and one window of a note has too few parts for them.
  var MOST_THREADS = 8;
  // What may be asked for.
  var MOST_ASKED = 32;

  // The builds, best first. A WebAssembly module is validated whole, so that each set of instructions is a file of its own, and
  // the browser is asked about a module of a few bytes before anything is downloaded.
  var PROBES = {
    // As the next one, with (memory 1 1 shared) and, before all else, (drop (i32.atomic.load (i32.const 0))).
    threads:
      "0061736d010000000105016000017b030201000504010301010a1a0118004100fe1002001a4100fd0f4100fd0f4100fd0ffd9302" +
      "0b",
    // (func (result v128) (i32x4.relaxed_dot_i8x16_i7x16_add_s zero zero zero)), a zero being (i8x16.splat (i32.const 0)).
    relaxed:
      "0061736d010000000105016000017b030201000a130111004100fd0f4100fd0f4100fd0ffd93020b",
    // (func (result v128) (i8x16.popcnt (i8x16.splat (i32.const 0)))); popcnt is of the final set of 128-bit instructions.
    simd128:
      "0061736d010000000105016000017b030201000a0a0108004100fd0ffd620b",
  };

  function isValid(probe) {
    var bytes = probe.match(/../g).map(function (byte) { return parseInt(byte, 16); });
    try {
      return WebAssembly.validate(new Uint8Array(bytes));
    } catch (error) {
      return false;
    }
  }

  // Whether workers can share a memory: the page must be isolated from other origins. Futures in such a memory wait by
  // Atomics.waitAsync; their replacement for a browser without it starts a worker for every wait, so that one thread is better
  // there.
  function canShareMemory() {
    return self.crossOriginIsolated === true && typeof Atomics === "object" && typeof Atomics.waitAsync === "function";
  }

  // Chooses among the builds that the browser can run, given by name, best first: the name, or null where there is none, on how
  // many threads, the worker's own included, and what was asked for and cannot be done, in words. The page's address may ask, as
  // in "?kernels=simd128&threads=2": for tests, and to find out what is wrong with a browser.
  function choose(names, cores, search) {
    var wish = new URLSearchParams(search);
    var ignored = [];
    var threads = Math.min(Math.max(cores, 1), MOST_THREADS);
    var asked = wish.get("threads");
    if (asked !== null) {
      if (/^[0-9]+$/.test(asked) && asked >= 1 && asked <= MOST_ASKED) threads = Number(asked);
      else ignored.push("threads=" + asked + " is ignored: a number from 1 to " + MOST_ASKED + " was expected");
    }
    var named = wish.get("kernels");
    if (named !== null && names.indexOf(named) < 0) {
      ignored.push("kernels=" + named + " is ignored: here run " + names.join(", "));
      named = null;
    }
    // A processor of a single core is left to the builds without threads, which need no shared memory.
    var best = names.filter(function (name) { return threads > 1 || name !== "threads"; })[0];
    var name = named || best || names[0] || null;
    return { name: name, threads: name === "threads" ? threads : 1, ignored: ignored };
  }

  return {
    // Best first.
    names: Object.keys(PROBES),
    canRun: function (name) { return isValid(PROBES[name]); },
    canShareMemory: canShareMemory,
    choose: choose,
  };
})();
