/**
 * A table on pages of A4 as PDF 1.4. Written by hand: one font that every reader has and lines of text need a handful of objects, where
 * the libraries for it bring font engines and dozens of packages along.
 */

const PAGE = { width: 595, height: 842, margin: 56, line: 18 };
const COLUMN = 96;
const LINES_A_PAGE = Math.floor((PAGE.height - 2 * PAGE.margin) / PAGE.line) - 2;

/** The first row is the table's head. Characters outside of Latin-1 become question marks. */
export function toPdf(title: string, rows: readonly (readonly string[])[]): Buffer {
  const pages = inPages(rows);
  // 1: catalog, 2: pages, 3 and 4: fonts, then a page and its content in turns.
  const pageIds = pages.map((_page, index) => 5 + 2 * index);
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${pageIds.map((id) => `${id} 0 R`).join(' ')}] /Count ${pages.length} >>`,
    font('Helvetica'),
    font('Helvetica-Bold'),
    ...pages.flatMap((page, index) => {
      const content = contentOf(title, page);
      return [
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${PAGE.width} ${PAGE.height}] ` +
          `/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents ${6 + 2 * index} 0 R >>`,
        `<< /Length ${Buffer.byteLength(content, 'latin1')} >>\nstream\n${content}\nendstream`,
      ];
    }),
  ];
  return Buffer.from(file(objects, title), 'latin1');
}

function inPages(rows: readonly (readonly string[])[]): (readonly string[])[][] {
  const [head = [], ...lines] = rows;
  const pages: (readonly string[])[][] = [];
  for (let from = 0; from < Math.max(lines.length, 1); from += LINES_A_PAGE) {
    pages.push([head, ...lines.slice(from, from + LINES_A_PAGE)]);
  }
  return pages;
}

function contentOf(title: string, rows: readonly (readonly string[])[]): string {
  const top = PAGE.height - PAGE.margin;
  const lines = [`BT /F2 16 Tf ${PAGE.margin} ${top} Td (${text(title)}) Tj ET`];
  rows.forEach((row, line) => {
    row.forEach((value, column) => {
      const x = PAGE.margin + column * COLUMN;
      const y = top - (line + 2) * PAGE.line;
      lines.push(`BT /${line === 0 ? 'F2' : 'F1'} 11 Tf ${x} ${y} Td (${text(value)}) Tj ET`);
    });
  });
  return lines.join('\n');
}

function font(name: string): string {
  return `<< /Type /Font /Subtype /Type1 /BaseFont /${name} /Encoding /WinAnsiEncoding >>`;
}

function text(value: string): string {
  return value.replace(/[^\x20-\x7e\xa0-\xff]/g, '?').replace(/[\\()]/g, '\\$&');
}

/** The objects with the table of where each begins, counted in bytes: everything is Latin-1, so a character is one. */
function file(objects: readonly string[], title: string): string {
  let body = '%PDF-1.4\n%\xe2\xe3\xcf\xd3\n';
  const offsets: number[] = [];
  [...objects, `<< /Title (${text(title)}) >>`].forEach((object, index) => {
    offsets.push(body.length);
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
  });
  const size = offsets.length + 1;
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`);
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${entries.join('')}`;
  return `${body}${table}trailer\n<< /Size ${size} /Root 1 0 R /Info ${size - 1} 0 R >>\nstartxref\n${body.length}\n%%EOF\n`;
}
