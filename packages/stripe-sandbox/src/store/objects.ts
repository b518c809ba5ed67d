import type { Json, JsonObject } from '../json.ts';
import type { Condition } from './conditions.ts';
import type { Database, Row } from './database.ts';

/** What every stored object has. */
export type StoredObject = JsonObject & { id: string; object: string };

export type Page = { limit: number; startingAfter?: string; endingBefore?: string };
type PageResult = { data: StoredObject[]; hasMore: boolean };

function parse(row: Row): StoredObject {
  return JSON.parse(String(row.body)) as StoredObject;
}

/** Objects by id, in the order they were made. `hidden` holds what the sandbox knows of an object and Stripe does not show. */
export class ObjectStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  find(object: string, id: string): StoredObject | undefined {
    const row = this.#database.get('SELECT body FROM objects WHERE id = ? AND object = ?', id, object);
    return row === undefined ? undefined : parse(row);
  }

  hidden(id: string): Json {
    const row = this.#database.get('SELECT hidden FROM objects WHERE id = ?', id);
    return row === undefined ? null : (JSON.parse(String(row.hidden)) as Json);
  }

  /** `created` is by the sandbox clock, whatever the object says; `clock` is the test clock it lives by. */
  insert(body: StoredObject, created: number, clock: string | null, hidden: Json = null): void {
    this.#database.run(
      'INSERT INTO objects (id, object, created, clock, body, hidden) VALUES (?, ?, ?, ?, ?, ?)',
      body.id,
      body.object,
      created,
      clock,
      JSON.stringify(body),
      JSON.stringify(hidden),
    );
  }

  /** The test clocks by which the named objects live, or the objects that the named parts are in. */
  clocksOf(ids: readonly string[]): string[] {
    const named = JSON.stringify(ids);
    const rows = this.#database.all(
      `SELECT DISTINCT clock FROM objects WHERE clock IS NOT NULL AND (
         id IN (SELECT value FROM json_each(?))
         OR id IN (SELECT owner FROM owners WHERE part IN (SELECT value FROM json_each(?))))`,
      named,
      named,
    );
    return rows.map((row) => String(row.clock));
  }

  replace(body: StoredObject): void {
    this.#database.run('UPDATE objects SET body = ? WHERE id = ?', JSON.stringify(body), body.id);
  }

  replaceHidden(id: string, hidden: Json): void {
    this.#database.run('UPDATE objects SET hidden = ? WHERE id = ?', JSON.stringify(hidden), id);
  }

  /** Leaves `stub` (`{id, object, deleted: true}`) in the object's place; lists no longer show it. */
  markDeleted(stub: StoredObject): void {
    this.#database.run('UPDATE objects SET body = ?, deleted = 1 WHERE id = ?', JSON.stringify(stub), stub.id);
  }

  /** Records that `part` (an item, a line) lives inside the object `owner`. */
  setOwner(part: string, owner: string): void {
    this.#database.run('INSERT OR REPLACE INTO owners (part, owner) VALUES (?, ?)', part, owner);
  }

  ownerOf(part: string): string | undefined {
    const row = this.#database.get('SELECT owner FROM owners WHERE part = ?', part);
    return row === undefined ? undefined : String(row.owner);
  }

  sequenceOf(object: string, id: string): number | undefined {
    const row = this.#database.get('SELECT seq FROM objects WHERE id = ? AND object = ?', id, object);
    return row === undefined ? undefined : Number(row.seq);
  }

  /** All that match, oldest first. */
  select(object: string, conditions: readonly Condition[]): StoredObject[] {
    const where = ['object = ?', 'deleted = 0', ...conditions.map((condition) => condition.sql)].join(' AND ');
    const values = conditions.flatMap((condition) => condition.values);
    return this.#database.all(`SELECT body FROM objects WHERE ${where} ORDER BY seq`, object, ...values).map(parse);
  }

  /**
   * One page, newest first. Objects made in the same second keep the order they were made in. `ending_before` pages
   * backwards: the page right before that object, still newest first.
   */
  page(object: string, conditions: readonly Condition[], page: Page): PageResult {
    const backwards = page.endingBefore !== undefined;
    const cursor = page.endingBefore ?? page.startingAfter;
    const where = ['object = ?', 'deleted = 0', ...conditions.map((condition) => condition.sql)];
    const values = conditions.flatMap((condition) => condition.values);
    if (cursor !== undefined) {
      where.push(`seq ${backwards ? '>' : '<'} ?`);
      values.push(this.sequenceOf(object, cursor) ?? 0);
    }
    const order = backwards ? 'ASC' : 'DESC';
    const sql = `SELECT body FROM objects WHERE ${where.join(' AND ')} ORDER BY seq ${order} LIMIT ?`;
    const rows = this.#database.all(sql, object, ...values, page.limit + 1).map(parse);
    const data = rows.slice(0, page.limit);
    return { data: backwards ? data.reverse() : data, hasMore: rows.length > page.limit };
  }
}
