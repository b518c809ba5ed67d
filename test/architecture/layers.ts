/** Which part of the house a file belongs to. `undefined` for files that the table is not about. */
export interface Place {
  layer: Layer;
  /** The module or dialect, where the layer has several. */
  noun?: string;
}

export type Layer =
  | 'core'
  | 'stripe-sandbox'
  | 'sdk'
  | 'dashboard'
  | 'ports'
  | 'ground'
  | 'db'
  | 'module repository'
  | 'module routes'
  | 'module index'
  | 'module'
  | 'stripe'
  | 'dialect'
  | 'cli'
  | 'sandbox'
  | 'pages'
  | 'library'
  | 'wiring'
  | 'unknown';

// Below the modules: they know nothing of any of them.
const ground = ['config', 'catalog', 'http', 'jobs', 'redis', 'security', 'observability'];

/** Says where a file stands, by its path alone. */
export function placeOf(path: string): Place | undefined {
  const [, workspace, rest] = /^packages\/([^/]+)\/src\/(.+)$/.exec(path) ?? [];
  if (workspace === undefined || rest === undefined) return undefined;
  if (workspace === 'server') return placeInServer(rest);
  if (workspace === 'core' || workspace === 'stripe-sandbox' || workspace === 'sdk' || workspace === 'dashboard') {
    return { layer: workspace };
  }
  return { layer: 'unknown' };
}

function placeInServer(path: string): Place {
  const [folder = '', noun, ...rest] = path.split('/');
  if (noun === undefined) return { layer: path === 'ports.ts' ? 'ports' : 'wiring' };
  if (folder === 'modules') return { layer: layerInModule(rest), noun };
  if (folder === 'dialects') return rest.length === 0 ? { layer: 'wiring' } : { layer: 'dialect', noun };
  if (
    folder === 'db' ||
    folder === 'stripe' ||
    folder === 'cli' ||
    folder === 'sandbox' ||
    folder === 'pages' ||
    folder === 'library'
  )
    return { layer: folder };
  return { layer: ground.includes(folder) ? 'ground' : 'unknown' };
}

function layerInModule([first = '', ...more]: string[]): Layer {
  if (first === 'routes' || /^routes\b/.test(first)) return 'module routes';
  if (more.length > 0) return first === 'repository' ? 'module repository' : 'module';
  if (first === 'index.ts') return 'module index';
  return /(^|-)repository\.ts$/.test(first) ? 'module repository' : 'module';
}
