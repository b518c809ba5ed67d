import ts from 'typescript-compiler-api';
import type { Breach } from './rules.ts';
import { isTest, type SourceFiles } from './source-files.ts';

/** The products of the example catalogs: nothing outside of their dialects and examples may know them. */
export const productNames = [
  'infinite-server26',
  'crypto-orchestrator',
  'redline2',
  'quantum-falcon',
  'investment-system',
] as const;

const maxLines = 500;

/** Product names in the code of shipped sources outside of `dialects/`. A comment may name where a rule comes from. */
export function checkProductNames(files: SourceFiles): Breach[] {
  return shippedSources(files).flatMap(([path, text]) => {
    if (path.startsWith('packages/server/src/dialects/')) return [];
    return find(path, text, namesProduct).map((line) => ({
      path,
      line,
      message: 'names a product of the examples; products belong to dialects and examples',
    }));
  });
}

function namesProduct(node: ts.Node): boolean {
  if (
    !ts.isStringLiteralLike(node) &&
    !ts.isTemplateLiteralToken(node) &&
    !ts.isIdentifier(node) &&
    !ts.isJsxText(node)
  ) {
    return false;
  }
  return productNames.some((name) => node.text.includes(name));
}

const readersOfEnvironment = /^packages\/server\/src\/(main\.ts|cli\/.+)$|^packages\/stripe-sandbox\/src\/main\.ts$/;

/** Reads of the environment outside of the programs' entry files: everything else is handed its configuration. */
export function checkEnvironment(files: SourceFiles): Breach[] {
  return shippedSources(files).flatMap(([path, text]) => {
    if (readersOfEnvironment.test(path)) return [];
    return find(path, text, readsEnvironment).map((line) => ({
      path,
      line,
      message: 'reads process.env; only main.ts and the command line do, and hand on what they read',
    }));
  });
}

/** `any`, in shipped sources and tests alike. */
export function checkAny(files: SourceFiles): Breach[] {
  return [...files].flatMap(([path, text]) =>
    find(path, text, (node) => node.kind === ts.SyntaxKind.AnyKeyword).map((line) => ({
      path,
      line,
      message: 'says any; name the type, or use unknown and look',
    })),
  );
}

/** Files that have grown past what one subject needs; tests may be as long as their tables. */
export function checkLength(files: SourceFiles): Breach[] {
  return [...files].flatMap(([path, text]) => {
    if (isTest(path)) return [];
    const lines = text.split('\n').length - 1;
    if (lines <= maxLines) return [];
    return [{ path, line: maxLines + 1, message: `has ${lines} lines; ${maxLines} are the most, split it by subject` }];
  });
}

function shippedSources(files: SourceFiles): [string, string][] {
  return [...files].filter(([path]) => /^packages\/[^/]+\/src\//.test(path) && !isTest(path));
}

function find(path: string, text: string, matches: (node: ts.Node) => boolean): number[] {
  const kind = path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true, kind);
  const lines: number[] = [];
  const visit = (node: ts.Node): void => {
    if (matches(node)) lines.push(source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return lines;
}

function readsEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) return isProcess(node.expression) && node.name.text === 'env';
  if (ts.isElementAccessExpression(node)) return isProcess(node.expression);
  if (ts.isVariableDeclaration(node)) return isAliasOfEnvironment(node);
  if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return false;
  const named = node.importClause?.namedBindings;
  if (!/^(node:)?process$/.test(node.moduleSpecifier.text) || named === undefined || !ts.isNamedImports(named))
    return false;
  return named.elements.some((element) => (element.propertyName ?? element.name).text === 'env');
}

function isAliasOfEnvironment({ name, initializer }: ts.VariableDeclaration): boolean {
  if (initializer === undefined || !isProcess(initializer)) return false;
  if (!ts.isObjectBindingPattern(name)) return true;
  return name.elements.some(({ propertyName, name: own }) => (propertyName ?? own).getText() === 'env');
}

function isProcess(node: ts.Expression): boolean {
  if (ts.isIdentifier(node)) return node.text === 'process';
  return ts.isPropertyAccessExpression(node) && node.name.text === 'process';
}
