/** Loads a vendor's catalog: reads, checks, completes, and reports everything that is wrong at once. */

import type { Catalog, KeySecret, SecretReference } from '@latchkey/core';
import { completeProduct, secretReference } from './complete.ts';
import { type Environment, substitute } from './environment.ts';
import { type CatalogFile, readCatalogFiles } from './files.ts';
import { CatalogError, type CatalogProblem, formatPath } from './problem.ts';
import { checkReferences } from './references.ts';
import { type CatalogSecrets, collectSecrets, type SecretSources } from './secrets.ts';
import { type Finding, readShape } from './shape.ts';
import type { ProductSource } from './source-schema.ts';
import { readYaml, type YamlDocument } from './yaml-source.ts';

export interface LoadCatalogOptions {
  /** A file, a folder or a pattern. */
  location: string;
  /** What `location` is relative to, and what file names in messages are relative to. */
  directory: string;
  /** Where `${env:NAME}` is looked up. */
  environment: Environment;
  /**
   * Gives the secret that was made for this installation where the environment has none: 32 bytes in hexadecimal, which fit
   * every scheme. Pass it in the sandbox only: without it a missing or short secret is a problem.
   */
  secretFor?: (variable: string) => string | Promise<string>;
}

/** A catalog that holds together. It can be logged and answered whole: the secrets are behind functions. */
export interface LoadedCatalog {
  readonly catalog: Catalog;
  /** The files it came from, in the order they were read. */
  readonly files: readonly string[];
  /** The values behind a reference of this catalog, the newest first; empty for a reference that is not in it. */
  secrets(reference: SecretReference): readonly string[];
  /** The same as bytes with ids, as the key schemes take them. */
  keySecrets(reference: SecretReference): readonly KeySecret[];
}

/**
 * The catalog at a location. Throws a CatalogError with every problem of every file when there is one: nothing is loaded
 * by halves.
 */
export async function loadCatalog(options: LoadCatalogOptions): Promise<LoadedCatalog> {
  const problems: CatalogProblem[] = [];
  const files = await readCatalogFiles(options.location, options.directory, problems);
  const { catalog, secrets } = await assembleCatalog(files, options, problems);
  return { catalog, files: files.map((file) => file.name), secrets: secrets.texts, keySecrets: secrets.keys };
}

/** The same for files that are at hand: the part that touches no disk. */
export async function assembleCatalog(
  files: readonly CatalogFile[],
  sources: SecretSources,
  problems: CatalogProblem[] = [],
): Promise<{ catalog: Catalog; secrets: CatalogSecrets }> {
  const read: ReadProduct[] = [];
  for (const file of files) {
    for (const document of readYaml(file.name, file.bytes, problems)) {
      const source = readDocument(document, sources.environment, problems);
      if (source !== null) read.push({ document, source, secret: secretReference(source.key) });
    }
  }
  problems.push(...repeatedAcrossFiles(read));
  const references = read.flatMap(({ secret }) => secret ?? []);
  const { secrets, faults } = await collectSecrets(references, sources);
  for (const fault of faults) {
    const naming = read.find(({ secret }) => secret?.variable === fault.reference.variable);
    if (naming !== undefined) problems.push(problemAt(naming.document, { path: ['key', 'secret'], ...fault }));
  }
  if (problems.length > 0) throw new CatalogError(problems);
  return { catalog: { products: read.map(({ source }) => completeProduct(source)) }, secrets };
}

interface ReadProduct {
  document: YamlDocument;
  source: ProductSource;
  secret: SecretReference | null;
}

/** One document as a product, or null when something is wrong with it, which is then among the problems. */
function readDocument(
  document: YamlDocument,
  environment: Environment,
  problems: CatalogProblem[],
): ProductSource | null {
  const unresolved: Finding[] = [];
  const value = substitute(document.value, environment, unresolved);
  const shape = readShape(value);
  // A value that could not be looked up would be reported a second time, as missing.
  const known = new Set(unresolved.map(({ path }) => formatPath(path)));
  const findings =
    'findings' in shape
      ? shape.findings.filter(({ path }) => !known.has(formatPath(path)))
      : checkReferences(shape.source);
  const all = [...unresolved, ...findings];
  problems.push(...all.map((finding) => problemAt(document, finding)));
  return all.length === 0 && 'source' in shape ? shape.source : null;
}

/** What has to be unique over all products, wherever they are written. */
function repeatedAcrossFiles(read: readonly ReadProduct[]): CatalogProblem[] {
  const problems: CatalogProblem[] = [];
  const products = new Map<string, string>();
  const prices = new Map<string, string>();
  for (const { document, source } of read) {
    const first = products.get(source.id);
    if (first === undefined) products.set(source.id, document.file);
    else {
      const message = `repeats the product "${source.id}" of ${first}`;
      problems.push(problemAt(document, { path: ['id'], message, remedy: 'Give each product an id of its own.' }));
    }
    for (const [index, plan] of source.plans.entries()) {
      const price = plan.price?.stripe_price ?? null;
      if (price === null) continue;
      const owner = prices.get(price);
      if (owner === undefined) prices.set(price, `${source.id}/${plan.id}`);
      else {
        const path = ['plans', index, 'price', 'stripe_price'];
        const message = `is already the price of ${owner}, so a payment would not tell which was bought`;
        problems.push(problemAt(document, { path, message, remedy: 'Give each plan a price of its own in Stripe.' }));
      }
    }
  }
  return problems;
}

function problemAt(document: YamlDocument, finding: Finding): CatalogProblem {
  const { path, message, remedy } = finding;
  const position = document.position(path, finding.atName ? 'key' : undefined);
  return { file: document.file, ...position, path: formatPath(path), message, remedy };
}
