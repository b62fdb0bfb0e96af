/** The programs of docs/library.md, run unchanged by a user who has installed the package. */
import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { errorCodes } from '../../lib/base/errors.ts';
import { eventually, Lab } from '../support/lab.ts';
import { createNodeLab, type NodeLab, routesOf } from '../support/node-lab.ts';
import { readPage } from '../support/page.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readPage('library.md');
/** Types of the package and of Node, by the strictest options. */
const compilerOptions = { module: 'nodenext', target: 'es2024', strict: true, noEmit: true, types: ['node'] };

/** Installs the package in a lab's folder, beside the page's programs. */
function install({ dir }: Lab): void {
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(root, join(dir, 'node_modules/flock-anycast'));
  symlinkSync(join(root, 'node_modules/@types'), join(dir, 'node_modules/@types'));
  writeFileSync(join(dir, 'package.json'), '{ "private": true, "type": "module" }');
  for (const { file, text } of page.blocks) if (file !== undefined) writeFileSync(join(dir, file), text);
}

/** A node with pods, and the package with the page's programs in the lab's folder. */
async function createUser(t: ExecutionContext, pods: number): Promise<NodeLab> {
  const nodeLab = await createNodeLab(t, pods);
  install(nodeLab.lab);
  return nodeLab;
}

interface Running {
  child: ChildProcess;
  /** What it has written so far. */
  output(): string;
  /** Ends it by SIGTERM. @returns its exit code */
  end(): Promise<number | null>;
}

/** Starts a program of the page in the node. */
function start({ lab, node }: NodeLab, file: string, ...args: string[]): Running {
  const child = node.spawn(process.execPath, [file, ...args], { cwd: lab.dir });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', data => (output += data));
  const closed = once(child, 'close');
  return {
    child,
    output: () => output,
    async end() {
      child.kill('SIGTERM');
      return (await closed)[0];
    },
  };
}

function says({ output }: Running, text: string | RegExp): Promise<unknown> {
  return eventually(
    () => `${text} in ${output()}`,
    () => (typeof text === 'string' ? output().includes(text) : text.test(output())),
  );
}

test('10,000 routes are created in one call, but for the one that another owner has', async t => {
  const user = await createUser(t, 1);
  const taken = ['198.18.0.7/32', 'via', '10.1.1.2', 'dev', 'p0', 'proto', '99', 'metric', '16'];
  await user.node.ip('route', 'add', ...taken);
  const program = start(user, 'add-routes.ts', 'p0', '10.1.1.2');
  await once(program.child, 'close');
  t.regex(program.output(), /^9999 of 10000 routes were created\n198\.18\.0\.7\/32: EEXIST.*\n$/);
  const routes = await routesOf(user.node, 70);
  t.is(routes.length, 9999);
  t.deepEqual(routes[0], { destination: '198.18.0.0/32', protocol: '70', nexthops: ['10.1.1.2%p0'] });
  t.is((await routesOf(user.node, 99)).length, 1);
});

test("the kernel's own text is printed where it gives one", async t => {
  const user = await createUser(t, 1);
  const program = start(user, 'add-routes.ts', 'p0', '203.0.113.1');
  await once(program.child, 'close');
  t.regex(
    program.output(),
    /^0 of 10000 routes were created\n198\.18\.0\.0\/32: ENETUNREACH Nexthop has invalid/,
  );
});

test('what others do to routes is printed, and what the kernel does not report is read', async t => {
  const user = await createUser(t, 2);
  const { node } = user;
  const route = (...words: string[]) => node.ip('route', ...words, 'proto', '70', 'metric', '16');
  await route('add', '192.0.2.1/32', 'via', '10.1.1.2');
  const program = start(user, 'watch-routes.ts');
  await says(program, 'read 1 routes\n= 192.0.2.1/32 metric 16 via 10.1.1.2%p0\n');
  await route('add', '192.0.2.2/32', 'via', '10.1.2.2');
  await says(program, '+ 192.0.2.2/32 metric 16 via 10.1.2.2%p1\n');
  await node.ip('-6', 'route', 'add', '2001:db8::1/128', 'via', 'fd00:1:1::2', 'proto', '70', 'metric', '16');
  await says(program, '+ 2001:db8::1/128 metric 16 via fd00:1:1::2%p0\n');
  await route('del', '192.0.2.1/32');
  await says(program, '- 192.0.2.1/32 metric 16\n');
  await node.ip('link', 'del', 'p1');
  await says(program, /read 1 routes\n= 2001:db8::1\/128 metric 16 via fd00:1:1::2%p0\n/);
  t.is(await program.end(), 0);
});

