/** `npm run bench -- [validation] [webhooks] [ledger] [usage] [offline] [renewals] [options]`: measures, and prints figures with their ratios. */
import { parseArgs } from 'node:util';
import { say } from './figures.ts';
import { benchLedger } from './ledger.ts';
import { benchOffline } from './offline.ts';
import { benchRenewals } from './renewals.ts';
import { benchUsage } from './usage.ts';
import { benchValidation } from './validation.ts';
import { benchWebhooks } from './webhooks.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    licenses: { type: 'string', default: '10000,1000000' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string' },
    customers: { type: 'string', default: '200' },
    files: { type: 'string', default: '2000' },
    subscriptions: { type: 'string', default: '1000' },
    stored: { type: 'string' },
    months: { type: 'string', default: '12' },
  },
});

const counts = (name: keyof typeof values, otherwise = 0): number[] =>
  String(values[name] ?? otherwise)
    .split(',')
    .map((text) => {
      const value = Number(text);
      if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1`);
      return value;
    });

const count = (name: keyof typeof values, otherwise = 0): number => counts(name, otherwise)[0] ?? otherwise;

const benches: Record<string, () => Promise<void>> = {
  validation: () =>
    benchValidation({ stored: counts('licenses'), seconds: count('seconds'), rounds: count('rounds', 15) }),
  webhooks: () => benchWebhooks({ customers: count('customers'), rounds: count('rounds', 5) }),
  renewals: () => benchRenewals({ subscriptions: count('subscriptions'), months: count('months') }),
  ledger: () => benchLedger({ seconds: count('seconds'), rounds: count('rounds', 7) }),
  usage: () =>
    benchUsage({
      seconds: count('seconds'),
      rounds: count('rounds', 7),
      stored: values.stored === undefined ? 0 : count('stored'),
    }),
  offline: async () => benchOffline({ files: count('files'), rounds: count('rounds', 25) }),
};

const chosen = positionals.length === 0 ? Object.keys(benches) : positionals;
for (const name of chosen) {
  const bench = benches[name];
  if (bench === undefined)
    throw new Error(`There is no benchmark ${name}; there is ${Object.keys(benches).join(', ')}.`);
  await bench();
  say();
}
