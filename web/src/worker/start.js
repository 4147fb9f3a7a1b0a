// How every worker begins. The build puts this behind wasm-bindgen's part and model.js.
{
  // What this worker requests, for the page to show, and when, in milliseconds since 1970 (`Event::Requested`).
  const tell = (address, start, blocked) => self.postMessage({ Requested: { address, start, blocked } });
  new PerformanceObserver((list) => {
    for (const { name, startTime } of list.getEntries()) tell(name, performance.timeOrigin + startTime, false);
  }).observe({ type: "resource", buffered: true });
  self.addEventListener("securitypolicyviolation", ({ blockedURI }) => tell(blockedURI, Date.now(), true));

  // What `team.rs` hands over: the module and the memory of the worker that is to be helped.
  const toHelp = () => new Promise((resolve) => {
    self.onmessage = ({ data: [module_or_path, memory] }) => {
      // A part of a kernel needs a few kilobytes of stack.
      resolve({ module_or_path, memory, thread_stack_size: 256 * 1024 });
    };
  });
  // What the page asks for before there is a program to answer waits. The first message, `Request::Load`, tells where program
  // and model are: the model is on its way while the program is being compiled.
  const toServe = () => new Promise((resolve, reject) => {
    const early = [];
    self.onmessage = (message) => {
      early.push(message);
      const { Load } = message.data;
      if (!Load) return;
      // For `download.rs`. A worker has one model.
      self.model = modelFile.begin(Load.model);
      const { buffer, url, integrity, afresh } = Load.program;
      const program = buffer ?? fetch(url, { integrity, cache: afresh ? "reload" : "default" });
      wasm_bindgen({ module_or_path: program })
        .then(() => early.forEach((message) => self.onmessage(message)))
        .then(resolve, reject);
    };
  });

  const started = self.name === "helper"
    ? toHelp().then(wasm_bindgen).then(() => wasm_bindgen.help())
    : toServe();
  // A rejected promise alone would not reach `onerror`.
  started.catch((error) => setTimeout(() => { throw error; }));
}
