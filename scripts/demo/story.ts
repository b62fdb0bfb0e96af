/** The steps of the demo. Every line that is printed comes from a measurement; an unexpected result throws. */
import { anycast, anycastAddresses, nodes, type PodPlan, pods } from '../../test/support/anycast-net/plan.ts';
import type { Namespace } from '../../test/support/lab.ts';
import { protocols } from './kernel-routes.ts';
import type { Answer } from './load.ts';
import { request, startLoad, sum, tally } from './requests.ts';
import type { Flip, Stage } from './stage.ts';
import { until } from './until.ts';

export type LogLine = (line: string) => void;

export interface Chapter {
  name: string;
  /** @returns what was measured, for the JSON */
  run(stage: Stage, log: LogLine): Promise<Record<string, unknown>>;
}

const [node1, node2] = nodes;
const [pod1a, pod1b, pod2a, pod2b] = pods as [PodPlan, PodPlan, PodPlan, PodPlan];

export const story: readonly Chapter[] = [
  { name: 'Nobody is ready', run: nobodyIsReady },
  { name: 'Pods become Ready, one by one', run: podsBecomeReady },
  { name: 'A thousand requests', run: aThousandRequests },
  { name: 'A pod turns not Ready under load', run: notReadyUnderLoad },
  { name: 'A node loses its last pod', run: nodeLosesItsLast },
  { name: 'All back', run: allBack },
];

async function nobodyIsReady(stage: Stage, log: LogLine) {
  await stage.expect(stage.topology.router, stage.routerExpectation());
  log(`router's kernel: no route to ${anycast.ipv4}, none to ${anycast.ipv6}`);
  const asked = tally(await request(stage.topology.client, { count: 1 }, stage.signal));
  check(sum(asked.answers) === 0, 'no answer while no pod is Ready', listed(asked.answers));
  log(`client: a request to each, no answer (${listed(asked.failures)})`);
  return asked;
}

async function podsBecomeReady(stage: Stage, log: LogLine) {
  for (const pod of [pod1a, pod2a, pod1b, pod2b]) {
    logFlip(log, await stage.flip(pod, true));
    log(`  router's kernel: ${paths(stage.routerExpectation().interfaces)}`);
  }
  return { paths: stage.routerExpectation().interfaces.length };
}

async function aThousandRequests(stage: Stage, log: LogLine) {
  const count = 1000;
  const asked = await request(stage.topology.client, { count }, stage.signal);
  const sourcePorts = new Set(asked.map(({ sourcePort }) => sourcePort)).size;
  const { answers, failures } = tally(asked);
  log(`${count} requests to each address, from ${sourcePorts} source ports`);
  log(`answered by ${shares(answers)}; ${failed(failures)}`);
  check(sum(failures) === 0, 'every request answered', listed(failures));
  for (const address of anycastAddresses) {
    const perAddress = tally(asked.filter(answer => answer.address === address)).answers;
    for (const { name } of pods) {
      check(
        (perAddress[name] ?? 0) >= count / 10,
        `${name} to answer at least a tenth of the requests to ${address}`,
        shares(perAddress),
      );
    }
  }
  return { requests: asked.length, sourcePorts, answers, failures };
}

async function notReadyUnderLoad(stage: Stage, log: LogLine) {
  const load = startLoad(stage.topology.client, { count: 8000, intervalMs: 3 }, stage.signal);
  const moreEnded = async (count: number) => {
    const wanted = load.ended() + count;
    await until({
      signal: stage.signal,
      probe: async () => (load.ended() >= wanted ? true : undefined),
      seen: () => `expected ${wanted} requests to each address, saw ${load.ended()}`,
    });
  };
  await moreEnded(450);
  const flip = await stage.flip(pod1a, false);
  logFlip(log, flip);
  await moreEnded(450);
  const asked = await load.stop();
  const withdrawn = flip.at + flip.kernelMs;
  const before = asked.filter(({ at }) => at < flip.at);
  const after = asked.filter(({ at }) => at > withdrawn);
  const { failures } = tally(asked);
  const late = after.filter(({ pod }) => pod === pod1a.name).length;
  check(
    before.length > 0 && after.length > 0,
    'requests before and after the flip',
    `${before.length} and ${after.length}`,
  );
  log(`before: ${shares(tally(before).answers)}`);
  log(`after:  ${shares(tally(after).answers)}`);
  log(`of ${asked.length} requests ${failed(failures)}, the slowest took ${slowest(asked)}`);
  check(late === 0, `no answer of ${pod1a.name} once its route had left`, `${late}`);
  // Packets of a connection that is open while the paths change may reach another pod, which does not know it.
  check(sum(failures) <= asked.length / 100, 'at most one request in a hundred to fail', listed(failures));
  return {
    requests: asked.length,
    failures,
    answersBefore: tally(before).answers,
    answersAfter: tally(after).answers,
  };
}

