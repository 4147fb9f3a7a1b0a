// One more thread of the engine: the same module on the same memory.
self.onmessage = async ({ data: { script, module, memory } }) => {
  const { default: init, help } = await import(script);
  await init({ module_or_path: module, memory, thread_stack_size: 256 * 1024 });
  help();
};
