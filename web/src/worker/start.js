
// How every worker begins. The build puts this after wasm-bindgen's part and fills in the module's name.
{
  // What `team.rs` hands over: the module and the memory of the worker that is to be helped.
  const toHelp = () => new Promise((resolve) => {
    self.onmessage = ({ data: [module_or_path, memory] }) => {
      // A part of a kernel needs a few kilobytes of stack.
      resolve({ module_or_path, memory, thread_stack_size: 256 * 1024 });
    };
  });
  // What the page asks for before there is a program to answer waits, but for the model (`Request::Load`): it is on its way
  // while the program is being compiled.
  const toServe = () => {
    const early = [];
    self.onmessage = (message) => {
      const { Load } = message.data;
      // The program asks again and hears of a failure.
      if (Load) fetchModel(Load.url, Load.afresh).catch(() => {});
      early.push(message);
    };
    return wasm_bindgen({ module_or_path: new URL("WASM_NAME", self.location) })
      .then(() => early.forEach((message) => self.onmessage(message)));
  };
  // For `download.rs`. Unless the browser's cache is to be passed over, the server is asked whether what is there still holds:
  // a model is replaced under its name. A worker has one model.
  let model;
  self.fetchModel = (url, afresh) => model ??= fetch(url, { cache: afresh ? "reload" : "no-cache" });

  const started = self.name === "helper"
    ? toHelp().then(wasm_bindgen).then(() => wasm_bindgen.help())
    : toServe();
  // A rejected promise alone would not reach `onerror`.
  started.catch((error) => setTimeout(() => { throw error; }));
}
