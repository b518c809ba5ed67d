/** A received mail taken apart as far as our tests ask: addresses and subject decoded, one HTML and one text part. */
export interface ReceivedMail {
  from: string;
  to: string[];
  subject: string;
  text: string;
  html: string;
  headers: ReadonlyMap<string, string>;
  raw: string;
}

/** Reads a message as RFC 5322 and RFC 2045 to 2047 write it, with the recipients its envelope named. */
export function parseMail(raw: string, recipients: readonly string[]): ReceivedMail {
  const parts: Part[] = [];
  const top = split(raw);
  collect(top, parts);
  return {
    from: decodeWords(top.headers.get('from') ?? ''),
    to: [...recipients],
    subject: decodeWords(top.headers.get('subject') ?? ''),
    text: parts.find((part) => part.type === 'text/plain')?.content ?? '',
    html: parts.find((part) => part.type === 'text/html')?.content ?? '',
    headers: top.headers,
    raw,
  };
}

interface Entity {
  headers: Map<string, string>;
  body: string;
}

interface Part {
  type: string;
  content: string;
}

function split(source: string): Entity {
  const at = source.search(/\r?\n\r?\n/);
  const head = at < 0 ? source : source.slice(0, at);
  const headers = new Map<string, string>();
  // A line that begins with a blank continues the header before it.
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { headers, body: at < 0 ? '' : source.slice(at).replace(/^\r?\n\r?\n/, '') };
}

function collect(entity: Entity, parts: Part[]): void {
  const contentType = entity.headers.get('content-type') ?? 'text/plain';
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) {
    const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
    parts.push({ type, content: decodeBody(entity) });
    return;
  }
  const sections = entity.body.split(`--${boundary}`).slice(1);
  for (const section of sections) {
    if (section.startsWith('--')) break;
    collect(split(section.replace(/^\r?\n/, '').replace(/\r?\n$/, '')), parts);
  }
}

function decodeBody(entity: Entity): string {
  const encoding = entity.headers.get('content-transfer-encoding')?.toLowerCase();
  if (encoding === 'base64') return Buffer.from(entity.body, 'base64').toString('utf8');
  if (encoding === 'quoted-printable') return decodeQuotedPrintable(entity.body.replace(/=\r?\n/g, ''));
  return entity.body;
}

function decodeQuotedPrintable(text: string): string {
  const bytes = text.replace(/=([0-9A-F]{2})/gi, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function decodeWords(header: string): string {
  return header
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_match, kind: string, text: string) =>
      kind.toLowerCase() === 'b'
        ? Buffer.from(text, 'base64').toString('utf8')
        : decodeQuotedPrintable(text.replaceAll('_', ' ')),
    );
}
