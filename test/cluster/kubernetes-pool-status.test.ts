/** Who says at an AnycastPool that it is accepted, against an API that a test writes. On the real server: test/e2e. */
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { type DestinationStream, pino } from 'pino';
import { KubernetesPoolStatus } from '../../lib/cluster/kubernetes-pool-status.ts';
import { poolStatusSchema } from '../../lib/cluster/pool-status.ts';
import { KubernetesClient } from '../../lib/sources/kubernetes/kubernetes-client.ts';
import { loadKubernetesServer } from '../../lib/sources/kubernetes/kubernetes-config.ts';
import { serveFakeApi } from '../support/fake-api.ts';
import { eventually } from '../support/lab.ts';

interface Patch {
  metadata: { resourceVersion: string };
  status: { observedGeneration: number; conditions: { status: string; reason: string; message: string }[] };
}

/** One pool, and agents that judge it as often as it changes, as their watches would have them. */
async function follow(t: ExecutionContext, { agents = 1, refuse = 0 } = {}) {
  const pool = {
    metadata: { name: 'dns', generation: 1, resourceVersion: '1' },
    status: {} as Partial<Patch['status']>,
  };
  const tries: Patch[] = [];
  const written: Patch[] = [];
  let problem: string | undefined;
  const tellAll = () => {
    for (const agent of all) agent.judge(structuredClone(pool), problem);
  };
  const kubeconfig = await serveFakeApi(t, async (request, response) => {
    const patch: Patch = JSON.parse(await text(request));
    tries.push(patch);
    const no = refuse || (patch.metadata.resourceVersion === pool.metadata.resourceVersion ? 0 : 409);
    response.writeHead(no || 200).end('{}');
    if (no) return;
    written.push(patch);
    pool.status = patch.status;
    pool.metadata.resourceVersion = `${Number(pool.metadata.resourceVersion) + 1}`;
    tellAll();
  });
  const lines: string[] = [];
  const sink: DestinationStream = { write: (line: string) => void lines.push(JSON.parse(line).event) };
  const all = Array.from({ length: agents }, () => {
    const log = pino({ messageKey: 'event' }, sink);
    const client = new KubernetesClient(loadKubernetesServer(kubeconfig), log);
    const agent = new KubernetesPoolStatus({ client, log, spreadMs: 50 });
    t.teardown(() => {
      agent.stop();
      client.close();
    });
    return agent;
  });
  const change = (wrong: string | undefined) => {
    problem = wrong;
    pool.metadata.generation++;
    pool.metadata.resourceVersion = `${Number(pool.metadata.resourceVersion) + 1}`;
    tellAll();
  };
  return { pool, tries, written, lines, change, tellAll };
}

test('a pool is judged once a generation, however many agents there are and however often they hear of it', async t => {
  const { pool, written, lines, change, tellAll } = await follow(t, { agents: 20 });
  tellAll();
  await eventually('a verdict', () => pool.status.observedGeneration === 1);
  change('spec.cidrs.0: has bits set beyond its length');
  await eventually('another', () => pool.status.observedGeneration === 2);
  // Whoever had picked a moment for the first two has had it when the third is written.
  for (let round = 0; round < 5; round++) tellAll();
  change(undefined);
  await eventually('a third', () => pool.status.observedGeneration === 3);
  for (const { status } of written) t.notThrows(() => poolStatusSchema.parse(status));
  t.deepEqual(
    written.map(({ status: { observedGeneration, conditions } }) => [
      observedGeneration,
      conditions[0]?.status,
      conditions[0]?.message,
    ]),
    [
      [1, 'True', 'the spec is valid'],
      [2, 'False', 'spec.cidrs.0: has bits set beyond its length'],
      [3, 'True', 'the spec is valid'],
    ],
  );
  t.deepEqual(lines, [], 'who comes second says nothing');
});

test('a server that refuses is told of once', async t => {
  const { tries, lines, change } = await follow(t, { refuse: 403 });
  for (let round = 1; round <= 3; round++) {
    change(undefined);
    await eventually(`try ${round}`, () => tries.length === round);
  }
  await eventually('the line', () => lines.length > 0);
  t.is(lines.length, 1);
  t.regex(lines[0] ?? '', /^kubernetes: can not write the status of AnycastPool dns: .* 403/);
  t.is(tries.length, 3);
});
