import { type Catalog, formatMoney, money } from '@latchkey/core';
import type { Command } from 'commander';
import { CatalogError, formatProblem } from '../../catalog/problem.ts';
import { EXIT, type Host } from '../host.ts';
import { at, itemsOf } from '../json.ts';
import type { Run } from '../session.ts';
import { type Column, formatTable } from '../table.ts';

const EXAMPLES = './examples/*/catalog.yaml';

const PLAN_COLUMNS: readonly Column[] = [
  { title: 'product', value: 'product' },
  { title: 'plan', value: 'plan' },
  { title: 'price', value: 'price', align: 'right' },
  { title: 'machines', value: 'machines', align: 'right' },
];

const PUSH_COLUMNS: readonly Column[] = [
  { title: 'product', value: 'product' },
  { title: 'plan', value: 'plan' },
  { title: 'stripe price', value: (row) => at(row, 'stripe_price_id') ?? at(row, 'stripePriceId') },
  { title: 'change', value: 'change' },
];

export function addCatalogCommands(program: Command, run: Run, host: Host): void {
  const catalog = program.command('catalog').description('what is sold');
  catalog
    .command('check [location]')
    .description('check product YAML (default: CATALOG, else the examples) without a server')
    .option('--with-secrets', 'also that the secrets it names are set')
    .action((location: string | undefined, options: { withSecrets?: boolean }, command: Command) =>
      run(command, async ({ json, show, style }) => {
        const where = location ?? host.environment.CATALOG ?? EXAMPLES;
        try {
          const { catalog: found, files } = await load(host, where, options.withSecrets === true);
          const plans = planRows(found);
          const answer = { valid: true, files, plans };
          return show(answer, () => [
            `${style.good('ok')}  ${files.length} files, ${found.products.length} products, ${plans.length} plans`,
            ...formatTable(PLAN_COLUMNS, plans),
          ]);
        } catch (error) {
          if (!(error instanceof CatalogError)) throw error;
          if (json) host.out(JSON.stringify({ valid: false, problems: error.problems }, null, 2));
          else for (const problem of error.problems) host.err(formatProblem(problem));
          return EXIT.no;
        }
      }),
    );
  catalog
    .command('push')
    .description('bring the server’s products and prices to Stripe; what is there already stays')
    .action((_options: unknown, command: Command) =>
      run(command, async ({ client, showList }) => showList(await client.post('/v1/catalog/push'), PUSH_COLUMNS)),
    );
  catalog
    .command('show')
    .description('the products and plans of the server')
    .action((_options: unknown, command: Command) =>
      run(command, async ({ client, show }) => {
        const answer = await client.get('/v1/products', { limit: '100' });
        return show(answer, () => formatTable(PLAN_COLUMNS, itemsOf(answer).flatMap(publicPlanRows)));
      }),
    );
}

/** A check of what is written needs no secrets: any that fits every scheme stands in for those that are not set. */
async function load(host: Host, location: string, withSecrets: boolean) {
  // The reader of YAML is of use to this command alone.
  const { loadCatalog } = await import('../../catalog/load.ts');
  return loadCatalog({
    location,
    directory: host.directory,
    environment: host.environment,
    ...(withSecrets ? {} : { secretFor: () => '0'.repeat(64) }),
  });
}

interface PlanRow {
  product: string;
  plan: string;
  price: string;
  machines: string;
}

function planRows(catalog: Catalog): PlanRow[] {
  return catalog.products.flatMap((product) =>
    product.plans.map(({ id, price, license }) => ({
      product: product.id,
      plan: id,
      price: price === null ? 'not for sale' : priceText(price.amountCents, price.currency, price.interval),
      machines: machinesText(license.maxMachines),
    })),
  );
}

function publicPlanRows(product: unknown): PlanRow[] {
  return itemsOf(at(product, 'plans')).map((plan) => ({
    product: String(at(product, 'id')),
    plan: String(at(plan, 'id')),
    price:
      at(plan, 'price') === null
        ? 'not for sale'
        : priceText(
            Number(at(plan, 'price.amount_cents')),
            String(at(plan, 'price.currency')),
            at(plan, 'price.interval'),
          ),
    machines: machinesText(Number(at(plan, 'max_machines'))),
  }));
}

function priceText(amountCents: number, currency: string, interval: unknown): string {
  const amount = formatMoney(money(amountCents, currency));
  return interval === null ? amount : `${amount} a ${String(interval)}`;
}

function machinesText(machines: number): string {
  return machines === -1 ? 'unlimited' : String(machines);
}
