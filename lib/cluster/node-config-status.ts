/** The status of a NodeConfig, from the state of its node. Pure. */
import { z } from 'zod';
import { type Condition, conditionSchema } from './condition.ts';

export const nodeConfigStatusSchema = z.strictObject({
  conditions: z.array(conditionSchema).optional(),
  peers: z
    .array(z.strictObject({ name: z.string(), state: z.string() }))
    .optional()
    .describe("BGP sessions with their state in BIRD; only 'Established' carries routes."),
  peersEstablished: z.string().optional().describe('Established and configured peers, such as 1/2.'),
  destinations: z
    .strictObject({
      advertised: z.int().min(0).max(2_147_483_647),
      held: z.int().min(0).max(2_147_483_647).describe('Forwarded, no longer announced.'),
      failed: z.int().min(0).max(2_147_483_647).describe('Refused by the kernel; retried.'),
      refused: z.int().min(0).max(2_147_483_647).describe('Requested addresses that no AnycastPool grants.'),
    })
    .optional(),
  lastError: z.string().optional().describe('The worst problem now; absent when there is none.'),
});

export type NodeConfigStatus = z.output<typeof nodeConfigStatusSchema>;

export interface StatusInput {
  /** All sources were read once. */
  synced: boolean;
  /** BIRD is known to run this node config. */
  birdApplied: boolean;
  peers: readonly { name: string; state: string }[];
  destinations: Omit<NonNullable<NodeConfigStatus['destinations']>, 'refused'>;
  /** The number of addresses that pods request and that are refused. */
  refused: number;
  /** All problems, the worst first. */
  errors: readonly string[];
}

/**
 * @param before the last conditions, whose transition time stays while their status does
 * @param now RFC 3339
 */
export function nodeConfigStatus(
  { synced, birdApplied, peers, destinations, refused, errors }: StatusInput,
  before: readonly Condition[],
  now: string,
): NodeConfigStatus {
  const established = peers.filter(({ state }) => state === 'Established').length;
  const down = peers.filter(({ state }) => state !== 'Established').map(({ name }) => name);
  const faults = [
    ...errors.map(error => error || 'an error without a message'),
    ...(down.length > 0 ? [`no session with ${down.join(', ')}`] : []),
    ...(destinations.failed > 0 ? [`the kernel refuses ${destinations.failed} destination(s)`] : []),
  ];
  const condition = (type: string, is: boolean, reason: string, message: string): Condition => {
    const status = is ? 'True' : 'False';
    const known = before.find(each => each.type === type && each.status === status);
    return { type, status, reason, message, lastTransitionTime: known?.lastTransitionTime ?? now };
  };
  const [unready, why] = synced
    ? ['BirdNotConfigured', 'BIRD does not run this configuration']
    : ['NotSynced', 'not everything has been read yet'];
  const ready = synced && birdApplied;
  return {
    conditions: [
      condition('Ready', ready, ready ? 'Applied' : unready, ready ? 'BIRD runs this configuration' : why),
      condition(
        'Degraded',
        faults.length > 0,
        faults.length > 0 ? 'Faults' : 'AsExpected',
        faults.join('; ') || 'nothing is wrong',
      ),
    ],
    peers: [...peers],
    peersEstablished: `${established}/${peers.length}`,
    destinations: { ...destinations, refused },
    // Not the empty text: some API servers (1.20 for one) take it for null and refuse the whole status with 422.
    ...(faults[0] !== undefined && { lastError: faults[0] }),
  };
}

/**
 * The merge patch (RFC 7386) that makes a status this one: what it does not have is removed, for a patch keeps what
 * it does not name.
 */
export function nodeConfigStatusPatch(status: NodeConfigStatus): Record<string, unknown> {
  const absent = Object.keys(nodeConfigStatusSchema.shape).map(key => [key, null]);
  return { ...Object.fromEntries(absent), ...status };
}
