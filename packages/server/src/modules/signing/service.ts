import { type KeySecret, LatchkeyError, type PublicSigningKey, type Signer, signingKeyId } from '@latchkey/core';
import type { Connection, Database, Transaction } from '../../db/database.ts';
import type { Log } from '../../observability/log.ts';
import type { Clock, Randomness } from '../../ports.ts';
import { nodeCryptography } from '../../security/cryptography.ts';
import type { Vault } from '../../security/vault.ts';
import type { Audit } from '../audit/index.ts';
import type { SigningKey } from './repository.ts';
import * as repository from './repository.ts';

export interface SigningOptions {
  database: Database;
  vault: Vault;
  clock: Clock;
  randomness: Randomness;
  audit: Audit;
  log: Log;
}

/** The keys that sign, in memory: what signs a file must not wait for the database. */
export interface Signing {
  /** The key that signs today. */
  current(): Signer;
  /** Every key, those that were taken back too: what a verifier needs. */
  publicKeys(): readonly PublicSigningKey[];
  /** For keys of the scheme `signed`: the pair that signs, then those that did and still count. */
  signingSecrets(): readonly KeySecret[];
  /** Every key as it is stored now, the newest first. */
  list(connection?: Connection): Promise<SigningKey[]>;
  /** Lets a new key sign. The one before is retired: what it signed still holds. */
  rotate(transaction: Transaction): Promise<SigningKey>;
  /** Takes a key back: nothing that it signed holds any more. In the place of the one that signs a new one is made. */
  revoke(transaction: Transaction, id: string): Promise<SigningKey>;
  /** Starts to follow what other processes change; answers what stops it. */
  follow(): Promise<() => Promise<void>>;
}

interface View {
  signer: Signer;
  keys: readonly SigningKey[];
}

const PURPOSE = 'signing-key';
const SEED_BYTES = 32;
const NOTICE = 'latchkey_signing_keys';

/** The signing keys of the database. The first is made here, however many processes start on an empty database at once. */
export async function createSigning(options: SigningOptions): Promise<Signing> {
  const { database, vault, clock, randomness, audit, log } = options;

  async function record(transaction: Transaction, action: string, id: string): Promise<void> {
    await audit.record(transaction, { action: `signing_key.${action}`, subjectType: 'signing_key', subjectId: id });
  }

  async function addKey(transaction: Transaction): Promise<void> {
    const seed = randomness.bytes(SEED_BYTES);
    const publicKey = nodeCryptography.ed25519PublicKey(seed);
    const id = signingKeyId(publicKey, nodeCryptography);
    const sealed = vault.seal(PURPOSE, seed, id);
    await repository.insertSigningKey(transaction.connection, { id, publicKey, sealed, at: clock.wall() });
    await record(transaction, 'created', id);
  }

  async function read(connection: Connection): Promise<View | null> {
    const active = await repository.selectActiveSeed(connection);
    if (active === null) return null;
    const keys = await repository.selectSigningKeys(connection);
    return { signer: { id: active.id, seed: vault.openBytes(PURPOSE, active.sealed, active.id) }, keys };
  }

  /** Changes keys alone among all processes, and shows the change here before whoever asked for it is answered. */
  async function change(transaction: Transaction, work: (keys: SigningKey[]) => Promise<void>): Promise<View> {
    await repository.lockSigningKeys(transaction.connection);
    await work(await repository.selectSigningKeys(transaction.connection));
    await transaction.notify(NOTICE, '');
    return found(await read(transaction.connection));
  }

  const first =
    (await read(database.connection)) ??
    (await database.transaction({ actor: { type: 'system', id: 'signing' } }, (transaction) =>
      change(transaction, async (keys) => {
        if (!keys.some(({ status }) => status === 'active')) await addKey(transaction);
      }),
    ));
  const held = holdNewest(first);

  async function reload(): Promise<void> {
    const show = held.next();
    const view = await read(database.connection);
    if (view !== null) show(view);
  }

  /** A failed look leaves what was known: a retired key still signs what holds. The next notice looks again. */
  const reloadOrSay = () => void reload().catch((error) => log.warn({ error }, 'the signing keys could not be read'));

  async function changeHere(transaction: Transaction, work: (keys: SigningKey[]) => Promise<void>): Promise<View> {
    const view = await change(transaction, work);
    transaction.afterCommit(() => held.next()(view));
    return view;
  }

  return {
    current: () => held.view().signer,
    publicKeys: () => held.view().keys,
    signingSecrets() {
      const { signer, keys } = held.view();
      const counting = keys.filter(({ status }) => status !== 'revoked');
      return counting
        .toSorted((one, other) => Number(other.id === signer.id) - Number(one.id === signer.id))
        .map(({ id, publicKey }) => ({ id, publicKey, bytes: id === signer.id ? signer.seed : new Uint8Array() }));
    },
    list: (connection = database.connection) => repository.selectSigningKeys(connection),

    async rotate(transaction) {
      const view = await changeHere(transaction, async (keys) => {
        for (const { id } of keys.filter(({ status }) => status === 'active')) {
          await repository.retireSigningKey(transaction.connection, id, clock.wall());
          await record(transaction, 'retired', id);
        }
        await addKey(transaction);
      });
      return keyOf(view, view.signer.id);
    },

    async revoke(transaction, id) {
      const view = await changeHere(transaction, async (keys) => {
        const key = keys.find((each) => each.id === id);
        if (key === undefined) {
          throw new LatchkeyError('resource_missing', 'There is no signing key with this id.', { path: 'id' });
        }
        if (key.status === 'revoked') return;
        await repository.revokeSigningKey(transaction.connection, id, clock.wall());
        await record(transaction, 'revoked', id);
        if (key.status === 'active') await addKey(transaction);
      });
      return keyOf(view, id);
    },

    async follow() {
      const stop = await database.listen(NOTICE, reloadOrSay, { onLost() {}, onRestored: reloadOrSay });
      // After listening, so that no change falls between the two.
      await reload();
      return stop;
    },
  };
}

/** Keeps the view that was asked for last, in whichever order the answers come. */
function holdNewest(first: View) {
  let view = first;
  let asked = 0;
  let shown = 0;
  return {
    view: () => view,
    next() {
      asked += 1;
      const turn = asked;
      return (newer: View) => {
        if (turn < shown) return;
        shown = turn;
        view = newer;
      };
    },
  };
}

function found(view: View | null): View {
  if (view === null) throw new LatchkeyError('internal', 'No key signs; one should have been made.');
  return view;
}

function keyOf({ keys }: View, id: string): SigningKey {
  const key = keys.find((each) => each.id === id);
  if (key === undefined) throw new LatchkeyError('internal', `The signing key ${id} is gone.`);
  return key;
}
