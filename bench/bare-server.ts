// What validation is measured against: one Fastify route that parses the same body and answers the same bytes, and does nothing else.
// Run as a process of its own; the bytes are handed over in ANSWER.
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';

const answer = process.env.ANSWER ?? '';
const http = fastify();
http.post('/v1/licenses/validate', (request, reply) => {
  if (typeof (request.body as { key?: unknown }).key !== 'string') throw new Error('expected a key');
  reply.type('application/json; charset=utf-8').send(answer);
});
process.on('SIGTERM', () => void http.close().then(() => process.exit(0)));
await http.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`listening on ${(http.server.address() as AddressInfo).port}\n`);
