import { z } from 'zod';
import type { Ids } from '../../ports.ts';
import type { Vault } from '../../security/vault.ts';

/** A link that lets its holder act, as the outbox may keep it. */
export const sealedLink = z.object({ id: z.string(), ciphertext: z.string(), secretId: z.string() });
export type SealedLink = z.infer<typeof sealedLink>;

const PURPOSE = 'mailed-link';

/** Seals links until the letter is written that carries them. */
export function createLinkSeal({ vault, ids }: { vault: Vault; ids: Ids }) {
  return {
    seal(url: string): SealedLink {
      const id = ids.next('link');
      const { ciphertext, secretId } = vault.seal(PURPOSE, url, id);
      return { id, ciphertext: Buffer.from(ciphertext).toString('base64'), secretId };
    },
    open: ({ id, ciphertext, secretId }: SealedLink): string =>
      vault.open(PURPOSE, { ciphertext: Buffer.from(ciphertext, 'base64'), secretId }, id),
  };
}
