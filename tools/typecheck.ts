import { runTogether } from './stages.ts';
import { typeStages } from './type-stages.ts';

const results = await runTogether(typeStages(), 2);
for (const { name, passed, seconds, output } of results) {
  process.stdout.write(`${passed ? 'ok    ' : 'failed'} ${name} (${seconds.toFixed(1)} s)\n${output}`);
}
process.exitCode = results.every((result) => result.passed) ? 0 : 1;
