// A program that records without end, and says the id of each event once it was told that it is kept.
import { createFileSpool } from '../../src/node/file-spool.ts';

const [, , directory = ''] = process.argv;
const spool = await createFileSpool({ directory, segmentBytes: 1_000 });

async function work(worker: number): Promise<void> {
  for (let number = 0; ; number += 1) {
    const id = `evt_${worker}_${number}`;
    await spool.append([{ id, meter: 'calls', quantity: 1 }]);
    process.stdout.write(`${id}\n`);
  }
}

await Promise.all([1, 2, 3].map(work));
