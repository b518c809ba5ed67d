import { sql } from 'kysely';
import type { DomainClock } from '../security/system-ports.ts';
import type { Actor, Connection, Database } from './database.ts';

const settingKey = 'clock_offset_ms';

/** Where the domain clock stands against the wall, as every process must see it; 0 when it was never moved. */
export async function readClockOffset(connection: Connection): Promise<number> {
  const row = await connection.selectFrom('settings').select('value').where('key', '=', settingKey).executeTakeFirst();
  return row === undefined ? 0 : Number(row.value);
}

/**
 * Moves domain time to `target`, in this process before it resolves and in the others when the notice arrives. Time never goes back: an
 * earlier target, or one that another process has already passed, changes nothing. Answers the offset that holds now.
 */
export async function moveClock(database: Database, clock: DomainClock, target: Date, actor: Actor): Promise<number> {
  const wanted = target.getTime() - clock.wall().getTime();
  const offset = await database.transaction({ actor }, async (transaction) => {
    await sql`
      INSERT INTO settings (key, value, updated_at) VALUES (${settingKey}, to_jsonb(${wanted}::bigint), ${clock.wall()})
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
      WHERE settings.value::bigint < excluded.value::bigint`.execute(transaction.connection);
    const held = await readClockOffset(transaction.connection);
    await transaction.notify('latchkey_clock', String(held));
    return held;
  });
  raise(clock, offset);
  return offset;
}

/** Takes the stored offset over and follows the clock from then on, wherever it is moved. Answers what stops following. */
export async function followClock(database: Database, clock: DomainClock): Promise<() => Promise<void>> {
  const reload = async (): Promise<void> => raise(clock, await readClockOffset(database.connection));
  const stop = await database.listen('latchkey_clock', (payload) => raise(clock, Number(payload)), {
    onLost() {},
    onRestored: () => void reload().catch(() => {}),
  });
  // After listening, so that no move falls between the two.
  await reload();
  return stop;
}

// Notices may overtake one another; the later time is the true one.
function raise(clock: DomainClock, offsetMs: number): void {
  if (offsetMs > clock.offsetMs) clock.setOffset(offsetMs);
}
