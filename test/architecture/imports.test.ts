import { describe, expect, it } from 'vitest';
import { findCycles } from './cycles.ts';
import { checkImports } from './rules.ts';
import { readSourceFiles } from './source-files.ts';

const server = (path: string) => `packages/server/src/${path}`;

/** What the checker says of one file that imports others, all of which exist. */
function breaches(path: string, ...imports: string[]): string[] {
  const files = new Map([[path, imports.map((one) => (one.startsWith('im') ? one : `import '${one}';`)).join('\n')]]);
  return checkImports(files).map((breach) => breach.message);
}

describe('this repository', () => {
  const files = readSourceFiles();

  it('keeps the table of who may import whom', () => {
    expect(checkImports(files).map((breach) => `${breach.path}:${breach.line} ${breach.message}`)).toEqual([]);
  });

  it('has no import cycle', () => {
    expect(findCycles(files).map((cycle) => cycle.join(' → '))).toEqual([]);
  });

  it('is really read: the checker sees its files', () => {
    expect(files.size).toBeGreaterThan(50);
    expect([...files.keys()]).toContain('packages/core/src/index.ts');
  });
});

describe('the checker refuses', () => {
  const refused: [string, string, string, RegExp][] = [
    ['core importing a package', 'packages/core/src/money.ts', 'zod', /core imports nothing/],
    ['core importing Node', 'packages/core/src/money.ts', 'node:crypto', /core imports nothing/],
    [
      'core importing the server',
      'packages/core/src/money.ts',
      '../../server/src/ports.ts',
      /in core and may not import/,
    ],
    ['the local Stripe importing ours', 'packages/stripe-sandbox/src/clock.ts', '@latchkey/core', /may not import/],
    ['the local Stripe importing a package', 'packages/stripe-sandbox/src/clock.ts', 'zod', /runs on Node alone/],
    ['the SDK importing the server', 'packages/sdk/src/client.ts', '@latchkey/server', /in sdk and may not import/],
    ['the dashboard importing the server', 'packages/dashboard/src/app.tsx', '@latchkey/server', /in dashboard/],
    ['a service importing db', server('modules/licenses/service.ts'), '../../db/database.ts', /may not import.*\(db\)/],
    ['a service importing stripe', server('modules/licenses/service.ts'), '../../stripe/client/index.ts', /\(stripe\)/],
    [
      "a service importing a module's service",
      server('modules/licenses/service.ts'),
      '../audit/service.ts',
      /only its index\.ts/,
    ],
    [
      'a module importing one to its right',
      server('modules/licenses/service.ts'),
      '../payments/index.ts',
      /to the right of licenses/,
    ],
    [
      'a module without a place in the order',
      server('modules/coupons/service.ts'),
      '../audit/index.ts',
      /no place in the order/,
    ],
    ['a repository importing its service', server('modules/licenses/repository.ts'), './service.ts', /above it/],
    [
      'a repository importing another module',
      server('modules/licenses/repository.ts'),
      '../audit/index.ts',
      /the module audit/,
    ],
    ['a repository importing http', server('modules/licenses/repository.ts'), '../../http/auth.ts', /\(ground\)/],
    ['routes importing db', server('modules/licenses/routes/activate.ts'), '../../../db/database.ts', /\(db\)/],
    [
      'routes importing stripe',
      server('modules/licenses/routes/activate.ts'),
      '../../../stripe/inbox.ts',
      /\(stripe\)/,
    ],
    ['a dialect importing db', server('dialects/one/routes.ts'), '../../db/database.ts', /\(db\)/],
    [
      'a dialect importing even a type of db',
      server('dialects/one/routes.ts'),
      "import type { A } from '../../db/database.ts';",
      /\(db\)/,
    ],
    ['a dialect importing stripe', server('dialects/one/routes.ts'), '../../stripe/client/index.ts', /\(stripe\)/],
    ['a dialect importing another', server('dialects/one/routes.ts'), '../two/routes.ts', /another dialect/],
    [
      "a dialect importing a module's inside",
      server('dialects/one/routes.ts'),
      '../../modules/licenses/service.ts',
      /only its index\.ts/,
    ],
    ['the command line importing db', server('cli/commands/doctor.ts'), '../../db/database.ts', /\(db\)/],
    [
      'the command line importing stripe',
      server('cli/commands/doctor.ts'),
      '../../stripe/client/index.ts',
      /\(stripe\)/,
    ],
    [
      'stripe importing a service',
      server('stripe/project.ts'),
      '../modules/subscriptions/service.ts',
      /only its index\.ts/,
    ],
    ['stripe importing a dialect', server('stripe/project.ts'), '../dialects/one/routes.ts', /\(dialect\)/],
    [
      'the ground importing a module',
      server('http/auth.ts'),
      '../modules/api-keys/index.ts',
      /only its index\.ts|may not import/,
    ],
    ['db importing stripe', server('db/database.ts'), '../stripe/client/index.ts', /\(stripe\)/],
    ['anything importing main', server('app.ts'), './main.ts', /only started/],
    ['a shipped file importing a test', server('http/auth.ts'), '../../test/support/database.ts', /only for tests/],
    ["'stripe' outside of its client", server('stripe/inbox.ts'), 'stripe', /the one client/],
    [
      "even a type of 'stripe' outside of stripe/",
      server('app.ts'),
      "import type Stripe from 'stripe';",
      /the one client/,
    ],
    ['a dynamic import that a static one may not be', server('cli/main.ts'), "import('../db/database.ts');", /\(db\)/],
    [
      'a type by import() that may not be imported',
      server('dialects/one/a.ts'),
      "import a = 1; type B = import('../../db/a.ts').A;",
      /\(db\)/,
    ],
    [
      'a re-export that an import may not be',
      server('dialects/one/b.ts'),
      "import 'node:fs'; export * from '../../db/a.ts';",
      /\(db\)/,
    ],
    ['a folder that nobody has placed', server('helpers/text.ts'), 'node:fs', /no part of the house/],
  ];
  it.each(refused)('%s', (_name, path, imported, expected) => {
    expect(breaches(path, imported).join('\n')).toMatch(expected);
  });

  it('a cycle, and names its files in order', () => {
    const files = new Map([
      [server('a.ts'), "import './b.ts';"],
      [server('b.ts'), "import { c } from './c.ts';"],
      [server('c.ts'), "export * from './a.ts';"],
      [server('d.ts'), "import './a.ts';"],
    ]);
    expect(findCycles(files)).toEqual([[server('a.ts'), server('b.ts'), server('c.ts')]]);
  });
});

