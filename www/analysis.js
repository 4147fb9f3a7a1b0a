// Chooses the build of the worker that this browser can run, and starts it: before the application, which takes it over, is
// there. As in start.js, old JavaScript on purpose.
(function () {
  "use strict";
  var script = document.currentScript;
  // What messages call the model file; also its address relative to the page.
  var MODEL = "models/default/model.safetensors";
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

  // A worker with its model on the way, `afresh` past the browser's cache; without helpers if it is to be `alone`. Without a
  // worker there is `trouble`, in words for the page. Messages and errors wait until somebody takes them.
  function start(alone, afresh) {
    var built = Object.keys(PROBES).filter(function (name) { return script.hasAttribute("data-" + name); });
    if (built.length === 0) {
      return {
        heading: "This copy of the page is incomplete",
        trouble: "It names no worker, so it was not built as a whole. Build it with cargo xtask dist.",
      };
    }
    var names = built.filter(function (name) {
      return isValid(PROBES[name]) && (name !== "threads" || (!alone && canShareMemory()));
    });
    if (names.length === 0) {
      return {
        heading: "This browser cannot run the model",
        trouble: "It lacks WebAssembly SIMD, the vector instructions that the model needs. Chrome and Edge have them from " +
          "version 91 on, Firefox from 89, Safari from 16.4. In some browsers a hardened or lockdown mode turns them off.",
      };
    }
    var choice = choose(names, navigator.hardwareConcurrency || 1, location.search);
    choice.ignored.forEach(function (complaint) { console.warn(complaint); });

    var file = script.getAttribute("data-" + choice.name);
    var worker;
    try {
      worker = new Worker(file);
    } catch (error) {
      return {
        heading: "The analysis cannot start",
        trouble: "This browser does not let the page start a worker. If you opened the page as a file, open it through a web " +
          "server instead.",
      };
    }
    var waiting = [];
    var stopped = false;
    // Where events go: into `waiting`, then to whoever takes them, in the end nowhere. A worker that has been ended can still
    // report an error.
    var deliver = function (event) { waiting.push(event); };
    worker.onmessage = worker.onerror = function (event) {
      // An error is the application's to tell; start.js need not hear of it.
      event.preventDefault();
      deliver(event);
    };
    worker.postMessage({
      Load: { url: new URL(MODEL, document.baseURI).href, name: MODEL, afresh: afresh, threads: choice.threads },
    });
    return {
      worker: worker,
      script: file,
      sharesMemory: choice.name === "threads",
      // Hands over everything from the first event on, in order, but not before the caller has returned.
      take: function (take) {
        setTimeout(function () {
          if (stopped) return;
          deliver = take;
          waiting.splice(0).forEach(function (event) { deliver(event); });
        });
      },
      // Ends the worker, its helpers with it, and frees its memory. Nothing is handed over any more.
      stop: function () {
        stopped = true;
        deliver = function () {};
        worker.terminate();
      },
    };
  }

  var early = start(false, false);
  self.analysis = {
    choose: choose,
    start: function (alone, afresh) {
      var started = early;
      early = null;
      if (started !== null && !alone && !afresh) return started;
      if (started !== null && started.worker) started.stop();
      return start(alone, afresh);
    },
  };
})();
