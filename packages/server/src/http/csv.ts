/** CSV as RFC 4180 has it, written: commas, CRLF, and quotes only where a field needs them. */

/** One record with its line end. */
export function formatCsv(fields: readonly string[]): string {
  // A record of one empty field would look like an empty line, which readers pass over.
  if (fields.length === 1 && fields[0] === '') return '""\r\n';
  return `${fields.map(formatField).join(',')}\r\n`;
}

/** A byte order mark is quoted too: at the beginning of a file, readers would take it away. */
const NEEDS_QUOTES = /[",\r\n\ufeff]/;

function formatField(field: string): string {
  return NEEDS_QUOTES.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