describe('the checker allows', () => {
  const allowed: [string, string, string][] = [
    ['a service its repository', server('modules/licenses/service.ts'), './repository.ts'],
    ['a service a module to its left', server('modules/licenses/service.ts'), '../audit/index.ts'],
    [
      'a service the type of a transaction',
      server('modules/licenses/service.ts'),
      "import type { T } from '../../db/database.ts';",
    ],
    ['a repository db', server('modules/licenses/repository.ts'), '../../db/database.ts'],
    ['routes http and the own service', server('modules/licenses/routes/activate.ts'), '../service.ts'],
    ['a dialect the index of a module', server('dialects/one/routes.ts'), '../../modules/licenses/index.ts'],
    ['stripe the index of a module', server('stripe/project.ts'), '../modules/subscriptions/index.ts'],
    ["the one client 'stripe'", server('stripe/client/index.ts'), 'stripe'],
    ["stripe/ a type of 'stripe'", server('stripe/shapes.ts'), "import type Stripe from 'stripe';"],
    ['app.ts everything', server('app.ts'), './stripe/client/index.ts'],
    ['the local Stripe Node', 'packages/stripe-sandbox/src/clock.ts', 'node:sqlite'],
    ['a test everything', server('modules/licenses/service.test.ts'), 'stripe'],
  ];
  it.each(allowed)('%s', (_name, path, imported) => {
    expect(breaches(path, imported)).toEqual([]);
  });

  it('a cycle of types alone, which does not exist when the program runs', () => {
    const files = new Map([
      [server('a.ts'), "import type { B } from './b.ts';"],
      [server('b.ts'), "import { a } from './a.ts';"],
    ]);
    expect(findCycles(files)).toEqual([]);
  });
});
