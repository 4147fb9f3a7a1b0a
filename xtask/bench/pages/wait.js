// Navigation is timed from a browser that has come to rest.
const REST_MS = 2000;
const next = new URLSearchParams(location.search).get("next");
setTimeout(() => location.replace(next), REST_MS);