async function nodeLosesItsLast(stage: Stage, log: LogLine) {
  const local = stage.topology.nodes.get(node1.name) as Namespace;
  const before = await askLocally(stage, local, [pod1b]);
  log(`${node1.name}'s own client: ${shares(before)}`);
  logFlip(log, await stage.flip(pod1b, false));
  log(`  router's kernel: ${paths(stage.routerExpectation().interfaces)}`);
  await stage.expect(local, { protocol: protocols.bird, interfaces: ['uplink'] });
  await stage.expect(local, { protocol: protocols.held, interfaces: [] });
  const after = await askLocally(stage, local, node2.pods);
  log(`${node1.name}'s own client: ${shares(after)}, by way of the router`);
  return { answersBefore: before, answersAfter: after };
}

async function allBack(stage: Stage, log: LogLine) {
  for (const pod of [pod1a, pod1b]) logFlip(log, await stage.flip(pod, true));
  log(`router's kernel: ${paths(stage.routerExpectation().interfaces)}`);
  const { answers, failures } = tally(await request(stage.topology.client, { count: 200 }, stage.signal));
  log(`answered by ${shares(answers)}; ${failed(failures)}`);
  check(Object.keys(answers).length === pods.length, 'an answer of every pod', shares(answers));
  check(sum(failures) === 0, 'every request answered', listed(failures));
  return { answers, failures };
}

/** Sends requests from a node itself; all must be answered, by these pods alone. */
async function askLocally(
  stage: Stage,
  node: Namespace,
  by: readonly PodPlan[],
): Promise<Record<string, number>> {
  const { answers, failures } = tally(await request(node, { count: 20 }, stage.signal));
  check(sum(failures) === 0, `every request from ${node.role} answered`, listed(failures));
  const names = by.map(({ name }) => name);
  check(
    Object.keys(answers).every(name => names.includes(name)),
    `answers of ${names.join(' and ')} only`,
    shares(answers),
  );
  return answers;
}

function check(holds: boolean, expected: string, seen: string): void {
  if (!holds) throw new Error(`expected ${expected}, saw ${seen === '' ? 'none' : seen}`);
}

function logFlip(log: LogLine, { what, kernelMs, routerMs }: Flip): void {
  const router =
    routerMs === null ? 'the router has nothing to change' : `router's kernel ${milliseconds(routerMs)}`;
  log(`${what}: node's kernel ${milliseconds(kernelMs)}, ${router}`);
}

function paths(interfaces: readonly string[]): string {
  const to = interfaces.map(name => name.replace('to-', ''));
  if (to.length === 0) return 'no route';
  return to.length === 1 ? `one path, by ${to[0]}` : `ECMP over ${to.join(' and ')}`;
}

/** `web-1a 51 %, web-1b 49 %` */
function shares(counts: Record<string, number>): string {
  const total = sum(counts);
  const parts = Object.entries(counts).map(
    ([name, count]) => `${name} ${Math.round((100 * count) / total)} %`,
  );
  return parts.length === 0 ? 'nobody' : parts.join(', ');
}

function listed(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${count} × ${name}`)
    .join(', ');
}

function failed(failures: Record<string, number>): string {
  const total = sum(failures);
  return total === 0 ? 'none failed' : `${total} failed (${listed(failures)})`;
}

function slowest(answers: readonly Answer[]): string {
  return milliseconds(Math.max(...answers.map(({ tookMs }) => tookMs)));
}

export function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`;
}
