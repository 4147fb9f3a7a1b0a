// Stands in the build that is a single file, before everything else: what a site has in files beside its page lies in the page
// there, in elements `<script type="application/octet-stream" data-part="name">`, base64. Nothing is requested, for which the
// page's policy has no room. As in start.js, old JavaScript on purpose.
(function () {
  "use strict";
  // Blobs by name: they lie in the browser's own memory, not in the page's.
  var parts = {};
  var parsed = new Promise(function (resolve) {
    if (document.readyState !== "loading") resolve();
    else document.addEventListener("DOMContentLoaded", resolve);
  });

  function decode(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    var binary = atob(base64);
    var bytes = new Uint8Array(binary.length);
    for (var at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
    return bytes;
  }

  // Resolves with what is wrong with a part, as files can be damaged on their way; null where it is what it should be, or where
  // the browser cannot tell.
  function wrong(name, bytes, hash) {
    if (!self.crypto || !crypto.subtle) return Promise.resolve(null);
    return crypto.subtle.digest("SHA-256", bytes).then(function (digest) {
      var found = "sha256-" + btoa(String.fromCharCode.apply(null, new Uint8Array(digest)));
      return found === hash ? null : name + " is damaged in this file: copy the file again";
    });
  }

  self.embedded = {
    // Resolves with a part, which must have this hash, as in an `integrity` attribute, where one is given.
    part: function (name, hash) {
      return parsed.then(function () {
        if (parts[name]) return parts[name];
        var element = document.querySelector('script[data-part="' + name + '"]');
        if (!element) throw new Error(name + " is missing in this file: copy the whole file again");
        var bytes = decode(element.textContent.trim());
        return (hash ? wrong(name, bytes, hash) : Promise.resolve(null)).then(function (trouble) {
          if (trouble) throw new Error(trouble);
          // Its text would take as much room again.
          element.remove();
          return (parts[name] = new Blob([bytes]));
        });
      });
    },
  };
})();
