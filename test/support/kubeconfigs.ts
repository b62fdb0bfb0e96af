/** Kubeconfigs of one test file, in a folder of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestFn } from 'ava';

export interface Parts {
  config?: object;
  cluster?: object;
  context?: object;
  user?: object;
}

/** A whole kubeconfig with these over its parts. */
export const kubeconfig = ({ config = {}, cluster = {}, context = {}, user = {} }: Parts) => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'x',
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...context } }],
  clusters: [{ name: 'c', cluster: { server: 'https://h:6443', ...cluster } }],
  users: [{ name: 'u', user }],
  ...config,
});

/** Self-signed, and of no use elsewhere: no server knows it. */
export const certificate = {
  cert: Buffer.from(`-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUKACg3TwxR6n+T8nJm4SA8UfdYpMwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjgwMTM4NTVaGA8yMTI2MTEwNDAxMzg1
NVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBf7
Rz5nCr2ZTMjgvjx/5DN5Z96q6wruFqNvtLbtaUA2jlwuOQUWcyL3TINao4CZl93M
7g8B67wMwwbUaehY5D+jUzBRMB0GA1UdDgQWBBRdyF7YfPrYRMPHH27/vh97E6sQ
zDAfBgNVHSMEGDAWgBRdyF7YfPrYRMPHH27/vh97E6sQzDAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCID2xdc96x1s1L/unvUkLnYlC7F4RCRKpO0Si
k0JzOTRAAiEAwhrC3afwTGKjQPCAm7Ec0d18q95nvbRbJVezDChedCM=
-----END CERTIFICATE-----
`),
  key: Buffer.from(`-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgme8hYns6h4y6nE02
jYDebXWYjnA/diqKyL+ZkflmzSWhRANCAAQX+0c+Zwq9mUzI4L48f+QzeWfequsK
7hajb7S27WlANo5cLjkFFnMi90yDWqOAmZfdzO4PAeu8DMMG1GnoWOQ/
-----END PRIVATE KEY-----
`),
};

/** @returns the path of a name in the folder, and what writes a new kubeconfig there and gives its path */
export function kubeconfigFolder(test: TestFn) {
  const dir = mkdtempSync(join(tmpdir(), 'flock-kubeconfig-'));
  test.after.always(() => rmSync(dir, { recursive: true, force: true }));
  const at = (name: string) => join(dir, name);
  let files = 0;
  const write = (content: unknown) => {
    const path = at(`config-${++files}`);
    writeFileSync(path, JSON.stringify(content));
    return path;
  };
  return { at, write };
}
