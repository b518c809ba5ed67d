import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript-compiler-api';

/** The installed SDK's declarations, type-checked. */
export interface SdkProgram {
  checker: ts.TypeChecker;
  /** Folder of the SDK's modules, below which `resources` lies. */
  folder: string;
  /** The module of that path below the folder, without extension. */
  source(module: string): ts.SourceFile;
}

/** The folder of the SDK that this package's tests import. */
export function sdkFolder(): string {
  return dirname(fileURLToPath(import.meta.resolve('stripe')));
}

/** The SDK's own version and the version of Stripe's API that its types describe. */
export function sdkVersions(folder: string): { sdkVersion: string; apiVersion: string } {
  const declared = /ApiVersion = "([^"]+)"/.exec(readFileSync(join(folder, 'apiVersion.d.ts'), 'utf8'))?.[1];
  if (declared === undefined) throw new Error('the SDK does not declare its ApiVersion where it used to');
  return { sdkVersion: readFileSync(join(folder, '..', 'VERSION'), 'utf8').trim(), apiVersion: declared };
}

/** Type-checks all resources of the SDK. */
export function openSdk(folder: string): SdkProgram {
  const resources = readdirSync(join(folder, 'resources'), { recursive: true, encoding: 'utf8' });
  const roots = [
    ...resources.filter((file) => file.endsWith('.d.ts')).map((file) => join(folder, 'resources', file)),
    join(folder, 'Types.d.ts'),
    join(folder, 'lib.d.ts'),
    join(folder, 'shared.d.ts'),
  ];
  const program = ts.createProgram(roots, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  });
  return {
    checker: program.getTypeChecker(),
    folder,
    source(module) {
      const file = program.getSourceFile(join(folder, `${module}.d.ts`));
      if (file === undefined) throw new Error(`the SDK has no module ${module}`);
      return file;
    },
  };
}

/** The exported declaration of that name. */
export function exportedType(sdk: SdkProgram, module: string, name: string): ts.Type {
  const symbol = sdk.checker.getSymbolAtLocation(sdk.source(module));
  const found = symbol && sdk.checker.getExportsOfModule(symbol).find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`the SDK's module ${module} exports no ${name}`);
  return sdk.checker.getDeclaredTypeOfSymbol(found);
}
