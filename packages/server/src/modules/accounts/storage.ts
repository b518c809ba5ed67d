import type { BetterAuthOptions, DBAdapterInstance } from 'better-auth';
import type { CustomAdapter } from 'better-auth/adapters';
import { createAdapterFactory } from 'better-auth/adapters';
import type { Connection } from '../../db/database.ts';
import type { Vault } from '../../security/vault.ts';
import * as rows from './rows-repository.ts';
import { sessionHashes } from './session-hashes.ts';

/** How better-auth's models and fields are called in our tables. */
export const naming = {
  user: {
    modelName: 'auth_users',
    fields: { emailVerified: 'email_verified', createdAt: 'created_at', updatedAt: 'updated_at' },
  },
  session: {
    modelName: 'auth_sessions',
    fields: {
      userId: 'user_id',
      expiresAt: 'expires_at',
      ipAddress: 'ip_address',
      userAgent: 'user_agent',
      createdAt: 'created_at',
      updatedAt: 'updated_at',
    },
  },
  account: {
    modelName: 'auth_accounts',
    fields: {
      userId: 'user_id',
      accountId: 'account_id',
      providerId: 'provider_id',
      createdAt: 'created_at',
      updatedAt: 'updated_at',
    },
  },
  verification: {
    modelName: 'auth_verifications',
    fields: { expiresAt: 'expires_at', createdAt: 'created_at', updatedAt: 'updated_at' },
  },
} as const satisfies Partial<BetterAuthOptions>;

type Where = Parameters<CustomAdapter['delete']>[0]['where'];

/**
 * better-auth's tables over our connection. It works with session tokens in clear and has no setting for storing them otherwise, so they
 * are hashed here, on their way into the table and into conditions, and put back into what is answered.
 */
export function createStorage(connection: Connection, vault: Pick<Vault, 'hashes'>): DBAdapterInstance {
  const adapterOver = (columnOf: (model: string, field: string) => string): CustomAdapter => ({
    async create<T extends Row>({ model, data }: { model: string; data: T }) {
      const { token, row } = outbound(tableOf(model), data);
      return restored(await rows.insertRow(connection, tableOf(model), row), token) as T;
    },
    async findOne<T>({ model, where }: { model: string; where: Where }) {
      const { conditions, token } = inbound(tableOf(model), where);
      const [row] = await rows.selectRows(connection, tableOf(model), { where: conditions, limit: 1 });
      return row === undefined ? null : (restored(row, token) as T);
    },
    async findMany<T>({ model, where = [], limit, offset, sortBy }: Parameters<CustomAdapter['findMany']>[0]) {
      const { conditions, token } = inbound(tableOf(model), where);
      const order =
        sortBy === undefined ? undefined : { column: columnOf(model, sortBy.field), direction: sortBy.direction };
      const found = await rows.selectRows(connection, tableOf(model), {
        where: conditions,
        limit,
        offset,
        sortBy: order,
      });
      return found.map((row) => restored(row, token)) as T[];
    },
    count: ({ model, where = [] }) =>
      rows.countRows(connection, tableOf(model), inbound(tableOf(model), where).conditions),
    async update<T>({ model, where, update }: { model: string; where: Where; update: T }) {
      const { conditions, token } = inbound(tableOf(model), where);
      const [row] = await rows.updateRows(
        connection,
        tableOf(model),
        conditions,
        outbound(tableOf(model), update as Row).row,
      );
      return row === undefined ? null : (restored(row, token) as T);
    },
    async updateMany({ model, where, update }) {
      const { conditions } = inbound(tableOf(model), where);
      return (await rows.updateRows(connection, tableOf(model), conditions, outbound(tableOf(model), update).row))
        .length;
    },
    async delete({ model, where }) {
      await rows.deleteRows(connection, tableOf(model), inbound(tableOf(model), where).conditions);
    },
    deleteMany: ({ model, where }) =>
      rows.deleteRows(connection, tableOf(model), inbound(tableOf(model), where).conditions),
    async consumeOne<T>({ model, where }: { model: string; where: Where }) {
      return (await rows.takeRow(connection, tableOf(model), inbound(tableOf(model), where).conditions)) as T | null;
    },
  });

  /** A row as it is stored, and the token that was in it. */
  function outbound(table: rows.Table, data: Row): { row: Row; token: string | null } {
    // Addresses of callers are not kept.
    const { ip_address: _, ...row } = data;
    if (table !== 'auth_sessions' || typeof row.token !== 'string') return { row, token: null };
    return { row: { ...row, token: sessionHashes(vault, row.token)[0] }, token: row.token };
  }

  function inbound(table: rows.Table, where: Where): { conditions: rows.Condition[]; token: string | null } {
    let token: string | null = null;
    const conditions = where.map(({ field, operator = 'eq', value, connector = 'AND' }): rows.Condition => {
      if (!isKnown(operator)) throw new Error(`Accounts are not looked for by ${operator}.`);
      if (table !== 'auth_sessions' || field !== 'token') return { column: field, operator, value, connector };
      const tokens = [value].flat().map(String);
      if (tokens.length === 1) token = tokens[0] ?? null;
      return { column: field, operator: 'in', value: tokens.flatMap((one) => sessionHashes(vault, one)), connector };
    });
    return { conditions, token };
  }

  return createAdapterFactory({
    config: {
      adapterId: 'latchkey',
      supportsDates: true,
      supportsBooleans: true,
      supportsNumericIds: false,
      transaction: false,
    },
    adapter: ({ getFieldName }) => adapterOver((model, field) => getFieldName({ model, field })),
  });
}

type Row = rows.Row;

function restored(row: Row, token: string | null): Row {
  return token === null ? row : { ...row, token };
}

function isKnown(operator: string): operator is rows.Condition['operator'] {
  return Object.hasOwn(rows.OPERATORS, operator);
}

function tableOf(model: string): rows.Table {
  const table = rows.TABLES.find((name) => name === model);
  if (table === undefined) throw new Error(`Accounts have no table ${model}.`);
  return table;
}
