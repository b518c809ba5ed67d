import { posix } from 'node:path';
import ts from 'typescript-compiler-api';
import type { SourceFiles } from './source-files.ts';

/** One import, re-export or dynamic import. */
export interface Import {
  from: string;
  /** As written: `node:fs`, `zod`, `../db/database.ts`. */
  specifier: string;
  /** A path of the repository when the target is a file of ours, also through the name of a workspace. */
  target: string | undefined;
  /** Gone when the program runs. */
  typeOnly: boolean;
  line: number;
}

// Names of our own workspaces, and the file behind each.
const workspaces: Readonly<Record<string, string>> = {
  '@latchkey/core': 'packages/core/src/index.ts',
  '@latchkey/server': 'packages/server/src/index.ts',
  '@latchkey/stripe-sandbox': 'packages/stripe-sandbox/src/index.ts',
  '@latchkey/sdk': 'packages/sdk/src/index.ts',
  '@latchkey/dashboard': 'packages/dashboard/src/index.ts',
};

/** Every import of the given files. */
export function readImports(files: SourceFiles): Import[] {
  return [...files].flatMap(([path, text]) => importsOf(path, text));
}

/** The package that a specifier names (`zod/v4` is of `zod`), or undefined for `node:` and relative ones. */
export function packageName(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

function importsOf(path: string, text: string): Import[] {
  const kind = path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, false, kind);
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    found.push({ from: path, specifier: specifier.text, target: resolve(path, specifier.text), typeOnly, line });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, isTypeOnlyImport(node));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, isTypeOnlyExport(node));
    else if (ts.isImportTypeNode(node)) {
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

// `import { type A, type B }` still loads the module unless the whole declaration says `type`.
function isTypeOnlyImport(node: ts.ImportDeclaration): boolean {
  return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function isTypeOnlyExport(node: ts.ExportDeclaration): boolean {
  return node.isTypeOnly;
}

function resolve(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.normalize(posix.join(posix.dirname(from), specifier));
  const name = packageName(specifier);
  if (name === undefined) return undefined;
  return Object.hasOwn(workspaces, name) ? workspaces[name] : undefined;
}
