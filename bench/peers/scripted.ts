/** Peers that are programs in other languages: each line is a request, answered by one line. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Cell, Field } from '../field.ts';
import { LineProgram } from '../line-program.ts';
import { missingFile, type Peer, type Worker } from './peer.ts';

const execute = promisify(execFile);
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function worker(field: Field, cell: Cell, command: string, ...args: string[]): Promise<Worker> {
  const { family, nexthops, destinations } = cell;
  const stdio: 'pipe'[] = ['pipe', 'pipe', 'pipe'];
  const program = new LineProgram(field.node.spawn(command, args, { stdio }));
  return {
    perform: async operation =>
      Number(await program.ask(`${operation} ${family} ${nexthops} ${destinations}`)),
    close: () => program.stop(),
  };
}

/** Debian installs Go libraries as sources in one tree. */
const goPath = '/usr/share/gocode';
const built = new WeakMap<Field, Promise<string>>();

function buildGo(field: Field): Promise<string> {
  const known = built.get(field);
  if (known !== undefined) return known;
  const program = field.file('go-agent');
  const env = {
    ...process.env,
    GOPATH: goPath,
    GO111MODULE: 'off',
    GOFLAGS: '',
    GOCACHE: field.file('go-cache'),
  };
  const building = execute('go', ['build', '-o', program, path('go/main.go')], { env }).then(() => program);
  built.set(field, building);
  return building;
}

export const go: Peer = {
  name: 'go',
  what: 'the usual way of agents in Go: vishvananda/netlink, look each link up by name, replace one route, wait',
  limit: 10_000,
  missing: () =>
    missingFile({
      '/usr/bin/go': 'golang-go',
      [`${goPath}/src/github.com/vishvananda/netlink`]: 'golang-github-vishvananda-netlink-dev',
    }),
  open: async (field, cell) => worker(field, cell, await buildGo(field)),
};

/** Debian's own Python: another one in PATH does not have Debian's packages. */
const python = '/usr/bin/python3';

export const pyroute2: Peer = {
  name: 'pyroute2',
  what: 'Python, IPRoute.route, one request a route; links looked up once',
  limit: 1000,
  missing: () =>
    missingFile({ [python]: 'python3', '/usr/lib/python3/dist-packages/pyroute2': 'python3-pyroute2' }),
  open: (field, cell) => worker(field, cell, python, path('python/routes.py')),
};
