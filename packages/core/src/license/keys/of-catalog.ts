import type { KeyScheme } from '../../catalog/index.ts';
import { randomKeys } from './random.ts';
import type { LicenseKeyScheme } from './scheme.ts';
import { sealedKeys } from './sealed.ts';
import { sha512Hmac } from './sha512-hmac.ts';
import { signedKeys } from './signed.ts';
import { tierSignatureKeys } from './tier-signature.ts';

/** The scheme that a product's catalog names, with the product's prefix. */
export function licenseKeyScheme(
  { name, prefix }: Pick<KeyScheme, 'name' | 'prefix'>,
  product: string,
): LicenseKeyScheme {
  switch (name) {
    case 'sha512-hmac':
      return sha512Hmac;
    case 'sealed':
      return sealedKeys(prefix);
    case 'random':
      return randomKeys(prefix);
    case 'tier-signature':
      return tierSignatureKeys(prefix);
    case 'signed':
      return signedKeys(prefix, product);
  }
}
