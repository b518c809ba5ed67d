/** Which machine this is: an id from several facts of its hardware, none of which leaves it in clear. */

import { createHmac, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type MachineFacts, readMachineFacts } from './machine-facts.ts';

/** A machine as the server takes it. */
export interface MachineIdentity {
  fingerprint: string;
  /** Each fact as a salted digest: by them the machine is known again when one of them changes. */
  components: Record<string, string>;
  /** Which facts were found, by name. */
  facts: string[];
}

export interface MachineIdentityOptions {
  /** Your product's own text: the same machine has another id in another product. */
  salt: string;
  /** A file for an id of last resort, for machines that tell fewer than two facts, as containers do. */
  fallbackFile?: string | undefined;
}

/** This machine tells too little of itself to be told from others. */
export class MachineUnknownError extends Error {
  override readonly name = 'MachineUnknownError';
  readonly facts: readonly string[];

  constructor(facts: readonly string[]) {
    super(
      `This machine tells too little to be known by (${facts.join(', ') || 'nothing'}). ` +
        'Give machineIdentity a fallbackFile in a place that lasts.',
    );
    this.facts = facts;
  }
}

/** A processor alone is what thousands of machines have. */
const FEWEST_FACTS = 2;
const FEWEST_SALT = 4;

/** Reads the facts of this machine and makes its identity of them. Throws a MachineUnknownError where they are too few. */
export async function machineIdentity(options: MachineIdentityOptions): Promise<MachineIdentity> {
  return identityWith(await readMachineFacts(), options);
}

/** The same of facts that were read. */
export async function identityWith(
  facts: MachineFacts,
  { salt, fallbackFile }: MachineIdentityOptions,
): Promise<MachineIdentity> {
  const isEnough = Object.keys(facts).length >= FEWEST_FACTS;
  if (isEnough) return identityOf(facts, salt);
  if (fallbackFile === undefined) throw new MachineUnknownError(Object.keys(facts));
  return identityOf({ ...facts, installation: await readOrMake(fallbackFile) }, salt);
}

/**
 * The identity that facts make. The fingerprint is over all of them: a copied disk in another machine is another machine. When one
 * changes so does the fingerprint, and the components say that it is still the same: see `machine_matching`.
 */
export function identityOf(facts: MachineFacts & { installation?: string }, salt: string): MachineIdentity {
  if (salt.length < FEWEST_SALT) throw new RangeError(`The salt has ${FEWEST_SALT} characters or more.`);
  const named = Object.entries(facts)
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    .sort(([left], [right]) => (left < right ? -1 : 1));
  const components = Object.fromEntries(named.map(([name, value]) => [name, digest(salt, [name, value])]));
  const fingerprint = digest(salt, ['machine', ...named.flat()]).slice(0, 40);
  return { fingerprint, components, facts: named.map(([name]) => name) };
}

/** HMAC-SHA-256 under the salt: each part with its length, so that no two lists of parts are one text. */
function digest(salt: string, parts: readonly string[]): string {
  const mac = createHmac('sha256', salt);
  for (const part of parts) mac.update(`${Buffer.byteLength(part)}:${part}`);
  return mac.digest('hex');
}

const INSTALLATION = /^[0-9a-f]{32}$/;

/** The id in a file. Of several processes that find none, one puts its own there, whole, and the others take that. */
async function readOrMake(path: string): Promise<string> {
  const known = await readId(path);
  if (known !== null) return known;
  const made = randomBytes(16).toString('hex');
  const draft = `${path}.${randomBytes(4).toString('hex')}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(draft, `${made}\n`, { mode: 0o600 });
  try {
    await link(draft, path);
    return made;
  } catch (error) {
    const other = await readId(path);
    if (other === null) throw error;
    return other;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readId(path: string): Promise<string | null> {
  const text = (await readFile(path, 'utf8').catch(() => '')).trim();
  return INSTALLATION.test(text) ? text : null;
}
