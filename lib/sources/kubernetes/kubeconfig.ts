/**
 * Reads kubeconfig files as client-go does (clientcmd): of several, the first that has a name or a current context
 * wins, one that is missing is passed over, and a path in a file is relative to it.
 *
 * Our schema refuses what can not be done, client-node reads the entries, and what it has no field for is added.
 * Of client-node only its kubeconfig types and the reader of token files are loaded: its `KubeConfig` reaches all
 * generated API classes, and with them 86 MB of memory on every node (measured, client-node 2.0.1).
 */
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Cluster, Context, User } from '@kubernetes/client-node/dist/config_types.js';
import { newClusters, newContexts, newUsers } from '@kubernetes/client-node/dist/config_types.js';
import type { z } from 'zod';
import { describeIssues } from '../../base/describe-issues.ts';
import { quoted, shortened } from '../../base/quoted.ts';
import { longestFile, readTextFile } from '../../base/regular-file.ts';
import { parseYamlText } from '../../base/yaml-text.ts';
import { clusterSchema, contextSchema, type Exec, fileSchema, userSchema } from './kubeconfig-schema.ts';

export interface Kubeconfig {
  cluster: KubeconfigCluster;
  user: KubeconfigUser;
}

export interface KubeconfigCluster extends Cluster {
  readonly disableCompression?: boolean | undefined;
  /** What the cluster's entry has for exec plugins, in the extension of that name. */
  readonly execExtension?: unknown;
}

export interface KubeconfigUser extends User {
  readonly exec?: Exec;
  readonly authProvider?: TokenFileProvider;
  readonly impersonateUid?: string | undefined;
  readonly impersonateGroups?: string[] | undefined;
  readonly impersonateExtra?: Record<string, string[]> | undefined;
}

/** How client-node names a token in a file. */
interface TokenFileProvider {
  name: string;
  config: { tokenFile: string };
}

export function tokenFromFile(tokenFile: string): { authProvider: TokenFileProvider } {
  return { authProvider: { name: 'tokenFile', config: { tokenFile } } };
}

/** What a kubeconfig says and can not be used, and what to write instead. */
export class KubeconfigError extends Error {
  readonly remedy: string | undefined;

  constructor(message: string, remedy?: string) {
    super(message);
    this.remedy = remedy;
  }
}

/** An entry of a list, and the folder of its file. */
interface Entry {
  name: string;
  folder: string;
  value: Record<string, unknown>;
}

/**
 * @param paths one file, or several as in $KUBECONFIG
 * @returns cluster and user of the current context; every path in them is absolute
 * @throws KubeconfigError, or the error of the file system
 */
export function readKubeconfig(paths: readonly string[]): Kubeconfig {
  const entries = { clusters: new Map<string, Entry>(), users: new Map(), contexts: new Map() };
  let current: string | undefined;
  for (const path of paths) {
    if (paths.length > 1 && statSync(path, { throwIfNoEntry: false }) === undefined) continue;
    const where = paths.length > 1 ? `${path}: ` : '';
    const file = check(fileSchema, parsed(path, where) ?? {}, where);
    current ??= file['current-context'];
    for (const list of ['clusters', 'users', 'contexts'] as const) {
      addNew(entries[list], file[list], dirname(path), `${where}${list}`);
    }
  }
  const context = contextOf(entryOf('context', current, entries.contexts));
  return {
    cluster: clusterOf(entryOf('cluster', context.cluster, entries.clusters)),
    user: userOf(entryOf('user', context.user, entries.users)),
  };
}

function parsed(path: string, where: string): unknown {
  const text = readTextFile(path, longestFile.config);
  try {
    return parseYamlText(text);
  } catch (error) {
    // The parser's message goes on with lines of the file, and a token may be in them.
    const [words = ''] = (error as Error).message.split('\n');
    throw new KubeconfigError(where + shortened(words, 400), 'correct the syntax of the file');
  }
}

function contextOf({ name, value }: Entry): Context {
  const context = check(contextSchema, value.context ?? {}, `context ${shortened(name)}: `);
  return newContexts([{ name, context }])[0] as Context;
}

function clusterOf({ name, folder, value }: Entry): KubeconfigCluster {
  const cluster = check(clusterSchema, value.cluster ?? {}, `cluster ${shortened(name)}: `);
  const forPlugins = cluster.extensions?.find(each => each.name === 'client.authentication.k8s.io/exec');
  return {
    ...(newClusters([{ name, cluster: absolute(cluster, folder) }])[0] as Cluster),
    disableCompression: cluster['disable-compression'],
    execExtension: forPlugins?.extension,
  };
}

function userOf({ name, folder, value }: Entry): KubeconfigUser {
  const user = absolute(check(userSchema, value.user ?? {}, `user ${shortened(name)}: `), folder);
  return {
    ...(newUsers([{ name, user }])[0] as User),
    ...(user.tokenFile && tokenFromFile(user.tokenFile)),
    impersonateUid: user['as-uid'],
    impersonateGroups: user['as-groups'],
    impersonateExtra: user['as-user-extra'],
  };
}

function addNew(
  into: Map<string, Entry>,
  list: readonly { name: string; [key: string]: unknown }[],
  folder: string,
  where: string,
): void {
  const here = new Set<string>();
  for (const value of list) {
    const { name } = value;
    if (here.has(name)) throw new KubeconfigError(`${where}: ${quoted(name)} is there twice`, 'rename one');
    here.add(name);
    if (!into.has(name)) into.set(name, { name, folder, value });
  }
}

function entryOf(kind: string, name: string | undefined, entries: ReadonlyMap<string, Entry>): Entry {
  const entry = name === undefined ? undefined : entries.get(name);
  if (entry !== undefined) return entry;
  const what = kind === 'context' ? 'current-context' : kind;
  throw new KubeconfigError(
    name === undefined ? `${what} is not set` : `${what} ${quoted(name)} is not in ${kind}s`,
    name === undefined ? 'choose one: kubectl config use-context NAME' : `name one of ${kind}s`,
  );
}

function check<T extends z.ZodType>(schema: T, value: unknown, where: string): z.output<T> {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data as z.output<T>;
  const remedies = new Set(error.issues.flatMap(remedyOf));
  throw new KubeconfigError(where + describeIssues(error), [...remedies].join('; ') || undefined);
}

function remedyOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') return ['correct the name of what is not known here, or remove it'];
  return issue.code === 'custom' && issue.params?.remedy ? [issue.params.remedy] : [];
}

const pathKeys = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

function absolute<T extends object>(fields: T, folder: string): T {
  const resolved = Object.entries(fields).map(([key, value]) => [
    key,
    pathKeys.includes(key) ? resolve(folder, value) : value,
  ]);
  const result: T & { exec?: Exec } = Object.fromEntries(resolved);
  // A name without a slash is looked up in PATH, as the shell and client-go do.
  if (result.exec?.command.includes('/')) {
    result.exec = { ...result.exec, command: resolve(folder, result.exec.command) };
  }
  return result;
}
