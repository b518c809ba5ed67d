/** JSON Schema as far as the generator writes it. `model` names another schema of the document, `event` one of its events. */
export interface Schema {
  type?: string | string[];
  const?: string | number | boolean;
  enum?: (string | number | boolean | null)[];
  pattern?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: Schema[];
  if?: Schema;
  then?: Schema;
  else?: Schema;
  model?: string;
  /** The event of the type that it states. */
  event?: true;
}

/** What one route takes and answers. */
export interface RouteSchemas {
  params: Schema;
  answer: Schema;
}

/** All that the SDK's types say about the wire, ready for a validator. */
export interface ConformanceDocument {
  sdkVersion: string;
  apiVersion: string;
  /** By `METHOD /v1/path/{}`: the names of path parameters do not matter. */
  routes: Record<string, RouteSchemas>;
  /** By event type, the whole event. */
  events: Record<string, Schema>;
  /** An error body. */
  error: Schema;
  /** Named schemas: answers by the SDK's type name; parts of requests and previous attributes under a prefix. */
  models: Record<string, Schema>;
}
