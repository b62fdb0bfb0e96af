/** A page of docs/ for a test that follows it: its code blocks in order, and the files that the reader must write. */
import { readFileSync } from 'node:fs';

export interface Block {
  /** The number of the section's heading, such as 4 of `## 4. A pod`. */
  section: number;
  /** `sh`, `yaml`, or empty. */
  language: string;
  /** The file it goes into, when the paragraph above ends in: In `NAME`: */
  file?: string;
  text: string;
}

/** @param name of a page in docs/ */
export function readPage(name: string): { text: string; blocks: Block[] } {
  const text = readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');
  const blocks: Block[] = [];
  let section = 0;
  for (const [, heading, file, language = '', block = ''] of text.matchAll(
    /^## (?:(\d+)\.)?|(?:In `(\S+)`:\n\n)?^```(\w*)\n([\s\S]*?)^```$/gm,
  )) {
    if (block === '') section = Number(heading ?? 0);
    else blocks.push({ section, language, text: block, ...(file !== undefined && { file }) });
  }
  return { text, blocks };
}
