/** BIRD: static routes into the kernel protocol, `configure` by birdc, until the kernel has them. */
import { writeFileSync } from 'node:fs';
import { startBird } from '../../test/support/bird.ts';
import { type Cell, destination, gateway, type Operation, variantOf } from '../field.ts';
import { untilProgrammed } from './kernel-state.ts';
import { missingFile, type Peer } from './peer.ts';

/** The configuration with the routes that an operation must leave. Pure. */
export function birdConfig(operation: Operation, { family, nexthops, destinations }: Cell): string {
  const variant = variantOf(operation);
  const through = Array.from({ length: nexthops }, (_, pod) => `via ${gateway(family, pod, variant)}`).join(
    ' ',
  );
  const length = family === 4 ? 32 : 128;
  const count = operation === 'delete' ? 0 : destinations;
  const lines = Array.from(
    { length: count },
    (_, number) => `  route ${destination(family, number)}/${length} ${through};`,
  );
  return `log stderr { warning, error, fatal };
router id 192.0.2.1;
protocol device { }
protocol kernel { merge paths yes; ipv${family} { import none; export all; }; }
protocol static {
  ipv${family};
${lines.join('\n')}
}
`;
}

export const bird: Peer = {
  name: 'bird',
  what: 'BIRD 2, static routes to the kernel protocol: birdc configure, until the kernel has them (looked at)',
  limit: 10_000,
  missing: () => missingFile({ '/usr/sbin/bird': 'bird2' }),
  async open(field, cell) {
    const daemon = await startBird(field.node, { name: 'peer', config: birdConfig('delete', cell) });
    return {
      async perform(operation) {
        writeFileSync(daemon.configPath, birdConfig(operation, cell));
        const began = performance.now();
        const answer = await daemon.command('configure');
        if (!answer.includes('Reconfigur')) throw new Error(`bird: ${answer}`);
        await untilProgrammed(field, operation, cell);
        return (performance.now() - began) * 1000;
      },
      close: () => daemon.stop(),
    };
  },
};
