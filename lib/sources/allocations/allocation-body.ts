/**
 * An allocation in a request. Its checks are stricter than those of the file: the client can correct it, so an
 * address that can not be routed is refused at once, without a later warning.
 */
import type { z } from 'zod';
import { parseAddress, whyNotAnycast } from '../../base/address.ts';
import { quoted, shortened } from '../../base/quoted.ts';
import { allocationSchema } from './allocation.ts';

/** The path names the pod; the body may repeat it, so that the answer of a GET can be sent by a PUT. */
export const allocationBodySchema = allocationSchema.partial({ namespace: true, name: true });

/** What is wrong with a body that its schema accepts, each with its field: `ipv4: …; …`; empty when nothing is. */
export function contradictions(
  body: z.output<typeof allocationBodySchema>,
  namespace: string,
  name: string,
): string {
  const found: string[] = [];
  const expect = (field: string, problem: string | undefined) => {
    if (problem !== undefined) found.push(`${field}: ${problem}`);
  };
  expect('namespace', contradiction(body.namespace, namespace));
  expect('name', contradiction(body.name, name));
  for (const family of [4, 6] as const) {
    const text = body[`ipv${family}`];
    if (text) expect(`ipv${family}`, unicastProblem(text, family));
  }
  for (const field of ['anycast', 'addresses'] as const)
    for (const [index, text] of body[field].entries()) expect(`${field}.${index}`, anycastProblem(text));
  return found.join('; ');
}

function contradiction(said: string | undefined, path: string): string | undefined {
  return said === undefined || said === path
    ? undefined
    : `${shortened(said)} contradicts the path, which says ${path}`;
}

function unicastProblem(text: string, family: 4 | 6): string | undefined {
  return familyOf(text) === family ? undefined : `${quoted(text)} is not an IPv${family} address`;
}

function anycastProblem(text: string): string | undefined {
  if (familyOf(text) === undefined) return `${quoted(text)} is not an IP address`;
  const refusal = whyNotAnycast(parseAddress(text));
  return refusal === undefined ? undefined : `${shortened(text)} is ${refusal}`;
}

function familyOf(text: string): 4 | 6 | undefined {
  try {
    return parseAddress(text).family;
  } catch {
    return undefined;
  }
}
