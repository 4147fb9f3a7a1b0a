// Our engine alone, step by step.
import { Side, job, progress, report } from "./common.js";

/** Compilers in the browser replace their first code by faster one while it runs. */
const WARM_UP_PASSES = 10;
const PASSES = 30;

report(async () => {
  const { sessions } = await job();
  const results = [];
  for (const { name, inputs, ours } of sessions) {
    const side = new Side("ours.js");
    const about = await side.ask(ours);
    const profiles = [];
    for (const { ids, tokens } of inputs) {
      await progress(`${name}: ${tokens} tokens, step by step`);
      await side.ask({ ids, passes: WARM_UP_PASSES });
      profiles.push(await side.ask({ ids, passes: PASSES }));
    }
    side.end();
    results.push({ about, profiles });
  }
  return { sessions: results };
});
