import test, { type ExecutionContext } from 'ava';
import type { BirdProcess } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { kernelRoutes } from './fabric.ts';
import { four, pair, reaches, six } from './pair.ts';

const routerBfd =
  'protocol bfd { interface "*" { interval 300 ms; multiplier 3; }; multihop { interval 300 ms; }; }';

const up = (bird: BirdProcess) =>
  eventually('a BFD session that is up', async () =>
    / Up .*\n/.test(await bird.command('show bfd sessions')),
  );

async function noticed(t: ExecutionContext, bird: BirdProcess): Promise<void> {
  const end = await eventually('the end of the BGP session', async () => {
    const answer = await bird.command('show protocols all');
    return !/ Established/.test(answer) && answer;
  });
  t.regex(end, /Last error: +Error: BFD session down/);
}

test('BFD detects on both sides that the peer is unreachable, though the link is up', async t => {
  const { node, router, cut, start } = await pair(t, { switched: true });
  const birds = await start(
    { address: '10.0.0.1', families: ['ipv4', 'ipv6'], bfd: true },
    'neighbor 10.0.0.2 as 65001; bfd on; ipv4 { import all; export all; }; ipv6 { import all; export all; };',
    routerBfd,
  );
  await reaches(router, four, '10.0.0.2');
  await reaches(router, six, 'fd00::2');
  for (const bird of [birds.node, birds.router]) await up(bird);
  await cut();
  for (const bird of [birds.node, birds.router]) await noticed(t, bird);
  await eventually('nothing announced', async () => (await kernelRoutes(router, four)).length === 0);
  const [link] = await node.ipJson('link', 'show', 'eth.0');
  t.is(link?.operstate, 'UP', 'the link state does not change');
});

test('BFD works with a link-local peer, and with a multihop peer', async t => {
  const near = await pair(t);
  const linkLocal = await near.start(
    { address: 'fe80::1', interface: 'eth.0', bfd: true },
    'neighbor fe80::2%cable as 65001; bfd on; ipv6 { import all; export all; };',
    routerBfd,
  );
  await up(linkLocal.node);
  const far = await pair(t);
  await far.router.ip('addr', 'add', '10.9.9.1/32', 'dev', 'lo');
  await far.node.ip('addr', 'add', '10.9.9.2/32', 'dev', 'lo');
  await far.node.ip('route', 'add', '10.9.9.1/32', 'via', '10.0.0.1');
  await far.router.ip('route', 'add', '10.9.9.2/32', 'via', '10.0.0.2');
  const multihop = await far.start(
    { address: '10.9.9.1', multihop: 2, sourceAddress: '10.9.9.2', bfd: true },
    'multihop 2; source address 10.9.9.1; neighbor 10.9.9.2 as 65001; bfd on; ipv4 { import all; export all; };',
    routerBfd,
  );
  await up(multihop.node);
  t.pass();
});

for (const [routerWord, kept] of [
  ['on', false],
  ['graceful', true],
] as const) {
  test(`to a peer with "bfd ${routerWord}" a BIRD that ends is ${kept ? 'a graceful restart' : 'a loss'}`, async t => {
    const { router, start } = await pair(t);
    const birds = await start(
      { address: '10.0.0.1', bfd: true },
      `neighbor 10.0.0.2 as 65001; bfd ${routerWord}; ipv4 { import all; export all; };`,
      routerBfd,
    );
    await reaches(router, four, '10.0.0.2');
    await up(birds.router);
    await birds.node.kill();
    await eventually('the BFD session to be down', async () =>
      /Down/.test(await birds.router.command('show bfd sessions')),
    );
    if (kept) t.is((await kernelRoutes(router, four)).length, 1);
    else
      await eventually('the end of the route', async () => (await kernelRoutes(router, four)).length === 0);
    t.pass();
  });
}
