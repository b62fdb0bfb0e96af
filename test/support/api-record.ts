/** What the agents asked of an API server, from the server's own audit log. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ApiRequest, problemsOf } from './api-schema.ts';

/** As the agent calls itself. */
const agent = 'flock-anycast';
const methods: Record<string, string> = { create: 'POST', patch: 'PATCH', update: 'PUT', delete: 'DELETE' };

/** @returns the server's flags for a log in this folder */
export function auditFlags(dir: string): string[] {
  const policy = join(dir, 'audit-policy.json');
  // A watch is complete only when it ends: it is recorded when it begins.
  const rules = [{ level: 'Request', verbs: ['create', 'update', 'patch', 'delete'] }, { level: 'Metadata' }];
  const omitStages = ['RequestReceived'];
  writeFileSync(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages, rules }));
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${logIn(dir)}`];
}

const logIn = (dir: string) => join(dir, 'audit.log');

/** @returns the agents' requests, each once, without those that the server did not let them make */
export function recordedIn(dir: string): ApiRequest[] {
  if (!existsSync(logIn(dir))) return [];
  const requests = new Map<string, ApiRequest>();
  for (const line of readFileSync(logIn(dir), 'utf8').split('\n')) {
    // A server that was killed may have left a part of a line.
    if (!line.includes(`"userAgent":"${agent}"`) || !line.endsWith('}')) continue;
    const { verb, requestURI: uri, requestObject: body, responseStatus } = JSON.parse(line);
    if ([401, 403].includes(responseStatus?.code)) continue;
    const method = methods[verb] ?? 'GET';
    const request = { method, uri, ...(body && { body: method === 'POST' ? withoutNulls(body) : body }) };
    requests.set(JSON.stringify(request), request);
  }
  return [...requests.values()];
}

/**
 * A patch is in the log as it was sent, a new object as the server has read it: without unknown fields, and with null for
 * some that were not sent. What an agent sends for a new one is looked at in test/cluster/kubernetes-events.test.ts.
 */
function withoutNulls(value: object): object {
  return JSON.parse(JSON.stringify(value, (_, each) => each ?? undefined));
}

/** @returns what today's Kubernetes would find wrong with the recorded requests, each thing once */
export async function problemsIn(requests: readonly ApiRequest[]): Promise<string[]> {
  const problems = new Set<string>();
  for (const request of requests) {
    for (const problem of await problemsOf(request)) {
      problems.add(`${request.method} ${request.uri}: ${problem}`);
    }
  }
  return [...problems];
}
