/** An allocation, which CNI committed for a pod, and the file format of allocations. */
import { z } from 'zod';
import { deepJson } from '../../base/deep-json.ts';
import { describeIssues } from '../../base/describe-issues.ts';
import { FlockError } from '../../base/errors.ts';
import { shortened } from '../../base/quoted.ts';
import { objectName, podKey } from '../pods/pod.ts';

export const allocationSchema = z.strictObject({
  namespace: objectName,
  name: objectName,
  uid: z
    .string()
    .min(1)
    .max(128)
    .describe('The uid of the pod object that these addresses were allocated to; names are reused.'),
  containerId: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe(
      'CNI_CONTAINERID of the sandbox. A pod keeps its uid when its sandbox is made again, and only this tells the two apart.',
    ),
  hostInterface: z
    .string()
    .regex(
      /^(?!\.{1,2}$)[^\s/:\p{Cc}]{1,15}$/u,
      'must be a network interface name (15 bytes, no slash, colon or space)',
    )
    .describe("The host's end of the pod's veth."),
  ipv4: z.string().nullish().describe("The pod's unicast IPv4 address."),
  ipv6: z.string().nullish().describe("The pod's unicast IPv6 address."),
  onlink: z
    .boolean()
    .optional()
    .describe(
      'Both addresses are reached through hostInterface by host routes; no address of that interface covers them.',
    ),
  anycast: z.array(z.string()).default([]).describe('Anycast addresses from the anycast annotation.'),
  addresses: z.array(z.string()).default([]).describe('Further anycast addresses that the pod binds.'),
  state: z.enum(['pending', 'committed']).describe('Only committed allocations are routed.'),
  remade: z
    .boolean()
    .optional()
    .describe(
      'Set by the agent: the pod had another sandbox before, with the same uid. A uid does not suffice then to delete the allocation.',
    ),
});

/** An allocation in force; each field is described in its schema, and in docs/openapi.yaml. */
export type Allocation = z.output<typeof allocationSchema>;
/** An allocation as a program passes it: lists may be left out. */
export type AllocationInput = z.input<typeof allocationSchema>;

/** @throws FlockError FLOCK_ALLOCATIONS_INVALID naming `origin`, the wrong keys and what is allowed */
export function parseAllocation(raw: unknown, origin: string): Allocation {
  const result = allocationSchema.safeParse(raw);
  if (result.success) return result.data;
  throw new FlockError('FLOCK_ALLOCATIONS_INVALID', `${origin}: ${describeIssues(result.error)}`, {
    value: raw,
    remedy: 'correct this allocation; the others are in force',
  });
}

/** A parsed allocation file: allocations in force, and invalid entries that must not be lost. */
export interface AllocationFile {
  allocations: Map<string, Allocation>;
  /** Entries that do not match the schema, as they are in the file. */
  unusable: { raw: unknown; error: FlockError }[];
}

const fileVersion = 1;
const fileSchema = z.strictObject({
  version: z.literal(fileVersion, { error: `must be ${fileVersion}, the only version this program knows` }),
  allocations: z.array(z.unknown()),
});

/**
 * @param text the whole file; an empty file is about to be written and is not an empty set
 * @param origin how messages name it, usually its path
 * @throws FlockError FLOCK_ALLOCATIONS_INVALID when the file as a whole can not be understood; a single bad
 *   entry is in `unusable` instead, and so is the second of two for one pod
 */
export function parseAllocationFile(text: string, origin: string): AllocationFile {
  const file: AllocationFile = { allocations: new Map(), unusable: [] };
  const { allocations } = parseEnvelope(text, origin);
  for (const [index, raw] of allocations.entries()) {
    try {
      const allocation = parseAllocation(raw, `${origin}: allocations[${index}]`);
      const key = podKey(allocation.namespace, allocation.name);
      if (file.allocations.has(key)) {
        throw new FlockError(
          'FLOCK_ALLOCATIONS_INVALID',
          `${origin}: allocations[${index}]: a second allocation of ${key}`,
          {
            value: key,
            remedy: 'keep one allocation per pod; the first is in force',
          },
        );
      }
      file.allocations.set(key, allocation);
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      file.unusable.push({ raw, error });
    }
  }
  return file;
}

/** The file's text; unusable entries come after the others, with what they had, however deeply it is nested. */
export function formatAllocationFile(file: AllocationFile): string {
  return [...allocationFileParts(file)].join('');
}

/** As a person would like it, unless it is nested too deeply for that. */
function jsonOf(raw: unknown): string {
  try {
    return JSON.stringify(raw, null, 2);
  } catch {
    return deepJson(raw);
  }
}

/** The same text in parts, so that a large file can be written with pauses for other work. */
export function* allocationFileParts({ allocations, unusable }: AllocationFile): Generator<string> {
  let part = `{\n  "version": ${fileVersion},\n  "allocations": [`;
  let isFirst = true;
  const entry = (text: string) => {
    part += `${isFirst ? '' : ','}\n    ${text.replaceAll('\n', '\n    ')}`;
    isFirst = false;
  };
  for (const allocation of allocations.values()) {
    entry(JSON.stringify(allocation, null, 2));
    if (part.length < partLength) continue;
    yield part;
    part = '';
  }
  for (const { raw } of unusable) entry(jsonOf(raw));
  yield `${part}${isFirst ? '' : '\n  '}]\n}\n`;
}

/** In characters: made in a fraction of a millisecond. */
const partLength = 64 * 1024;

function parseEnvelope(text: string, origin: string): z.output<typeof fileSchema> {
  const remedy = 'restore the file from its last good copy; routes stay as they are until then';
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new FlockError(
      'FLOCK_ALLOCATIONS_INVALID',
      `${origin} is not JSON: ${shortened((cause as Error).message, 400)}`,
      {
        remedy,
        cause,
      },
    );
  }
  const result = fileSchema.safeParse(raw);
  if (result.success) return result.data;
  throw new FlockError('FLOCK_ALLOCATIONS_INVALID', `${origin}: ${describeIssues(result.error)}`, { remedy });
}
