/** The custom resource AnycastPool: addresses, and which pods may use them. */
import { z } from 'zod';
import { describeIssues } from '../base/describe-issues.ts';
import { FlockError } from '../base/errors.ts';
import { prefix } from './address-schema.ts';

export const poolName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a Kubernetes object name (RFC 1123)');
const labelKey = z
  .string()
  .max(317)
  .regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/, 'must be a label key');
const labelValue = z
  .string()
  .max(63)
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/, 'must be a label value');

const expression = z
  .strictObject({
    key: labelKey,
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: z.array(labelValue).max(256).optional().describe('Only for In and NotIn.'),
  })
  .refine(({ operator, values = [] }) => operator.endsWith('In') === values.length > 0, {
    path: ['values'],
    error: 'In and NotIn need values, Exists and DoesNotExist have none',
  });

export const poolSpecSchema = z
  .strictObject({
    cidrs: z.array(prefix).min(1).max(1024).describe('The addresses, such as 192.0.2.0/28.'),
    namespaces: z
      .strictObject({
        names: z.array(poolName).max(1024).optional(),
        selector: z
          .strictObject({
            matchLabels: z.record(labelKey, labelValue).optional(),
            matchExpressions: z.array(expression).max(64).optional(),
          })
          .optional()
          .describe('Selects namespaces by their labels; an empty selector selects all.'),
      })
      .refine(({ names = [], selector }) => names.length > 0 || selector !== undefined, {
        error: 'name or select namespaces; an empty selector admits all',
      })
      .describe('The namespaces whose pods may use the addresses: those named and those selected.'),
    serviceAccounts: z
      .array(poolName)
      .min(1)
      .max(1024)
      .optional()
      .describe(
        'Only pods of these service accounts may use the addresses. This is no boundary within a namespace: a user who may create pods there may choose any of its service accounts.',
      ),
    exclusive: z
      .boolean()
      .optional()
      .describe('No other pool can grant these addresses; requires exactly one name in namespaces.names.'),
  })
  .refine(
    ({ exclusive, namespaces }) =>
      exclusive !== true || (namespaces.names?.length === 1 && namespaces.selector === undefined),
    { path: ['exclusive'], error: 'needs exactly one name in namespaces.names, and no selector' },
  );

/** A valid pool, with its name and with `exclusive` filled in. */
export type AnycastPool = z.output<typeof poolSpecSchema> & { name: string; exclusive: boolean };

const manifestSchema = z.object({ metadata: z.object({ name: poolName }), spec: poolSpecSchema });

/**
 * @param object an AnycastPool of any shape
 * @param origin how messages name it, such as `AnycastPool dns`
 * @throws FlockError FLOCK_POOL_INVALID naming every wrong key by its path
 */
export function poolOf(object: unknown, origin: string): AnycastPool {
  const result = manifestSchema.safeParse(object);
  if (result.success) {
    const { metadata, spec } = result.data;
    return { ...spec, name: metadata.name, exclusive: spec.exclusive ?? false };
  }
  throw new FlockError('FLOCK_POOL_INVALID', `${origin}: ${describeIssues(result.error)}`, {
    value: object,
    remedy: 'correct the keys named; the last good one stays in force',
  });
}
