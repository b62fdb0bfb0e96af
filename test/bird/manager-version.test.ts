import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import test from 'ava';
import { birdVersion } from '../support/bird.ts';
import { eventually } from '../support/lab.ts';
import { foreign, nodeConfig, place } from './place.ts';

test('an agent that starts while BIRD is away writes what the BIRD of before can run on as it is', async t => {
  const { bird, configPath, manager } = await place(t);
  const first = await bird(foreign);
  const before = manager({ mode: 'learn' });
  t.is((await before.apply({ nodeConfig, active: [] })).state, 'applied');
  before.close();
  await first.kill();
  const text = readFileSync(configPath, 'utf8');
  t.true(text.includes(`\n# For BIRD ${birdVersion()}\n`));

  const after = manager({ mode: 'learn' });
  t.is((await after.apply({ nodeConfig, active: [] })).state, 'unreachable');
  t.is(readFileSync(configPath, 'utf8'), text);
  const again = await bird();
  t.is((await after.apply({ nodeConfig, active: [] })).state, 'applied');
  t.notRegex(again.log, /Restarting protocol/, 'a protocol that restarts drops its routes');
});

test('a BIRD newer than any that was tested is named once, and configured', async t => {
  const { configPath, lab, lines, manager } = await place(t);
  let connection: Socket | undefined;
  const server = createServer(socket => {
    connection = socket;
    socket.write('0001 BIRD 9.1.0 ready.\n');
    socket.on('data', () =>
      socket.write(`0002-Reading configuration from ${configPath}\n0003 Reconfigured\n`),
    );
  });
  t.teardown(() => server.close());
  await new Promise<void>(resolve => server.listen(`${lab.dir}/bird.ctl`, resolve));
  const one = manager({ mode: 'learn' });
  for (let time = 0; time < 2; time++) {
    t.is((await one.apply({ nodeConfig, active: [] })).state, 'applied');
    connection?.destroy();
    await eventually('its end', () => !one.status().connected);
  }
  t.deepEqual(
    lines.filter(line => line.includes('newer')),
    ['BIRD 9.1.0 is newer than any that was tested: it is treated like 3.4'],
  );
  t.regex(readFileSync(configPath, 'utf8'), /scan time 1;/);
});
