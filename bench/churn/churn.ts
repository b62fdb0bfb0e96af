/** A node with many pods that flip all the time: the lag of the kernel, and the cost. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Lab } from '../../test/support/lab.ts';
import type { Part } from '../part.ts';
import type { Churn } from '../results.ts';
import { type ChurnOrder, nodeAddress } from './order.ts';

const program = fileURLToPath(new URL('node.ts', import.meta.url));

export const churn: Part = {
  name: 'churn',
  what: '500 pods, 10,000 destinations, 1,000 flips a second: the lag, the batches, CPU and memory',
  steps: () => 2,
  async run({ host, plan, results, step }) {
    const lab = await Lab.create();
    host.teardown(() => lab.destroy());
    const node = await lab.namespace('node');
    const pods = await lab.namespace('pods');
    step(`${plan.churn.pods} pods' interfaces`);
    const all = Array.from({ length: plan.churn.pods }, (_, index) => index);
    await node.ipBatch(
      all.flatMap(index => [
        `link add c${index} type veth peer name c${index} netns ${pods.name}`,
        `addr add ${nodeAddress(index)}/24 dev c${index}`,
        `link set c${index} up`,
      ]),
    );
    await pods.ipBatch(all.map(index => `link set c${index} up`));
    step(`${plan.churn.flipsPerSecond} flips a second for ${plan.churn.seconds} s`);
    const order: ChurnOrder = { netns: node.path, ...plan.churn };
    const child = fork(program);
    lab.track(child);
    child.send(order);
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the churn's process ended (${signal ?? code}) without a result`);
    });
    const [measured] = await Promise.race([once(child, 'message'), ended]);
    results.churn = measured as Churn;
    await ended.catch(() => {});
  },
};
