/**
 * A user's program: routes through p0 and p1, in both families, in one call. It prints what came of them and which
 * addon the process has loaded, as JSON.
 */
import { readFileSync } from 'node:fs';
import { arch, versions } from 'node:process';
import { Operation, parseAddress, RouteBatch, RouteSocket, viewRoutes } from 'flock-anycast';

const count = 50;
const socket = new RouteSocket();
const links = await socket.links();
const indexOf = name => links.find(link => link.name === name).index;
const gateways = { 4: ['10.1.1.2', '10.1.2.2'], 6: ['fd00:1:1::2', 'fd00:1:2::2'] };

const batch = new RouteBatch();
for (const family of [4, 6])
  for (let number = 1; number <= count; number++)
    batch.add({
      operation: Operation.create,
      family,
      destination: parseAddress(family === 4 ? `198.18.0.${number}` : `2001:db8::${number}`).bytes,
      prefixLength: family === 4 ? 32 : 128,
      table: 254,
      metric: 16,
      protocol: 70,
      nexthops: gateways[family].map((gateway, pod) => ({
        interfaceIndex: indexOf(`p${pod}`),
        gateway: parseAddress(gateway).bytes,
      })),
    });
const outcomes = await socket.apply(batch.bytes());
const dumps = await Promise.all([4, 6].map(family => socket.dump({ table: 254, protocols: [70], family })));
await socket.close();

console.log(
  JSON.stringify({
    runtime: versions.bun === undefined ? `node ${versions.node}` : `bun ${versions.bun}`,
    arch,
    addon: [...new Set(readFileSync('/proc/self/maps', 'utf8').match(/flock-anycast[\w.]*\.node/g))],
    created: outcomes.filter(outcome => outcome === 0).length,
    failed: [...new Set(outcomes.filter(outcome => outcome !== 0))],
    read: dumps.map(dump => [...viewRoutes(dump)].length),
  }),
);
