import test from 'ava';
import {
  nodeConfigStatus,
  nodeConfigStatusPatch,
  nodeConfigStatusSchema,
  type StatusInput,
} from '../../lib/cluster/node-config-status.ts';
import { poolStatus } from '../../lib/cluster/pool-status.ts';

const well: StatusInput = {
  synced: true,
  birdApplied: true,
  peers: [{ name: 'tor', state: 'Established' }],
  destinations: { advertised: 2, held: 0, failed: 0 },
  refused: 1,
  errors: [],
};
const told = (over: Partial<StatusInput> = {}) => {
  const status = nodeConfigStatus({ ...well, ...over }, [], '2026-01-01T00:00:00Z');
  nodeConfigStatusSchema.parse(status);
  return {
    ...status,
    conditions: status.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
  };
};

test('a node that does well is Ready, not Degraded, and has no error; refused addresses are no fault of its', t => {
  const { conditions, lastError, peersEstablished, destinations } = told();
  t.deepEqual(conditions, ['Ready=True Applied', 'Degraded=False AsExpected']);
  t.is(lastError, undefined);
  t.is(peersEstablished, '1/1');
  t.deepEqual(destinations, { advertised: 2, held: 0, failed: 0, refused: 1 });
});

test('each fault is told, the given errors first', t => {
  t.deepEqual(told({ synced: false }).conditions?.[0], 'Ready=False NotSynced');
  t.deepEqual(told({ birdApplied: false }).conditions?.[0], 'Ready=False BirdNotConfigured');
  t.is(told({ peers: [{ name: 'tor', state: 'Active' }] }).lastError, 'no session with tor');
  t.is(
    told({ destinations: { advertised: 0, held: 0, failed: 3 } }).lastError,
    'the kernel refuses 3 destination(s)',
  );
  t.is(told({ errors: ['a'], peers: [{ name: 'tor', state: 'Idle' }] }).lastError, 'a');
});

test("a condition's time stands while its status does", t => {
  const first = nodeConfigStatus(well, [], 'then');
  const second = nodeConfigStatus({ ...well, errors: ['x'] }, first.conditions ?? [], 'now');
  t.deepEqual(
    second.conditions?.map(({ lastTransitionTime }) => lastTransitionTime),
    ['then', 'now'],
  );
});

test('no text in a status is empty, which some API servers refuse', t => {
  const texts = (value: unknown): string[] =>
    typeof value === 'string' ? [value] : Object.values((value ?? {}) as object).flatMap(texts);
  const statuses = [
    nodeConfigStatus(well, [], 'now'),
    nodeConfigStatus({ ...well, peers: [], errors: [''] }, [], 'now'),
    nodeConfigStatus({ ...well, synced: false, birdApplied: false }, [], 'now'),
    poolStatus(1, undefined, 'now'),
    poolStatus(1, '', 'now'),
  ];
  for (const status of statuses) t.false(texts(status).includes(''), JSON.stringify(status));
});

test('a patch removes what the status no longer has', t => {
  const patch = nodeConfigStatusPatch(nodeConfigStatus(well, [], 'now'));
  t.is(patch.lastError, null);
  t.is(patch.peersEstablished, '1/1');
  t.is(nodeConfigStatusPatch(nodeConfigStatus({ ...well, errors: ['x'] }, [], 'now')).lastError, 'x');
  t.deepEqual(Object.keys(nodeConfigStatusPatch({})), Object.keys(nodeConfigStatusSchema.shape));
});
