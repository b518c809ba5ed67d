import { createClient, LatchkeyApiError, type UsageOwner } from '@latchkey/sdk';

const KNOWN_FOR_MS = 60_000;
const MOST_KNOWN = 10_000;

/**
 * Whose a customer's own token is. Latchkey checks it, and counts what the customer uses on their licence, or on the free tier. Who was
 * known goes on while Latchkey is away.
 */
export function createCustomers({ url }: { url: string }) {
  const known = new Map<string, { owner: UsageOwner; until: number }>();
  return async (token: string): Promise<UsageOwner | null> => {
    const kept = known.get(token);
    if (kept !== undefined && kept.until > Date.now()) return kept.owner;
    try {
      const asCustomer = createClient({ url, token, timeoutMs: 5_000, retries: 1 });
      const { id } = await asCustomer.request<{ id: string }>('GET', '/v1/customers/me');
      const owner = { customer_id: id };
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(token, { owner, until: Date.now() + KNOWN_FOR_MS });
      return owner;
    } catch (error) {
      if (error instanceof LatchkeyApiError && (error.status === 401 || error.status === 403)) return null;
      if (kept !== undefined) return kept.owner;
      throw error;
    }
  };
}
