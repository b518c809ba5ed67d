import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a method of the SDK's resource class sends its request. */
export interface SdkRoute {
  /** Path of the module below `resources`, without extension, such as `Checkout/Sessions`. */
  module: string;
  className: string;
  methodName: string;
  /** `METHOD /v1/path/{}` */
  route: string;
}

/** Reads every route out of the SDK's JavaScript: the declarations have the types, only the code has the paths. */
export function readSdkRoutes(resources: string): SdkRoute[] {
  const files = readdirSync(resources, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.js') && !file.endsWith('index.js'))
    .flatMap((file) => routesOf(file.slice(0, -'.js'.length), readFileSync(join(resources, file), 'utf8')));
}

/** `/v1/customers/{customer}/sources` and `/v1/customers/${encodeURIComponent(id)}/sources` both become `…/{}/sources`. */
export function routeKey(method: string, path: string): string {
  return `${method.toUpperCase()} ${path.replace(/\$?\{[^}]*\}/g, '{}')}`;
}

function routesOf(module: string, source: string): SdkRoute[] {
  const routes: SdkRoute[] = [];
  let className = '';
  let methodName = '';
  for (const line of source.split('\n')) {
    className = /^export class (\w+)/.exec(line)?.[1] ?? className;
    methodName = /^ {4}(?:async )?(\w+)\(/.exec(line)?.[1] ?? methodName;
    const request = /_makeRequest\('(\w+)', (?:'([^']+)'|`([^`]+)`)/.exec(line);
    const path = request?.[2] ?? request?.[3];
    if (request?.[1] !== undefined && path !== undefined) {
      routes.push({ module, className, methodName, route: routeKey(request[1], path) });
    }
  }
  return routes;
}
