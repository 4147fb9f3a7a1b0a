// Says in words what the application cannot say itself, because it is WebAssembly: that it did not start, or that it broke.
// Old JavaScript on purpose: it has to run exactly where the rest does not.
(function () {
  "use strict";
  var failed = false;

  function started() {
    return document.documentElement.hasAttribute("data-started");
  }

  function notStarted(message) {
    if (failed || started()) return;
    failed = true;
    function show() {
      var status = document.getElementById("start-text");
      var error = document.getElementById("start-error");
      if (!status || !error) return;
      status.textContent = "Not started";
      status.setAttribute("data-state", "error");
      error.textContent = message;
      error.setAttribute("data-testid", "error");
      error.hidden = false;
    }
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", show);
    else show();
  }

  function broke(error) {
    // After the start only a trap of the application itself counts, not what browser extensions do.
    if (!started()) {
      notStarted("The page could not start: " + ((error && error.message) || "one of its files could not be loaded") + ".");
    } else if (error instanceof WebAssembly.RuntimeError) {
      var crash = document.getElementById("crash");
      crash.textContent = "The page has stopped because of an internal error. Copy your note, then reload the page.";
      crash.hidden = false;
      crash.scrollIntoView();
    }
  }

  if (location.protocol === "file:" && !self.embedded) {
    notStarted(
      "Browsers do not let a page that was opened as a file load its parts. Open it through a web server, or use the build of " +
        "this page that is a single file.",
    );
  }
  if (typeof WebAssembly !== "object") {
    notStarted(
      "This browser has no WebAssembly, in which this page is written. Chrome and Edge have it from version 91 on, Firefox " +
        "from 89, Safari from 16.4 (with the vector instructions that the model needs). In some browsers a hardened or " +
        "lockdown mode turns it off.",
    );
  }
  // In the capture phase, for a file that does not load says so only to its own element.
  addEventListener("error", function (event) { broke(event.error); }, true);
  addEventListener("unhandledrejection", function (event) { broke(event.reason); });
})();
