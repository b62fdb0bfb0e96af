/**
 * The body of `POST /v1/collect`: the network configuration that a runtime gives to a plugin's GC, with the attachments
 * that are still valid (CNI specification 1.1, "GC"). Other keys of it are not read.
 */
import { z } from 'zod';
import { describeIssues } from '../../base/describe-issues.ts';
import { FlockError } from '../../base/errors.ts';

const schema = z.object({
  'cni.dev/valid-attachments': z.array(
    z.object({
      containerID: z.string().min(1).describe('CNI_CONTAINERID'),
      ifname: z.string().optional().describe('CNI_IFNAME, the name inside the container; not read.'),
    }),
  ),
});

/** @returns the containers that have an attachment. @throws FlockError FLOCK_REQUEST_INVALID */
export function validContainers(raw: unknown): Set<string> {
  const result = schema.safeParse(raw);
  if (result.success)
    return new Set(result.data['cni.dev/valid-attachments'].map(({ containerID }) => containerID));
  throw new FlockError('FLOCK_REQUEST_INVALID', describeIssues(result.error), {
    value: raw,
    remedy: 'POST the network configuration as the runtime gave it to GC; nothing was removed',
  });
}
