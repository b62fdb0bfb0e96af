import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { established, fabric, gateways, plainConfig } from '../bird/fabric.ts';
import { birdOf, layOutAgent, startAgent, writeAllocations, writePod } from '../support/agent.ts';
import { startBird } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { watchRoutes } from '../support/route-watch.ts';

const birdProtocol = 12;

for (const mode of ['learn', 'filter'] as const) {
  test(`${mode} mode: a BIRD that was killed tells the router that is there what went and came, whoever is away`, async t => {
    const { lab, router, nodes } = await fabric(1);
    t.teardown(() => lab.destroy());
    const [node] = nodes as [(typeof nodes)[0]];
    const files = layOutAgent(join(lab.dir, 'agent'), { bird: { mode } });
    const { bgp, ...rest } = plainConfig(1);
    const dead = { name: 'dead', address: '10.0.1.99', asn: 65000 };
    writeFileSync(
      files.nodeConfig,
      JSON.stringify({ ...rest, bgp: { ...bgp, peers: [...bgp.peers, dead] } }),
    );
    const pod = (n: number) => ({
      namespace: 'default',
      name: `pod-${n}`,
      uid: `pod-${n}`,
      hostInterface: 'pod0',
      ipv4: '10.1.10.2',
      anycast: [`192.0.2.${n}`],
      state: 'committed' as const,
    });
    const be = (n: number, ready: boolean) => writePod(files, `pod-${n}`, { ready });
    writeAllocations(files, [1, 2, 3].map(pod));
    be(1, true);
    be(2, true);
    be(3, false);
    const agent = startAgent(node.host, files);
    await agent.logged('wrote the configuration for a BIRD that is not running');
    const where = birdOf(files);
    const bird = await startBird(node.host, where);
    const has = async (n: number) => (await gateways(router, `192.0.2.${n}/32`)).length === 1;
    await eventually('the first two', async () => (await has(1)) && (await has(2)));

    const watch = watchRoutes(router, [birdProtocol]);
    t.teardown(() => watch.stop());
    await bird.kill();
    be(1, false);
    be(3, true);
    const again = await startBird(node.host, { ...where, recover: true });
    await established(again, 2);
    const since = Date.now();
    // A wait for the dead router takes 30 s.
    await eventually('the router is current', async () => !(await has(1)) && (await has(3)), {
      timeoutMs: 20_000,
    });
    t.true(await has(2));
    // On an idle machine it took 1.1 to 1.6 s, and the address that stayed was never withdrawn.
    t.log(`current ${Date.now() - since} ms after the session`);
    t.log(`${watch.seen.filter(({ address, gone }) => gone && address === '192.0.2.2').length} withdrawals`);
  });
}
