/** What a schema found wrong, in words. */
import type { z } from 'zod';

/** @returns each issue with the path of its key: `routes.metric: Too small: …; …` */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .map(issue => `${issue.path.length === 0 ? '(top level)' : issue.path.join('.')}: ${issue.message}`)
    .join('; ');
}
