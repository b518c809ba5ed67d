import { hash } from 'node:crypto';
import {
  type Catalog,
  type Cryptography,
  classifyUnknownKey,
  type KeyMaterial,
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

export interface KeyKeeperOptions {
  catalog: Catalog;
  /** The live secrets behind a catalog's reference, newest first. */
  keySecrets(reference: SecretReference): readonly KeySecret[];
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

export function createKeyKeeper({ catalog, keySecrets, vault, cryptography }: KeyKeeperOptions): KeyKeeper {
  const schemes = new Map(catalog.products.map((product) => [product.id, licenseKeyScheme(product.keyScheme)]));
  const candidates = catalog.products.flatMap((product) => {
    const scheme = schemes.get(product.id) ?? null;
    return scheme === null ? [] : [{ scheme, secrets: secretsOf(product) }];
  });
  const forgiving = candidates.map(({ scheme }) => scheme).filter((scheme) => scheme.forgiving);

  function secretsOf(product: Product): readonly KeySecret[] {
    const reference = product.keyScheme.secret;
    return reference === null ? [] : keySecrets(reference);
  }

  function schemeOf(product: Product): LicenseKeyScheme {
    const scheme = schemes.get(product.id) ?? null;
    if (scheme !== null) return scheme;
    throw new LatchkeyError(
      'license_state_conflict',
      `Keys of the scheme "${product.keyScheme.name}" (product ${product.id}) are not made by this version.`,
      { path: 'product' },
    );
  }

  function newestSecret(product: Product): KeySecret {
    if (product.keyScheme.secret === null) return NO_SECRET;
    const [secret] = secretsOf(product);
    if (secret !== undefined) return secret;
    throw new LatchkeyError('secret_missing', `The product ${product.id} has no secret to make keys with.`);
  }

  return {
    makes: (product) => (schemes.get(product.id) ?? null) !== null,
    generate: (product, material) => schemeOf(product).generate(material, newestSecret(product), cryptography),
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
