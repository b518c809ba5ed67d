import { hash } from 'node:crypto';
import {
  type Catalog,
  type Cryptography,
  classifyUnknownKey,
  type KeyMaterial,
  type KeySchemeName,
  type KeySecret,
  LatchkeyError,
  type LicenseKeyScheme,
  licenseKeyScheme,
  NO_SECRET,
  type Product,
  type SecretReference,
  type UnknownKey,
} from '@latchkey/core';
import type { Vault } from '../../security/vault.ts';
import type { SealedKey } from './repository.ts';

/** Nothing longer than this is looked at as a licence key. */
export const LONGEST_KEY = 1_024;

const PURPOSE = 'license-key';
const SCHEMES_WITHOUT_SECRET: ReadonlySet<KeySchemeName> = new Set(['random']);

export interface KeyKeeperOptions {
  catalog: Catalog;
  /** The live secrets behind a catalog's reference, newest first. */
  keySecrets(reference: SecretReference): readonly KeySecret[];
  /** The pairs that sign keys of the scheme `signed`, the one that signs today first. Left out: such keys are not made. */
  signingSecrets?(): readonly KeySecret[];
  vault: Vault;
  cryptography: Cryptography;
}

/** Makes, seals, finds and reads licence keys. The only place where a key is in clear. */
export interface KeyKeeper {
  /** Whether keys of the product's scheme can be made. */
  makes(product: Product): boolean;
  generate(product: Product, material: KeyMaterial): string;
  /** What gives the product another key where one is taken: fresh salt, or the next second. */
  variesBy(product: Product): LicenseKeyScheme['variesBy'];
  seal(licenseId: string, key: string): SealedKey & { index: Uint8Array; hint: string };
  open(licenseId: string, sealed: SealedKey): string;
  /** The key as it is stored, for a text somebody typed or pasted: white space never counts, nor what its scheme forgives. */
  canonical(text: string): string;
  /** Where a canonical key is found, one index for each live root secret. */
  indexes(key: string): Uint8Array[];
  /** Under what a canonical key is remembered in this process: made in a fifth of an index's time, and never stored. */
  mark(key: string): string;
  /** Why a key that is not stored is refused. */
  classify(key: string): UnknownKey;
}

export function createKeyKeeper(options: KeyKeeperOptions): KeyKeeper {
  const { catalog, keySecrets, signingSecrets = () => [], vault, cryptography } = options;
  const schemes = new Map(catalog.products.map((each) => [each.id, licenseKeyScheme(each.keyScheme, each.id)]));
  const candidates = catalog.products.map((product) => ({
    scheme: schemeOf(product),
    // Asked anew each time: keys that sign are replaced while the server runs.
    get secrets() {
      return secretsOf(product);
    },
  }));
  const forgiving = candidates.map(({ scheme }) => scheme).filter((scheme) => scheme.forgiving);

  function secretsOf({ keyScheme }: Product): readonly KeySecret[] {
    if (keyScheme.name === 'signed') return signingSecrets();
    return keyScheme.secret === null ? [] : keySecrets(keyScheme.secret);
  }

  function schemeOf(product: Product): LicenseKeyScheme {
    return schemes.get(product.id) ?? licenseKeyScheme(product.keyScheme, product.id);
  }

  function newestSecret(product: Product): KeySecret | null {
    if (SCHEMES_WITHOUT_SECRET.has(product.keyScheme.name)) return NO_SECRET;
    return secretsOf(product)[0] ?? null;
  }

  function secretFor(product: Product): KeySecret {
    const secret = newestSecret(product);
    if (secret !== null) return secret;
    throw new LatchkeyError('secret_missing', `The product ${product.id} has no secret to make keys with.`);
  }

  return {
    makes: (product) => newestSecret(product) !== null,
    generate: (product, material) => schemeOf(product).generate(material, secretFor(product), cryptography),
    variesBy: (product) => schemeOf(product).variesBy,

    seal: (licenseId, key) => ({
      ...vault.seal(PURPOSE, key, licenseId),
      index: vault.index(PURPOSE, key),
      hint: key.slice(-4),
    }),
    open: (licenseId, sealed) => vault.open(PURPOSE, sealed, licenseId),

    canonical(text) {
      for (const scheme of forgiving) {
        const key = scheme.parse(text);
        if (key !== null) return key;
      }
      return /\s/.test(text) ? text.replace(/\s+/g, '') : text;
    },

    indexes: (key) => vault.indexes(PURPOSE, key),
    mark: (key) => hash('sha256', key, 'binary'),
    classify: (key) => classifyUnknownKey(key, candidates, cryptography),
  };
}
