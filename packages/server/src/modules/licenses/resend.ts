import type { Transaction } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import { normalizeEmail } from '../customers/index.ts';
import type { Notifications } from '../notifications/index.ts';
import type { LicenseReader } from './reading.ts';

/** Keys that one letter carries at most. */
const MOST_KEYS = 100;
/** However often it is asked for, an address gets one such letter in this time. */
const LETTER_EVERY_MS = 60_000;

/**
 * Mails the keys that an address owns to that address and nobody else. The answer never tells whether there were any, so
 * that addresses cannot be probed.
 */
export function createResend(options: { reader: LicenseReader; notifications: Notifications; clock: Clock }) {
  const { reader, notifications, clock } = options;
  return async function resend(email: string, write: Write): Promise<void> {
    const address = normalizeEmail(email);
    const owned = await reader.list({ email: address }, { limit: MOST_KEYS, after: null });
    if (owned.length === 0) return;
    const minute = Math.floor(clock.wall().getTime() / LETTER_EVERY_MS);
    await write((transaction) =>
      notifications.notify(transaction, {
        template: 'license-resend',
        to: address,
        data: { licenseIds: owned.map((license) => license.id) },
        effectKey: `license-resend:${address}:${minute}`,
      }),
    );
  };
}

type Write = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;
