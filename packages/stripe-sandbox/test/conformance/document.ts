import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConformanceDocument } from './schema-types.ts';
import { sdkFolder, sdkVersions } from './sdk-program.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const cache = fileURLToPath(new URL('../../../../node_modules/.cache/latchkey/', import.meta.url));

/** The document of the installed SDK: generated once for each version of the SDK and of the generator, then read back. */
export async function loadConformanceDocument(): Promise<ConformanceDocument> {
  const folder = sdkFolder();
  const file = join(cache, `conformance-${sdkVersions(folder).sdkVersion}-${generatorHash()}.json`);
  const cached = readIfThere(file);
  if (cached !== undefined) return cached;
  // Loaded only now: the compiler is large and most processes find the document made.
  const { generateConformanceDocument } = await import('./generate.ts');
  const document = generateConformanceDocument(folder);
  mkdirSync(cache, { recursive: true });
  // Several test processes may generate at once: each writes a file of its own, and a rename is all or nothing.
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(document));
  renameSync(own, file);
  return document;
}

function readIfThere(file: string): ConformanceDocument | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  return JSON.parse(text) as ConformanceDocument;
}

function generatorHash(): string {
  const hash = createHash('sha256');
  const sources = readdirSync(here).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  for (const name of sources.sort()) hash.update(readFileSync(join(here, name)));
  return hash.digest('hex').slice(0, 12);
}
