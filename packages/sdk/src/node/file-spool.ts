/** A spool on disk: what it has said to be kept outlives the program and, as it is asked to, the machine's power. */

import { resolve } from 'node:path';
import { type Spool, SpoolFullError } from '../usage/spool.ts';
import { lockFolder } from './process-lock.ts';
import { listSegments } from './segments.ts';
import { SpoolFiles } from './spool-files.ts';

export interface FileSpoolOptions {
  /** A folder of its own, made where it is missing. One process uses it at a time. */
  directory: string;
  /** How many events may wait; 1,000,000 unless said, some 300 bytes each. */
  limit?: number | undefined;
  /**
   * `disk` (unless said): an event is kept once the disk says so (fdatasync), and outlives a power cut. Events that come together share
   * one sync. `system`: once the operating system has it; that outlives the program, not the machine.
   */
  durability?: 'disk' | 'system' | undefined;
  /** When a new file is begun; 4 MiB unless said. */
  segmentBytes?: number | undefined;
}

const DEFAULT_LIMIT = 1_000_000;
const DEFAULT_SEGMENT_BYTES = 4 * 1024 * 1024;

/**
 * Opens the spool of a folder, with what an earlier program left in it. Licence keys are in it as they are: the folder is made for its
 * owner alone. Throws a FolderInUseError while another process has it.
 */
export async function createFileSpool(options: FileSpoolOptions): Promise<Spool> {
  const folder = resolve(options.directory);
  const unlock = await lockFolder(folder);
  try {
    const segments = await listSegments(folder);
    const { durability = 'disk', segmentBytes = DEFAULT_SEGMENT_BYTES } = options;
    const files = new SpoolFiles(folder, segments, { durable: durability === 'disk', segmentBytes });
    await files.begin();
    return spoolOf(files, options, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

function spoolOf(files: SpoolFiles, { limit = DEFAULT_LIMIT }: FileSpoolOptions, unlock: () => Promise<void>): Spool {
  let closed: Promise<void> | null = null;
  return {
    async append(events) {
      // The folder may be another process's by now.
      if (closed !== null) throw new Error('The spool is closed.');
      if (files.waiting + files.appending + events.length > limit) throw new SpoolFullError(limit);
      await files.append(events);
    },
    read: (most) => files.read(most),
    acknowledge: (position) => files.acknowledge(position),
    setAside: (refused) =>
      files.setAside(
        refused.map(({ event, rejection }) => ({ event, code: rejection.code, detail: rejection.detail })),
      ),
    get waiting() {
      return files.waiting;
    },
    close() {
      closed ??= files.close().finally(unlock);
      return closed;
    },
  };
}
