// Both engines, each in a worker, on the same inputs in alternating turns.
import { Side, job, progress, report } from "./common.js";

/** Lets the threads of the engine that ran before fall asleep. */
const REST_MS = 30;
/** Compilers in the browser replace their first code by faster one while it runs. */
const WARM_UP_MS = 1000;
const WARM_UP_RUNS = 3;

const rest = () => new Promise((resolve) => setTimeout(resolve, REST_MS));

async function warmUp(side, input) {
  const end = performance.now() + WARM_UP_MS;
  let last;
  for (let run = 0; run < WARM_UP_RUNS || performance.now() < end; run++) {
    last = await side.ask({ ...input, repeats: 1 });
  }
  return last;
}

async function alternate(sides, input, turns) {
  const measured = [];
  for (const side of sides) {
    const { ms, logits } = await warmUp(side, input);
    const repeats = Math.max(1, Math.min(turns.repeats, Math.floor(turns.repeats_ms / ms[0])));
    measured.push({ side, repeats, ms: [], logits: Array.from(logits) });
  }
  const end = performance.now() + 1000 * turns.seconds;
  for (let turn = 0; turn < turns.most && (turn < turns.least || performance.now() < end); turn++) {
    for (const { side, repeats, ms } of measured) {
      await rest();
      ms.push(...(await side.ask({ ...input, repeats })).ms);
    }
  }
  return measured.map(({ ms, logits }) => ({ ms, logits }));
}

report(async () => {
  const { turns, sessions } = await job();
  const results = [];
  for (const { name, inputs, ours, peer } of sessions) {
    await progress(`${name}: loading`);
    const sides = [new Side("ours.js"), new Side("peer.js")];
    const about = [await sides[0].ask(ours), await sides[1].ask(peer)];
    const cells = [];
    for (const input of inputs) {
      await progress(`${name}: ${input.batch} x ${input.tokens} tokens`);
      cells.push(await alternate(sides, input, turns));
    }
    sides.forEach((side) => side.end());
    results.push({ about, cells });
  }
  return { isolated: crossOriginIsolated, sessions: results };
});
