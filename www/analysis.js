// Chooses the build of the worker that this browser can run, and starts it: before the application, which takes it over, is
// there. As in start.js, old JavaScript on purpose.
(function () {
  "use strict";
  // The workers' builds, { name: { script, scriptHash, program, programHash } }, and the model, { name, bytes, sha256, parts:
  // [{ url, bytes }] }, with addresses relative to the page and hashes as in an `integrity` attribute. The build fills them in.
  var WORKERS = {};
  var MODEL = null;
  // What a site has in files, where the page is a single one (embedded.js).
  var embedded = self.embedded || null;
  // Whether a page that the service worker (sw.js) serves would be isolated, and this one can still give way to it: once, or a
  // browser in which that does not help would never come to an end.
  function wouldBeIsolated() {
    var RELOADED = "clinical-ner reloaded";
    try {
      var helps = !embedded && self.crossOriginIsolated === false && "serviceWorker" in navigator && kernels.canRun("threads") &&
        (navigator.hardwareConcurrency || 1) > 1 && sessionStorage.getItem(RELOADED) === null;
      if (helps) sessionStorage.setItem(RELOADED, "1");
      return helps;
    } catch (error) {
      return false;
    }
  }

  function after(milliseconds) {
    return new Promise(function (resolve) { setTimeout(resolve, milliseconds); });
  }

  // Resolves once a service worker that is being installed is not any more.
  function installed(worker) {
    return new Promise(function (resolve) {
      worker.addEventListener("statechange", function () {
        if (worker.state !== "installing") resolve();
      });
    });
  }

  // The service worker, by which the page needs neither a network nor a host that sends headers: its registration, or null where
  // there is none and the page does without. Whether there is a newer build is looked up now, as the page opens, and at no other
  // time.
  var serving = embedded || !("serviceWorker" in navigator) ? Promise.resolve(null) :
    navigator.serviceWorker.register("sw.js", { updateViaCache: "none" }).then(function (registration) {
      var looked = registration.active
        // Without a network there is nothing newer.
        ? registration.update().catch(function () {})
        : registration.installing && installed(registration.installing);
      return Promise.resolve(looked).then(function () { return registration; });
    }).catch(function () { return null; });

  // What is not there in time is there at the next visit.
  var PATIENCE = 3000;
  var tooLate = false;
  var isolating = !wouldBeIsolated() ? Promise.resolve() : Promise.race([
    serving.then(function (registration) { return registration && navigator.serviceWorker.ready; }).then(function (registration) {
      // What has been written or opened already would be lost.
      var note = document.getElementById("note");
      if (!registration || tooLate || (note && note.value !== "")) return null;
      location.reload();
      return after(PATIENCE);
    }),
    after(PATIENCE).then(function () { tooLate = true; }),
  ]);

  // The files of the worker that runs are kept as well.
  var running = [];
  function keep(registration) {
    if (!registration) return null;
    return navigator.serviceWorker.ready.then(function (registration) {
      return new Promise(function (resolve) {
        var channel = new MessageChannel();
        channel.port1.onmessage = resolve;
        registration.active.postMessage({ keep: running }, [channel.port2]);
      });
    });
  }

  // A worker with its model on the way, the site's or a `file`, `afresh` past the browser's cache; without helpers if it is to be
  // `alone`. Without a worker there is `trouble`, in words for the page. Messages and errors wait until somebody takes them.
  function start(alone, afresh, file) {
    var built = kernels.names.filter(function (name) { return name in WORKERS; });
    if (built.length === 0 || MODEL === null) {
      return {
        heading: "This copy of the page is incomplete",
        trouble: "It names no worker, so it was not built as a whole. Build it with cargo xtask dist.",
      };
    }
    var names = built.filter(function (name) {
      return kernels.canRun(name) && (name !== "threads" || (!alone && kernels.canShareMemory()));
    });
    if (names.length === 0) {
      return {
        heading: "This browser cannot run the model",
        trouble: "It lacks WebAssembly SIMD, the vector instructions that the model needs. Chrome and Edge have them from " +
          "version 91 on, Firefox from 89, Safari from 16.4. In some browsers a hardened or lockdown mode turns them off.",
      };
    }
    var choice = kernels.choose(names, navigator.hardwareConcurrency || 1, location.search);
    choice.ignored.forEach(function (complaint) { console.warn(complaint); });

    var parts = WORKERS[choice.name];
    var base = document.baseURI;
    var load = {
      Load: {
        name: file ? file.name : MODEL.name,
        // What is larger fits into no browser's memory, of which the worker tells.
        bytes: file ? Math.min(file.size, 0xffffffff) : MODEL.bytes,
        sha256: file ? null : MODEL.sha256,
        threads: choice.threads,
        // What follows is for the worker's scripts alone.
        model: file ? { file: file } : { base: base, bytes: MODEL.bytes, sha256: MODEL.sha256, parts: MODEL.parts },
        program: { url: new URL(parts.program, base).href, integrity: parts.programHash, afresh: afresh },
      },
    };
    var waiting = [];
    var toSend = [load];
    // What is handed over to the worker rather than copied.
    var handedOver = [];
    var stopped = false;
    var worker = null;
    // Where events go: into `waiting`, then to whoever takes them, in the end nowhere. A worker that has been ended can still
    // report an error.
    var deliver = function (event) { waiting.push(event); };

    // A worker has no `integrity` of its own: its script is fetched with one. As a blob it is then bound by this page's
    // Content-Security-Policy, which a worker from an address is not.
    function script() {
      if (embedded) return unpacked();
      return fetch(parts.script, { integrity: parts.scriptHash, cache: afresh ? "reload" : "default" }).then(function (response) {
        if (!response.ok) throw new Error("status " + response.status);
        return response.blob();
      });
    }
    // The same where there is nothing to fetch, and what the worker would fetch itself: as buffers, since WebKit lets no worker of a
    // page from a file read a blob.
    function unpacked() {
      var model = file || Promise.all(MODEL.parts.map(function (part) { return embedded.part(part.url); }));
      return Promise.all([
        embedded.part(parts.script, parts.scriptHash), embedded.part(parts.program, parts.programHash), model,
      ]).then(function (found) {
        return Promise.all([found[1].arrayBuffer(), (file || new Blob(found[2])).arrayBuffer()]).then(function (buffers) {
          load.Load.program = { buffer: buffers[0] };
          load.Load.model = { buffer: buffers[1] };
          handedOver = buffers;
          return found[0];
        });
      });
    }
    running = [parts.script, parts.program];
    isolating.then(script).then(function (blob) {
      if (stopped) return;
      // Not revoked: the worker starts its helpers from it.
      worker = new Worker(URL.createObjectURL(new Blob([blob], { type: "text/javascript" })));
      worker.onmessage = worker.onerror = function (event) {
        // An error is the application's to tell; start.js need not hear of it.
        event.preventDefault();
        deliver(event);
      };
      toSend.splice(0).forEach(function (message) { worker.postMessage(message, message === load ? handedOver : []); });
    }).catch(function (error) {
      deliver({ message: embedded ? error.message : "The worker's script, " + parts.script + ", could not be loaded (" +
        error.message + "). Is the server that this page came from still running?" });
    });
    return {
      sharesMemory: choice.name === "threads",
      send: function (message) {
        if (worker) worker.postMessage(message);
        else toSend.push(message);
      },
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
        if (worker) worker.terminate();
      },
    };
  }

  // Where the worker keeps the model, see its model.js.
  function stores() {
    if (typeof caches === "undefined") return Promise.resolve([]);
    var family = "clinical-ner model " + new URL(document.baseURI).pathname + " ";
    return caches.keys().then(function (names) {
      return names.filter(function (name) { return name.indexOf(family) === 0; });
    });
  }

  var early = start(false, false, null);
  self.analysis = {
    // Resolves once all requests have been made that the page makes by itself, or have had their time.
    settled: function () { return Promise.race([serving.then(keep), after(PATIENCE)]); },
    // Resolves when there is a newer build than this page's, which waits until no page of this one is open any more.
    newer: function () {
      return serving.then(function (registration) {
        var controlled = registration && navigator.serviceWorker.controller;
        if (controlled && registration.waiting) return true;
        if (!controlled || !registration.installing) return false;
        return installed(registration.installing).then(function () { return registration.waiting !== null; });
      });
    },
    // Goes on to it. What is not saved is lost with this page.
    update: function () {
      navigator.serviceWorker.addEventListener("controllerchange", function () { location.reload(); });
      serving.then(function (registration) {
        if (registration.waiting) registration.waiting.postMessage({ activate: true });
      });
    },
    isKept: function () {
      return stores().then(function (names) { return names.length > 0; });
    },
    forget: function () {
      return stores().then(function (names) { return Promise.all(names.map(function (name) { return caches.delete(name); })); });
    },
    start: function (alone, afresh, file) {
      var started = early;
      early = null;
      if (started !== null && !alone && !afresh && !file) return started;
      if (started !== null && !started.trouble) started.stop();
      return start(alone, afresh, file);
    },
  };
})();
