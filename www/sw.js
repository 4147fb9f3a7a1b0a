// The page without a network, and isolated from other origins where the host does not send the headers for it.
//
// It keeps the files of one build, checked by their hashes, and answers with them alone: two builds never mix. A newer build waits
// until no page of this one is open, or until the visitor asks for it. The model is not its business, see the worker's model.js.
"use strict";

// Every file of the page with its `integrity`, addresses relative to this file; the workers' files are kept once a page has
// asked for them, as each browser needs one of them. The build fills this in.
const BUILD = { version: "", files: {}, workers: {} };

const base = new URL("./", self.location);
// Several sites may share an origin.
const family = `clinical-ner site ${base.pathname} `;
const name = family + BUILD.version;

const request = (path, integrity) => new Request(new URL(path, base), { integrity, cache: "no-cache" });

self.addEventListener("install", (event) => {
  const requests = Object.entries(BUILD.files).map(([path, integrity]) => request(path, integrity));
  event.waitUntil(caches.open(name).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  const deleteOlder = async () => {
    const older = (await caches.keys()).filter((other) => other.startsWith(family) && other !== name);
    await Promise.all(older.map((other) => caches.delete(other)));
    await self.clients.claim();
  };
  event.waitUntil(deleteOlder());
});

// What a page asks for: to keep the worker that it runs, or to go on to the build that waits.
self.addEventListener("message", (event) => {
  const { keep, activate } = event.data;
  if (activate) self.skipWaiting();
  if (!keep) return;
  // Most likely the page has just fetched them.
  const kept = Promise.all(keep.filter((path) => path in BUILD.workers).map((path) => worker(path, "force-cache")));
  event.waitUntil(kept.then(
    () => event.ports[0].postMessage(true),
    () => event.ports[0].postMessage(false),
  ));
});

// A file of a worker, from what is kept or from the network, and then kept.
const worker = async (path, cacheMode) => {
  const cache = await caches.open(name);
  const kept = await cache.match(new URL(path, base));
  if (kept) return kept;
  const integrity = BUILD.workers[path];
  const response = await fetch(new Request(new URL(path, base), { integrity, cache: cacheMode }));
  if (response.ok) await cache.put(new URL(path, base), response.clone());
  return response;
};

// Threads need a page that is isolated from other origins.
const isolated = (response) => {
  const headers = new Headers(response.headers);
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-embedder-policy", "require-corp");
  headers.set("cross-origin-resource-policy", "same-origin");
  // The body is what they said it would decode to.
  headers.delete("content-encoding");
  headers.delete("content-length");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
};

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || !url.href.startsWith(base.href)) return;
  let path = url.pathname.slice(base.pathname.length);
  if (path === "index.html") path = "";
  if (path in BUILD.workers) {
    event.respondWith(worker(path, event.request.cache).then(isolated));
  } else if ((path || "./") in BUILD.files) {
    const key = new URL(path, base);
    const kept = caches.open(name).then((cache) => cache.match(key));
    // What the browser has cleared is fetched again.
    event.respondWith(kept.then((kept) => kept ?? fetch(request(path || "./", BUILD.files[path || "./"]))).then(isolated));
  }
});
