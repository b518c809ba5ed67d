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

/** A loss is noticed within four seconds, a server that restarts is found again within a tenth of a second. */
const defaultTimes: Required<ListenerTimes> = {
  heartbeatMs: 2_000,
  heartbeatTimeoutMs: 2_000,
  reconnectFirstMs: 50,
  reconnectMostMs: 5_000,
};

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
  /** The command that was sent last: the next one waits for it. */
  last: Promise<unknown>;
  isBeating: boolean;
}

/**
 * One connection of its own for NOTIFY, outside the pool because LISTEN belongs to a session. It comes back by itself after a loss; a
 * pooler in transaction mode between here and the server cannot work.
 */
export class PostgresListener {
  readonly #options: Required<PostgresListenerOptions>;
  readonly #subscriptions = new Set<Subscription>();
  #session: Session | null = null;
  #connecting: Promise<Session> | null = null;
  #reconnectTimer: NodeJS.Timeout | null = null;
  #wasConnected = false;
  #closed = false;

  constructor(options: PostgresListenerOptions) {
    this.#options = { ...defaultTimes, ...options };
  }

  readonly listen: Listen = async (channel, handler, state) => {
    const subscription: Subscription = { channel, handler, state };
    this.#subscriptions.add(subscription);
    if (this.#session === null && this.#wasConnected) {
      // A lost connection is being replaced: the newcomer is restored with everyone else.
      if (state !== undefined) this.#tell(state.onLost);
    } else {
      try {
        await this.#subscribeAll(await this.#connect());
      } catch (error) {
        this.#subscriptions.delete(subscription);
        throw error;
      }
    }
    // The channel stays listened to: a notice that nobody asked for any more costs nothing.
    return async () => void this.#subscriptions.delete(subscription);
  };

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#reconnectTimer !== null) clearTimeout(this.#reconnectTimer);
    await this.#connecting?.catch(() => {});
    const last = this.#session;
    this.#session = null;
    if (last === null) return;
    clearInterval(last.heartbeat);
    await last.client.end();
  }

  #connect(): Promise<Session> {
    if (this.#session !== null) return Promise.resolve(this.#session);
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #open(): Promise<Session> {
    const { client, socket } = await openClient(this.#options.databaseUrl);
    const heartbeat = setInterval(() => void this.#beat(session), this.#options.heartbeatMs);
    const session: Session = {
      client,
      channels: new Map(),
      socket,
      heartbeat,
      last: Promise.resolve(),
      isBeating: false,
    };
    client.on('notification', ({ channel, payload }) => this.#deliver(channel, payload ?? ''));
    client.on('error', (error) => this.#lose(session, error.message));
    client.on('end', () => this.#lose(session, 'the server closed it'));
    try {
      await this.#subscribeAll(session);
      if (this.#closed) throw new Error('The listener was closed.');
    } catch (error) {
      clearInterval(heartbeat);
      socket.destroy();
      throw error;
    }
    this.#session = session;
    this.#wasConnected = true;
    return session;
  }

  // Goes round again for a channel that was added while the server answered.
  async #subscribeAll(session: Session): Promise<void> {
    const { client, channels } = session;
    for (const { channel } of this.#subscriptions) {
      if (!channels.has(channel)) channels.set(channel, run(session, `LISTEN ${client.escapeIdentifier(channel)}`));
      await channels.get(channel);
    }
  }

  async #beat(session: Session): Promise<void> {
    if (session.isBeating) return;
    session.isBeating = true;
    const timeout = setTimeout(() => this.#lose(session, 'it does not answer'), this.#options.heartbeatTimeoutMs);
    try {
      await run(session, 'SELECT 1');
    } catch (error) {
      this.#lose(session, error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(timeout);
      session.isBeating = false;
    }
  }

  #lose(session: Session, reason: string): void {
    if (this.#session !== session) return;
    this.#session = null;
    clearInterval(session.heartbeat);
    // Destroyed, not ended: a peer that is silent would never answer a polite goodbye.
    session.socket.destroy();
    if (this.#closed) return;
    this.#options.log.warn({ reason }, 'the connection for database notices was lost');
    for (const { state } of this.#subscriptions) if (state !== undefined) this.#tell(state.onLost);
    this.#reconnectAfter(this.#options.reconnectFirstMs);
  }

  #reconnectAfter(delayMs: number): void {
    this.#reconnectTimer = setTimeout(() => {
      this.#connect().then(
        () => {
          this.#options.log.info({}, 'the connection for database notices is back');
          for (const { state } of this.#subscriptions) if (state !== undefined) this.#tell(state.onRestored);
        },
        () => this.#closed || this.#reconnectAfter(Math.min(delayMs * 2, this.#options.reconnectMostMs)),
      );
    }, delayMs);
  }

  #deliver(channel: string, payload: string): void {
    for (const one of this.#subscriptions) if (one.channel === channel) this.#tell(() => one.handler(payload));
  }

  #tell(action: () => void): void {
    try {
      outsideTransactions(action);
    } catch (error) {
      this.#options.log.error({ error }, 'a listener to database notices threw');
    }
  }
}

function run(session: Session, text: string): Promise<unknown> {
  const command = session.last.then(() => session.client.query(text));
  session.last = command.catch(() => {});
  return command;
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
