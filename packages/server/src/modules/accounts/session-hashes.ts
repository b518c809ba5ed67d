import type { Vault } from '../../security/vault.ts';

/** What is stored of a session's token: whoever reads the table cannot sign in with it. One for each live root secret, the newest first. */
export function sessionHashes(vault: Pick<Vault, 'hashes'>, token: string): string[] {
  return vault.hashes(`session:${token}`).map((hash) => Buffer.from(hash).toString('hex'));
}
