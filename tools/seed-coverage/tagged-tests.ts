import ts from 'typescript-compiler-api';

/** A test whose title ends in the rows it shows, such as `mails the key [I6] [I7]`. */
export interface TaggedTest {
  file: string;
  title: string;
  rows: string[];
}

const TAGS = /(?:\s*\[[A-Z]\d{1,2}\])+$/;

/** The tagged tests of these files, in the order of the files and of their lines. */
export function taggedTests(files: ReadonlyMap<string, string>): TaggedTest[] {
  return [...files]
    .filter(([path, text]) => /\.test\.ts$/.test(path) && /\[[A-Z]\d{1,2}\]/.test(text))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([path, text]) => testsOf(path, text));
}

function testsOf(file: string, text: string): TaggedTest[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const found: TaggedTest[] = [];
  const visit = (node: ts.Node): void => {
    const title = ts.isCallExpression(node) ? titleOf(node) : null;
    const tags = title === null ? null : TAGS.exec(title);
    if (title !== null && tags !== null) {
      found.push({ file, title: title.slice(0, tags.index), rows: tags[0].match(/[A-Z]\d{1,2}/g) ?? [] });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The title of `it(…)`, `it.each(…)(…)` and their kin; what is skipped or left to do shows nothing. */
function titleOf({ expression, arguments: [title] }: ts.CallExpression): string | null {
  if (title === undefined) return null;
  const callee = expression.getText().replace(/\s+/g, ' ');
  if (!/^(it|test)\b/.test(callee) || /^(it|test)\.(skip|todo)\b/.test(callee)) return null;
  if (ts.isStringLiteralLike(title)) return title.text;
  // Of a template, what is filled in is not known here.
  return ts.isTemplateExpression(title)
    ? `${title.head.text}${title.templateSpans.map(({ literal }) => `…${literal.text}`).join('')}`
    : null;
}
