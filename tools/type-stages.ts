import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Stage } from './stages.ts';

const packages = fileURLToPath(new URL('../packages/', import.meta.url));

/** One run of the compiler for each tsconfig: the root's, for tests and tools, and each workspace's one or two. */
export function typeStages(): Stage[] {
  const workspaces = readdirSync(packages).filter((name) => existsSync(`${packages}${name}/tsconfig.json`));
  const projects = ['.', ...workspaces.flatMap((name) => [`packages/${name}`, ...ofNode(`packages/${name}`)])];
  return projects.map((project) => ({
    name: `types of ${project === '.' ? 'tests and tools' : project}`,
    file: 'node_modules/typescript/bin/tsc',
    args: ['-p', project],
  }));
}

/** What of a workspace runs on Node alone, where the rest of it must not know Node's types. */
function ofNode(workspace: string): string[] {
  const project = `${workspace}/tsconfig.node.json`;
  return existsSync(fileURLToPath(new URL(`../${project}`, import.meta.url))) ? [project] : [];
}
