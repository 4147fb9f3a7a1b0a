
// How every worker begins. The build puts this after wasm-bindgen's part and fills in the module's name.
{
  // What `team.rs` hands over: the module and the memory of the worker that is to be helped.
  const toHelp = () => new Promise((resolve) => {
    self.onmessage = ({ data: [module_or_path, memory] }) => {
      // A part of a kernel needs a few kilobytes of stack.
      resolve({ module_or_path, memory, thread_stack_size: 256 * 1024 });
    };
  });
  const started = self.name === "helper"
    ? toHelp().then(wasm_bindgen).then(() => wasm_bindgen.help())
    : wasm_bindgen({ module_or_path: new URL("WASM_NAME", self.location) });
  // A rejected promise alone would not reach `onerror`.
  started.catch((error) => setTimeout(() => { throw error; }));
}
