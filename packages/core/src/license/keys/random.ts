import { parseGroups, toGroups } from './base32-groups.ts';
import { freshBytes, type LicenseKeyScheme } from './scheme.ts';

const RANDOM_BYTES = 15;

/**
 * `random`: a prefix and three groups of eight characters of Crockford's base32, such as `RL-XXXXXXXX-XXXXXXXX-XXXXXXXX`: 120
 * random bits and nothing else. There is no secret, so a well-formed key cannot be told from a genuine one by itself: one
 * that is not stored is `NOT_FOUND`. Against a million stored keys a guess succeeds once in 2^100.
 */
export function randomKeys(prefix: string | null): LicenseKeyScheme {
  return {
    name: 'random',
    variesBy: 'salt',
    forgiving: true,
    parse: (text) => parseGroups(text, prefix, RANDOM_BYTES),
    generate: (material) => toGroups(prefix, freshBytes(material, RANDOM_BYTES)),
    verify: () => true,
  };
}
