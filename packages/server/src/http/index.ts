/** What routes, dialects and the one who wires need of the HTTP side. */

export type { Authenticate } from './authentication.ts';
export { registerDocsPages } from './docs-pages.ts';
export type { ErrorShape } from './error-handling.ts';
export { databaseCheck, type HealthOptions, isInsider, type ReadinessCheck, registerHealthRoutes } from './health.ts';
export { escapeHtml, Html, type HtmlPart, html } from './html.ts';
export { expireIdempotencyKeys } from './idempotency.ts';
export { addKeptAnswers } from './kept-answers.ts';
export { type Page, page } from './page.ts';
export { decodeCursor, type Position, pageOf, pageQuery, toPage } from './paging.ts';
export type { Problem } from './problem.ts';
export type { RateLimitPolicy } from './rate-limits.ts';
export { type RawBodyRoute, registerRawBodyRoute } from './raw-body.ts';
export { type Scope, scopes } from './scopes.ts';
export { createHttp, type HttpOptions } from './server.ts';
export { closeHttp } from './shutdown.ts';
export type { Access, Http, HttpReply, HttpRequest, Principal } from './types.ts';
