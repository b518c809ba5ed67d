/** What a row of a file may say, by all the names it is known by: the first of several that are there is taken. */
const NAMES = {
  key: ['key', 'license_key', 'licence_key', 'license', 'licence'],
  product: ['product', 'product_id'],
  plan: ['plan', 'plan_id', 'tier'],
  reference: ['reference'],
  email: ['email', 'customer_email', 'user_email', 'email_address'],
  name: ['name', 'customer_name', 'user_name', 'full_name'],
  customer_external_id: ['customer_external_id', 'external_id', 'user_id'],
  stripe_customer_id: ['stripe_customer_id', 'customer_id'],
  starts_at: ['starts_at', 'issued_at', 'issued', 'generated_at', 'created_at'],
  expires_at: ['expires_at', 'expires', 'expiry', 'expiration', 'expiry_date', 'expiration_date', 'valid_until'],
  max_machines: ['max_machines', 'max_activations', 'seats'],
  status: ['status'],
  metadata: ['metadata'],
  machines: ['machines', 'activated_servers', 'servers', 'server_ids', 'server_id', 'machine_id'],
  // Machines, or only how many there were.
  activations: ['activations'],
  'metadata.stripe_subscription_id': ['stripe_subscription_id', 'subscription_id'],
  'metadata.payment_intent_id': ['payment_intent_id'],
} as const satisfies Record<string, readonly string[]>;

export type Field = keyof typeof NAMES | `metadata.${string}`;

const FIELDS = Object.keys(NAMES) as (keyof typeof NAMES)[];

/** `License Key`, `licenseKey` and `license-key` are `license_key`. */
function plainName(name: string): string {
  return name
    .trim()
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[\s_-]+/g, '_')
    .toLowerCase();
}

/** The field that a name may stand for; undefined when it is none. */
export function fieldOf(name: string): Field | undefined {
  const plain = plainName(name);
  if (/^metadata\../.test(plain)) return `metadata.${name.trim().slice('metadata.'.length)}`;
  return FIELDS.find((field) => (NAMES[field] as readonly string[]).includes(plain));
}

/** Whether a text names a field itself, as `--map` takes it. */
export function isField(name: string): name is Field {
  return /^metadata\../.test(name) || (Object.hasOwn(NAMES, name) && !name.includes('.'));
}

/** Which column is read for which field, and which are not read. */
export interface Columns {
  used: ReadonlyMap<Field, string>;
  unused: readonly string[];
}

/** Matches a file's names to fields: those of `map` as it says, the others by what they are called. */
export function columnsOf(names: readonly string[], map: ReadonlyMap<string, Field>): Columns {
  const used = new Map<Field, string>();
  for (const name of names) {
    const mapped = map.get(name.trim());
    if (mapped !== undefined) used.set(mapped, name);
  }
  for (const name of names) {
    const field = map.has(name.trim()) ? undefined : fieldOf(name);
    if (field === undefined) continue;
    const rival = used.get(field);
    if (rival === undefined || (!map.has(rival.trim()) && rank(field, name) < rank(field, rival)))
      used.set(field, name);
  }
  const taken = new Set(used.values());
  return { used, unused: names.filter((name) => !taken.has(name) && !IGNORED.has(plainName(name))) };
}

function rank(field: Field, name: string): number {
  const names: readonly string[] = Object.hasOwn(NAMES, field) ? NAMES[field as keyof typeof NAMES] : [];
  return names.indexOf(plainName(name));
}

/** What an export writes for people, and what other systems derive from the rest: nothing to ask about. */
const IGNORED = new Set([
  '',
  'id',
  'key_hint',
  'created_at',
  'object',
  'success',
  'features',
  'license_hash',
  'hmac_signature',
]);
