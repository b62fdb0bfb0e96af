/** Findings in a few words, for a status that has little room. Pure. */
import type { Finding } from './checks.ts';

/** One message for each code. */
export function inFew(findings: readonly Finding[]): string[] {
  return [...Map.groupBy(findings, ({ code }) => code).values()].map(alike => {
    const [{ message = '' } = {}] = alike;
    return alike.length === 1 ? message : `${message}, and ${alike.length - 1} more like this`;
  });
}
