import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A browser that can be started, with the environment it needs. */
export interface Chromium {
  executable: string;
  env: Record<string, string>;
}

/** Unpacks the browser that came from npm, once for each version, however many test processes ask together. */
export async function unpackChromium(): Promise<Chromium> {
  const entry = import.meta.resolve('@sparticuz/chromium');
  const cache = fileURLToPath(new URL('../../node_modules/.cache/latchkey', import.meta.url));
  const folder = join(cache, `chromium-${versionOf(entry)}`);
  if (!existsSync(folder)) await unpackInto(folder, entry, cache);
  const executable = join(folder, 'chromium');
  const fonts = { FONTCONFIG_PATH: join(folder, 'fonts') };
  // The browser links a few libraries that small systems lack; the package brings copies of them.
  if (spawnSync(executable, ['--version']).status === 0) return { executable, env: fonts };
  const env = { ...fonts, LD_LIBRARY_PATH: join(folder, 'al2023', 'lib') };
  const probe = spawnSync(executable, ['--version'], { env: { ...process.env, ...env }, encoding: 'utf8' });
  if (probe.status !== 0) throw new Error(`the browser of @sparticuz/chromium does not start here: ${probe.stderr}`);
  return { executable, env };
}

async function unpackInto(folder: string, entry: string, cache: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, 'unpacking-'));
  const libraries = join(dirname(fileURLToPath(entry)), '..', 'bin', 'al2023.tar.br');
  // The package unpacks into the temporary folder of its process, hence a process with a folder of its own.
  const script = `
    const { default: chromium, inflate } = await import(${JSON.stringify(entry)});
    await chromium.executablePath();
    await inflate(${JSON.stringify(libraries)});
  `;
  try {
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, TMPDIR: scratch },
    });
    renameSync(scratch, folder);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    // Another process was quicker: its copy is as good.
    if (!existsSync(folder)) throw error;
  }
}

function versionOf(entry: string): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', entry), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  return 'unknown';
}
