/**
 * What a kubeconfig can say, by the fields of client-go's `clientcmd/api/v1`: what we do of it, and for the rest the
 * words with which it is refused. A key that is not here is refused too: client-node, which reads the entries then,
 * drops what it does not know in silence.
 */
import { z } from 'zod';
import { quoted } from '../../base/quoted.ts';

const text = z.string({ error: ({ input }) => (input === undefined ? 'is missing' : undefined) });
/** What says nothing to us: names for other programs, a default namespace, colours. */
const ofNoEffect = z.unknown().optional();

/** A field that we do not do. @param remedy what to write instead */
const refused = (remedy: string, name: (value: unknown) => string = () => '') =>
  z
    .unknown()
    .optional()
    .superRefine((value, context) => {
      if (value === undefined) return;
      context.addIssue({ code: 'custom', message: `${name(value)}is not supported`, params: { remedy } });
    });

/** Go takes null and the empty text for what is not there. */
const withoutEmpty = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null && each !== ''))
    : value;

const fields = <T extends z.ZodRawShape>(shape: T) => z.preprocess(withoutEmpty, z.strictObject(shape));

const serverSchema = text.superRefine((value, context) => {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    const remedy = 'write it as https://HOST:PORT';
    context.addIssue({
      code: 'custom',
      message: `${quoted(value)} is not an http(s) URL`,
      params: { remedy },
    });
  }
});

export const clusterSchema = fields({
  server: serverSchema,
  'tls-server-name': text.optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'certificate-authority': text.optional(),
  'certificate-authority-data': z.base64().optional(),
  'proxy-url': refused('name a server that this node reaches directly'),
  // We never ask for compression.
  'disable-compression': z.boolean().optional(),
  extensions: z.array(z.object({ name: text, extension: z.unknown() })).optional(),
}).superRefine((cluster, context) => {
  const authorities = ['certificate-authority', 'certificate-authority-data'] as const;
  refuseBoth(cluster, authorities, context);
  const named = authorities.find(each => cluster[each] !== undefined);
  if (cluster['insecure-skip-tls-verify'] && named) {
    refuseBoth(cluster, [named, 'insecure-skip-tls-verify'], context);
  }
});

const execVersions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const;

export const execSchema = fields({
  command: text,
  args: z.array(text).optional(),
  env: z.array(fields({ name: text, value: text.default('') })).optional(),
  apiVersion: z.enum(execVersions),
  installHint: text.optional(),
  provideClusterInfo: z.boolean().optional(),
  interactiveMode: z
    .enum(['Never', 'IfAvailable', 'Always'])
    .optional()
    .superRefine((mode, context) => {
      if (mode !== 'Always') return;
      const remedy = 'use a plugin that works without a terminal, and write Never or IfAvailable';
      context.addIssue({ code: 'custom', message: 'Always is not supported', params: { remedy } });
    }),
});

const instead = 'use a token, a certificate or exec';

export const userSchema = fields({
  'client-certificate': text.optional(),
  'client-certificate-data': z.base64().optional(),
  'client-key': text.optional(),
  'client-key-data': z.base64().optional(),
  token: text.optional(),
  tokenFile: text.optional(),
  as: text.optional(),
  'as-uid': text.optional(),
  'as-groups': z.array(text).optional(),
  'as-user-extra': z.record(text, z.array(text)).optional(),
  username: refused(instead),
  password: refused(instead),
  'auth-provider': refused(instead, value => `${(value as { name?: unknown }).name} `),
  exec: execSchema.optional(),
  extensions: ofNoEffect,
}).superRefine((user, context) => {
  refuseBoth(user, ['client-certificate', 'client-certificate-data'], context);
  refuseBoth(user, ['client-key', 'client-key-data'], context);
  const has = (name: 'client-certificate' | 'client-key') => user[name] ?? user[`${name}-data`];
  const [given, missing] = has('client-key')
    ? (['client-key', 'client-certificate'] as const)
    : (['client-certificate', 'client-key'] as const);
  if (has(given) && !has(missing)) {
    const params = { remedy: `add ${missing} or ${missing}-data` };
    context.addIssue({ code: 'custom', path: [given], message: `is given without ${missing}`, params });
  }
  for (const name of ['as-uid', 'as-groups', 'as-user-extra'] as const) {
    if (user[name] === undefined || user.as !== undefined) continue;
    const params = { remedy: 'name a user in `as`' };
    context.addIssue({ code: 'custom', path: [name], message: 'is given without as', params });
  }
});

export const contextSchema = fields({
  cluster: text,
  user: text,
  namespace: ofNoEffect,
  extensions: ofNoEffect,
});

const named = z.array(z.object({ name: text }).loose()).default([]);

export const fileSchema = fields({
  kind: z.literal('Config').optional(),
  apiVersion: z.literal('v1').optional(),
  preferences: ofNoEffect,
  clusters: named,
  users: named,
  contexts: named,
  'current-context': text.optional(),
  extensions: ofNoEffect,
});

export type Exec = z.output<typeof execSchema>;

/** client-go refuses these too: it can not be told which of the two is meant. */
function refuseBoth<T extends object>(
  value: T,
  [first, second]: readonly [keyof T & string, keyof T & string],
  context: z.RefinementCtx,
): void {
  if (value[first] === undefined || value[second] === undefined) return;
  const message = `is given beside ${first}`;
  context.addIssue({ code: 'custom', path: [second], message, params: { remedy: 'keep one of them' } });
}
