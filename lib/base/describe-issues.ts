/** What a schema found wrong, in words of bounded length. */
import type { z } from 'zod';
import { shortened } from './quoted.ts';

/** Enough to correct a file step by step. */
const most = 20;

/** @returns each issue with the path of its key: `routes.metric: Too small: …; …` */
export function describeIssues({ issues }: z.ZodError): string {
  const words = issues.slice(0, most).map(({ path, message }) => {
    const place = path.length === 0 ? '(top level)' : shortened(path.join('.'), 200);
    return `${place}: ${shortened(message, 400)}`;
  });
  if (issues.length > most) words.push(`and ${issues.length - most} more`);
  return words.join('; ');
}
