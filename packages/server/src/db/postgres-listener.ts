import { Socket } from 'node:net';
import pg from 'pg';
import type { Log } from '../observability/log.ts';
import type { Channel } from './database.ts';
import type { Listen, ListenState } from './engine.ts';
import { outsideTransactions } from './transaction-guard.ts';

export interface ListenerTimes {
  /** How often the connection is asked whether it still lives: the longest time a silent loss goes unnoticed, with the next one. */
  heartbeatMs?: number;
  heartbeatTimeoutMs?: number;
  reconnectFirstMs?: number;
  reconnectMostMs?: number;
}

export interface PostgresListenerOptions extends ListenerTimes {
  databaseUrl: string;
  log: Log;
}

interface Subscription {
  channel: Channel;
  handler(payload: string): void;
  state: ListenState | undefined;
}

interface Session {
  client: pg.Client;
  /** What the server was asked to tell us of, with its answer. */
  channels: Map<Channel, Promise<unknown>>;
  socket: Socket;
  heartbeat: NodeJS.Timeout;
}

/**
 * One connection of its own for NOTIFY, outside the pool because LISTEN belongs to a session. It comes back by itself after a loss; a
 * pooler in transaction mode between here and the server cannot work.
 */
export function createPostgresListener(options: PostgresListenerOptions): { listen: Listen; close(): Promise<void> } {
  const { log, heartbeatMs = 2_000, heartbeatTimeoutMs = 2_000 } = options;
  const { reconnectFirstMs = 50, reconnectMostMs = 5_000 } = options;
  const subscriptions = new Set<Subscription>();
  let session: Session | null = null;
  let connecting: Promise<Session> | null = null;
  let reconnectTimer: NodeJS.Timeout | null = null;
  let wasConnected = false;
  let closed = false;

  const tell = (action: () => void): void => {
    try {
      outsideTransactions(action);
    } catch (error) {
      log.error({ error }, 'a listener to database notices threw');
    }
  };

  const lose = (lost: Session, reason: string): void => {
    if (session !== lost) return;
    session = null;
    clearInterval(lost.heartbeat);
    // Destroyed, not ended: a peer that is silent would never answer a polite goodbye.
    lost.socket.destroy();
    if (closed) return;
    log.warn({ reason }, 'the connection for database notices was lost');
    for (const { state } of subscriptions) if (state !== undefined) tell(state.onLost);
    reconnectAfter(reconnectFirstMs);
  };

  const reconnectAfter = (delayMs: number): void => {
    reconnectTimer = setTimeout(() => {
      connect().then(
        () => {
          log.info({}, 'the connection for database notices is back');
          for (const { state } of subscriptions) if (state !== undefined) tell(state.onRestored);
        },
        () => closed || reconnectAfter(Math.min(delayMs * 2, reconnectMostMs)),
      );
    }, delayMs);
  };

  const deliver = (channel: string, payload: string): void => {
    for (const one of subscriptions) if (one.channel === channel) tell(() => one.handler(payload));
  };

  const open = async (): Promise<Session> => {
    const { client, socket } = await openClient(options.databaseUrl);
    const heartbeat = setInterval(() => void beat(opened), heartbeatMs);
    const opened: Session = { client, channels: new Map(), socket, heartbeat };
    client.on('notification', ({ channel, payload }) => deliver(channel, payload ?? ''));
    client.on('error', (error) => lose(opened, error.message));
    client.on('end', () => lose(opened, 'the server closed it'));
    try {
      await subscribeAll(opened);
      if (closed) throw new Error('The listener was closed.');
    } catch (error) {
      clearInterval(heartbeat);
      socket.destroy();
      throw error;
    }
    session = opened;
    wasConnected = true;
    return opened;
  };

  // Goes round again for a channel that was added while the server answered.
  const subscribeAll = async ({ client, channels }: Session): Promise<void> => {
    for (const { channel } of subscriptions) {
      if (!channels.has(channel)) channels.set(channel, client.query(`LISTEN ${client.escapeIdentifier(channel)}`));
      await channels.get(channel);
    }
  };

  const beat = async (beating: Session): Promise<void> => {
    const timeout = setTimeout(() => lose(beating, 'it does not answer'), heartbeatTimeoutMs);
    try {
      await beating.client.query('SELECT 1');
    } catch (error) {
      lose(beating, error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(timeout);
    }
  };

  const connect = (): Promise<Session> => {
    if (session !== null) return Promise.resolve(session);
    connecting ??= open().finally(() => {
      connecting = null;
    });
    return connecting;
  };

  const listen: Listen = async (channel, handler, state) => {
    const subscription: Subscription = { channel, handler, state };
    subscriptions.add(subscription);
    if (session === null && wasConnected) {
      // A lost connection is being replaced: the newcomer is restored with everyone else.
      if (state !== undefined) tell(state.onLost);
    } else {
      try {
        await subscribeAll(await connect());
      } catch (error) {
        subscriptions.delete(subscription);
        throw error;
      }
    }
    // The channel stays listened to: a notice that nobody asked for any more costs nothing.
    return async () => void subscriptions.delete(subscription);
  };

  return {
    listen,
    async close() {
      closed = true;
      if (reconnectTimer !== null) clearTimeout(reconnectTimer);
      await connecting?.catch(() => {});
      const last = session;
      session = null;
      if (last === null) return;
      clearInterval(last.heartbeat);
      await last.client.end();
    },
  };
}

async function openClient(databaseUrl: string): Promise<{ client: pg.Client; socket: Socket }> {
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'latchkey notices',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    stream: () => socket,
  });
  // Until the caller puts its own: an error without a handler would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return { client, socket };
}
