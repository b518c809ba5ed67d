import { type Import, packageName, readImports } from './imports.ts';
import { type Layer, type Place, placeOf } from './layers.ts';
import { isTest, type SourceFiles } from './source-files.ts';

/** A breach of the house's rules, as a sentence that says what to do instead. */
export interface Breach {
  path: string;
  line: number;
  message: string;
}

/** From left to right: a module imports only those before it. */
export const moduleOrder = [
  'audit',
  'api-keys',
  'catalog',
  'accounts',
  'customers',
  'notifications',
  'signing',
  'licenses',
  'entitlements',
  'ledger',
  'credits',
  'usage-sessions',
  'usage',
  'payments',
  'subscriptions',
  'analytics',
  'webhooks-out',
] as const;

// What each layer may import of the server and of core, apart from its own module's files. `types` are gone at run time: a
// service names the transaction it is given without being able to open one.
const table: Readonly<Record<Layer, { runtime: readonly Layer[]; types: readonly Layer[] }>> = {
  core: { runtime: ['core'], types: ['core'] },
  'stripe-sandbox': { runtime: ['stripe-sandbox'], types: ['stripe-sandbox'] },
  sdk: { runtime: ['sdk', 'core'], types: ['sdk', 'core'] },
  dashboard: { runtime: ['dashboard', 'sdk', 'core'], types: ['dashboard', 'sdk', 'core'] },
  ports: { runtime: ['core'], types: ['core'] },
  ground: { runtime: ['core', 'ports', 'ground', 'db'], types: ['core', 'ports', 'ground', 'db'] },
  db: { runtime: ['core', 'ports', 'db', 'ground'], types: ['core', 'ports', 'db', 'ground'] },
  'module repository': { runtime: ['core', 'db', 'ports'], types: ['core', 'db', 'ports', 'ground'] },
  module: {
    runtime: ['core', 'ports', 'ground', 'module index'],
    types: ['core', 'ports', 'ground', 'db', 'module index'],
  },
  'module index': {
    runtime: ['core', 'ports', 'ground', 'module index'],
    types: ['core', 'ports', 'ground', 'db', 'module index'],
  },
  'module routes': {
    runtime: ['core', 'ports', 'ground', 'module index'],
    types: ['core', 'ports', 'ground', 'db', 'module index'],
  },
  stripe: {
    runtime: ['core', 'ports', 'ground', 'db', 'module index', 'stripe'],
    types: ['core', 'ports', 'ground', 'db', 'module index', 'stripe'],
  },
  dialect: { runtime: ['core', 'ports', 'ground', 'module index'], types: ['core', 'ports', 'ground', 'module index'] },
  cli: {
    runtime: ['core', 'ports', 'ground', 'module index', 'cli', 'wiring', 'sandbox'],
    types: ['core', 'ports', 'ground', 'module index', 'cli', 'wiring', 'sandbox'],
  },
  sandbox: {
    runtime: ['core', 'ports', 'ground', 'db', 'module index', 'sandbox', 'stripe-sandbox', 'stripe'],
    types: ['core', 'ports', 'ground', 'db', 'module index', 'sandbox', 'stripe-sandbox', 'stripe'],
  },
  pages: {
    runtime: ['core', 'ports', 'ground', 'module index', 'pages'],
    types: ['core', 'ports', 'ground', 'db', 'module index', 'pages'],
  },
  library: {
    runtime: ['core', 'ports', 'ground', 'module index', 'library', 'wiring', 'stripe'],
    types: ['core', 'ports', 'ground', 'db', 'module index', 'library', 'wiring', 'stripe'],
  },
  wiring: { runtime: [], types: [] },
  unknown: { runtime: [], types: [] },
};

/** Holds the files against the table "Who may import whom" and the rules about packages. Tests are free. */
export function checkImports(files: SourceFiles): Breach[] {
  const shipped = new Map([...files].filter(([path]) => !isTest(path)));
  return [...unknownPlaces(shipped), ...readImports(shipped).flatMap((one) => breachesOf(one, shipped))];
}