test("the agent makes the kernel's routes what its file says, and leaves them when it stops", async t => {
  const user = await createUser(t, 2);
  const { lab, node } = user;
  const via = (...pods: number[]) => pods.map(pod => ({ interface: `p${pod}`, via: `10.1.${pod + 1}.2` }));
  const write = (content: unknown) => {
    writeFileSync(join(lab.dir, 'new'), typeof content === 'string' ? content : JSON.stringify(content));
    renameSync(join(lab.dir, 'new'), join(lab.dir, 'routes.json'));
  };
  /** Waits until exactly these are announced: `DESTINATION NEXTHOP…`, in order. */
  const announces = (...expected: string[]) =>
    eventually(`announced: ${expected}`, async () => {
      const routes = await routesOf(node, 70);
      const seen = routes.map(({ destination, nexthops }) => [destination, ...nexthops].join(' '));
      return seen.join() === expected.join();
    });
  const [one, both] = ['192.0.2.53/32 10.1.1.2%p0', '192.0.2.54/32 10.1.1.2%p0 10.1.2.2%p1'];

  write({ '192.0.2.53': via(0), '192.0.2.54': via(0, 1) });
  const agent = start(user, 'agent.ts', 'routes.json');
  await announces(one, both);

  await node.ip('route', 'del', '192.0.2.53/32', 'proto', '70', 'metric', '16');
  await announces(one, both);

  write('{ "192.0.2.53": [');
  await says(agent, 'the file can not be used');
  await announces(one, both);

  write({ '192.0.2.54': via(0, 1) });
  await announces(both);
  await eventually('the withdrawn route to be removed', async () => (await routesOf(node, 71)).length === 0);

  t.is(await agent.end(), 0);
  t.regex(agent.output(), /"kind":"hold","destination":"192\.0\.2\.53\/32"/);
  t.regex(agent.output(), /"kind":"remove","destination":"192\.0\.2\.53\/32"/);
  await announces(both);

  write('not written yet');
  const next = start(user, 'agent.ts', 'routes.json');
  await says(next, 'the file can not be used');
  await announces(both);
  write({ '192.0.2.54': via(1) });
  await announces('192.0.2.54/32 10.1.2.2%p1');
  t.is(await next.end(), 0);
});

test('the programs and every name of the table of parts pass a strict type check', async t => {
  const lab = await Lab.create();
  t.teardown(() => lab.destroy());
  install(lab);
  const parts = page.text.split('\n## ').find(section => section.startsWith('4. Parts')) ?? '';
  const rows = parts.split('\n').filter(line => line.startsWith('| `'));
  const names = rows.flatMap(row =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  t.true(names.length > 30);
  writeFileSync(
    join(lab.dir, 'parts.ts'),
    `import type { ${names.join(', ')} } from 'flock-anycast';\nexport type { ${names.join(', ')} };\n`,
  );
  writeFileSync(join(lab.dir, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  await t.notThrowsAsync(run(join(root, 'node_modules/.bin/tsc'), ['--project', lab.dir]));
});

test('every error code of the page is one of ours', t => {
  const codes = [...page.text.matchAll(/FLOCK_[A-Z_]+/g)].map(([code]) => code);
  t.deepEqual(
    codes.filter(code => !(code in errorCodes)),
    [],
  );
});

test("the package can be imported where Kubernetes' client is missing", async t => {
  const program = `
    import { registerHooks } from 'node:module';
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier.startsWith('@kubernetes/')) throw new Error('asked for ' + specifier);
        return next(specifier, context);
      },
    });
    console.log(typeof (await import('flock-anycast')).runAgent);
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: root });
  t.is(stdout, 'function\n');
});
