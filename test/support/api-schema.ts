/**
 * What today's Kubernetes knows of a request: its path, its query parameters and each field of its body, from the OpenAPI
 * that client-node's classes are made from; of our own resources, from their definitions.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parse } from 'yaml';
import { definitionFiles } from '../../scripts/crds/definitions.ts';
import type { Schema } from '../../scripts/crds/structural.ts';

export interface ApiRequest {
  method: string;
  /** With its query. */
  uri: string;
  body?: unknown;
}

interface Operation {
  path: RegExp;
  method: string;
  parameters: Set<string>;
  /** The class of the body. */
  body: string | undefined;
}

const generated = (name: string) =>
  createRequire(import.meta.url).resolve(`@kubernetes/client-node/dist/gen/${name}`);
const classes: Record<string, string> = {
  '/api/v1/': 'CoreV1Api',
  '/apis/discovery.k8s.io/v1/': 'DiscoveryV1Api',
  '/apis/events.k8s.io/v1/': 'EventsV1Api',
};
const ours = /^\/apis\/anycast\.flock-anycast\.io\/v1alpha1\/(\w+)(?:\/([^/]+)\/status)?$/;
const operations = new Map<string, Operation[]>();

/** The release of Kubernetes whose OpenAPI this is, such as `1.36`. */
export function releaseOfSchema(): string {
  const text =
    readFileSync(generated('apis/CoreV1Api.d.ts'), 'utf8') +
    readFileSync(generated('models/EventsV1Event.js'), 'utf8');
  return /OpenAPI spec version: release-(\S+)/.exec(text)?.[1] ?? 'unknown';
}

/** @returns what is wrong with the request; nothing when the schema takes it */
export async function problemsOf({ method, uri, body }: ApiRequest): Promise<string[]> {
  const { pathname, searchParams } = new URL(uri, 'http://server');
  const own = ours.exec(pathname);
  // A list of any kind has the same parameters, and so has a patch.
  const like =
    own === null ? pathname : own[2] === undefined ? '/api/v1/namespaces' : '/api/v1/nodes/any/status';
  const operation = operationOf(method, like);
  if (operation === undefined) return [`${method} ${pathname} is no path`];
  const wrong = [...searchParams.keys()].filter(key => !operation.parameters.has(key));
  const problems = wrong.map(key => `${method} ${pathname} has no parameter ${key}`);
  if (body === undefined) return problems;
  // A patch names only what it changes, and removes what is null.
  const isPatch = method === 'PATCH';
  if (own !== null)
    return [...problems, ...structuralProblems(body, definitionOf(own[1] ?? ''), isPatch, '')];
  const name = method === 'PATCH' ? operationOf('PUT', like)?.body : operation.body;
  return [...problems, ...(await modelProblems(body, name ?? 'none', isPatch, ''))];
}

function operationOf(method: string, path: string): Operation | undefined {
  const prefix = Object.keys(classes).find(each => path.startsWith(each));
  if (prefix === undefined) return undefined;
  const known = operations.get(prefix) ?? read(classes[prefix] as string);
  operations.set(prefix, known);
  return known.find(each => each.method === method && each.path.test(path));
}

function read(name: string): Operation[] {
  const [, ...functions] = readFileSync(generated(`apis/${name}.js`), 'utf8').split(/const localVarPath = /);
  return functions.map(text => {
    const template = /^'([^']*)'/.exec(text)?.[1] ?? '';
    return {
      path: new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`),
      method: /HttpMethod\.(\w+)/.exec(text)?.[1] ?? '',
      parameters: new Set(
        [...text.matchAll(/setQueryParam\("(\w+)"/g)].map(([, parameter]) => parameter ?? ''),
      ),
      body: /serialize\(body, "(\w+)"/.exec(text)?.[1],
    };
  });
}

async function modelProblems(value: unknown, type: string, isPatch: boolean, at: string): Promise<string[]> {
  const list = /^(?:Array|Set)<(.*)>$/.exec(type)?.[1];
  if (list !== undefined) {
    if (!Array.isArray(value)) return [`${at} is no list`];
    return (
      await Promise.all(value.map((each, index) => modelProblems(each, list, isPatch, `${at}[${index}]`)))
    ).flat();
  }
  if (value === null) return isPatch ? [] : [`${at} is null`];
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (map !== undefined) {
    const all = Object.entries(value as object).map(([key, each]) =>
      modelProblems(each, map, isPatch, `${at}.${key}`),
    );
    return (await Promise.all(all)).flat();
  }
  if (['string', 'number', 'boolean'].includes(type))
    return typeof value === type ? [] : [`${at} is no ${type}`];
  if (type === 'Date') return isTime(value, /T[\d:]{8}(\.\d+)?Z$/) ? [] : [`${at} is no time`];
  if (type === 'V1MicroTime')
    return isTime(value, /T[\d:]{8}\.\d{6}Z$/) ? [] : [`${at} is no time in microseconds`];
  const model = (await import(generated(`models/${type}.js`)))[type];
  const fields = new Map<string, string>(
    model.getAttributeTypeMap().map(({ baseName, type }: Record<string, string>) => [baseName, type]),
  );
  const text = readFileSync(generated(`models/${type}.d.ts`), 'utf8');
  const required = isPatch ? [] : [...text.matchAll(/^ {4}'(\w+)': /gm)].map(([, key]) => key ?? '');
  const missing = required.filter(key => !(key in (value as object))).map(key => `${at}.${key} is missing`);
  const inner = Object.entries(value as object).map(([key, each]) => {
    const field = fields.get(key);
    return field === undefined
      ? [`${at}.${key} is no field of ${type}`]
      : modelProblems(each, field, isPatch, `${at}.${key}`);
  });
  return [...missing, ...(await Promise.all(inner)).flat()];
}

function isTime(value: unknown, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value) && !Number.isNaN(Date.parse(value));
}

function definitionOf(plural: string): Schema {
  const definition = parse(definitionFiles().get(`${plural}.yaml`) ?? '');
  return definition.spec.versions[0].schema.openAPIV3Schema;
}

function structuralProblems(value: unknown, schema: Schema, isPatch: boolean, at: string): string[] {
  if (value === null) return isPatch ? [] : [`${at} is null`];
  const { type, properties, items, additionalProperties, required } = schema;
  if (type === 'array') {
    if (!Array.isArray(value) || items === undefined) return [`${at} is no list`];
    return value.flatMap((each, index) => structuralProblems(each, items, false, `${at}[${index}]`));
  }
  if (type !== 'object') {
    const kind = type === 'integer' ? 'number' : type;
    return typeof value === kind ? [] : [`${at} is no ${type}`];
  }
  // What a server keeps of every object; its schema is the server's.
  if (properties === undefined && additionalProperties === undefined) return [];
  const missing = isPatch
    ? []
    : ((required as string[] | undefined) ?? []).filter(key => !(key in (value as object)));
  return [
    ...missing.map(key => `${at}.${key} is missing`),
    ...Object.entries(value as object).flatMap(([key, each]) => {
      const field =
        properties?.[key] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
      return field === undefined
        ? [`${at}.${key} is no field`]
        : structuralProblems(each, field, isPatch, `${at}.${key}`);
    }),
  ];
}
