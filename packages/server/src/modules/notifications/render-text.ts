/** A letter as plain text: for terminals, screen readers and those who prefer it. */

import type { Block, Letter } from './letter.ts';

const WIDTH = 76;

export function renderText(letter: Letter): string {
  const parts = [underlined(letter.heading), ...letter.blocks.map(renderBlock), `-- \n${signature(letter)}`];
  return `${parts.join('\n\n')}\n`;
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'text':
    case 'note':
      return wrap(block.text);
    case 'key':
      // Whole, on a line of its own, so that it can be selected and pasted.
      return `${block.label}:\n\n${block.key}`;
    case 'facts': {
      const widest = Math.max(...block.facts.map(([label]) => label.length));
      return block.facts.map(([label, value]) => `${`${label}:`.padEnd(widest + 2)}${value}`).join('\n');
    }
    case 'steps':
      return block.steps.map((step, index) => wrap(step, `${index + 1}. `)).join('\n');
    case 'code':
      return `${wrap(`${block.label}:`)}\n\n${indent(block.code)}`;
    case 'button':
      return `${block.label}:\n${block.url}`;
  }
}

function signature({ sender }: Letter): string {
  return [sender.name, sender.supportEmail, sender.url].filter((line) => line !== null).join('\n');
}

function underlined(text: string): string {
  const wrapped = wrap(text);
  const longest = Math.max(...wrapped.split('\n').map((line) => line.length));
  return `${wrapped}\n${'='.repeat(longest)}`;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}

/** Breaks at spaces; a word that is longer than a line (an address) stays whole. Later lines stand under the first. */
function wrap(text: string, lead = ''): string {
  const margin = ' '.repeat(lead.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && lead.length + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each, index) => `${index === 0 ? lead : margin}${each}`).join('\n');
}