function unknownPlaces(files: SourceFiles): Breach[] {
  const lost = [...files.keys()].filter((path) => placeOf(path)?.layer === 'unknown');
  return lost.map((path) => ({
    path,
    line: 1,
    message: 'is in no part of the house that the import table knows; move it, or add its folder to the table',
  }));
}

function breachesOf(one: Import, files: SourceFiles): Breach[] {
  const from = placeOf(one.from);
  if (from === undefined) return [];
  const breach = (message: string): Breach[] => [{ path: one.from, line: one.line, message }];
  if (one.target === undefined) return packageBreach(one, from, breach);
  if (!files.has(one.target) && isTest(one.target)) return breach(`imports ${one.specifier}, which is only for tests`);
  const to = placeOf(one.target);
  if (to === undefined) return breach(`imports ${one.target}, which is outside of the packages' sources`);
  return placeBreach(one, from, to, breach);
}

function placeBreach(one: Import, from: Place, to: Place, breach: (message: string) => Breach[]): Breach[] {
  if (one.target === 'packages/server/src/main.ts') return breach('imports main.ts, which is only started');
  if (from.layer === 'wiring') return [];
  if (isOfModule(from) && isOfModule(to)) return moduleBreach(one, from, to, breach);
  if (from.layer === 'dialect' && to.layer === 'dialect') {
    return from.noun === to.noun
      ? []
      : breach(`imports another dialect (${to.noun}); what they share belongs below them`);
  }
  const allowed = one.typeOnly ? table[from.layer].types : table[from.layer].runtime;
  if (allowed.includes(to.layer)) return [];
  if (isOfModule(to)) return breach(`imports ${one.target}; of a module only its index.ts may be imported`);
  return breach(
    `is ${article(from.layer)} and may not import ${one.typeOnly ? 'even a type of ' : ''}${one.target} (${to.layer})`,
  );
}

function moduleBreach(one: Import, from: Place, to: Place, breach: (message: string) => Breach[]): Breach[] {
  if (from.noun === to.noun) {
    const upwards = from.layer === 'module repository' && to.layer !== 'module repository' && !one.typeOnly;
    if (upwards && /\/(service|jobs|index|routes)\b/.test(one.target ?? '')) {
      return breach('is a repository and may not import what is above it in its module');
    }
    return [];
  }
  if (from.layer === 'module repository') return breach(`is a repository and may not import the module ${to.noun}`);
  if (to.layer !== 'module index')
    return breach(`imports ${one.target}; of another module only its index.ts may be imported`);
  const order: readonly string[] = moduleOrder;
  const own = order.indexOf(from.noun ?? '');
  const other = order.indexOf(to.noun ?? '');
  if (own < 0 || other < 0)
    return breach(`concerns the module ${own < 0 ? from.noun : to.noun}, which has no place in the order`);
  return other < own ? [] : breach(`imports the module ${to.noun}, which is to the right of ${from.noun}`);
}

function packageBreach(one: Import, from: Place, breach: (message: string) => Breach[]): Breach[] {
  const name = packageName(one.specifier);
  if (from.layer === 'core') return breach(`imports ${one.specifier}; core imports nothing`);
  if (name === undefined) return [];
  if (from.layer === 'stripe-sandbox') return breach(`imports ${one.specifier}; the local Stripe runs on Node alone`);
  if (name === 'stripe') return stripeBreach(one, from, breach);
  return [];
}

function stripeBreach(one: Import, from: Place, breach: (message: string) => Breach[]): Breach[] {
  if (one.from.startsWith('packages/server/src/stripe/client/')) return [];
  if (from.layer === 'stripe' && one.typeOnly) return [];
  return breach("imports 'stripe'; the one client is packages/server/src/stripe/client/");
}

function isOfModule(place: Place): boolean {
  return place.layer === 'module' || place.layer.startsWith('module ');
}

function article(layer: Layer): string {
  return layer === 'unknown' ? 'nowhere' : `in ${layer}`;
}
