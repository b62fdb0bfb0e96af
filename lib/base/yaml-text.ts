/** YAML and JSON texts from outside, parsed with a bound on their depth. */
import { Lexer, parse } from 'yaml';

/** No file of ours, and no pod, is nearly that deep. The parser takes time with the square of it, and recurses. */
const deepest = 100;

/**
 * @param text YAML or JSON
 * @throws Error for a syntax error, in its own words, and for a text that is nested too deeply
 */
export function parseYamlText(text: string): unknown {
  refuseDeepYaml(text);
  // At this level the parser itself writes no warnings to standard error.
  return parse(text, { logLevel: 'error' });
}

/** @throws Error for a text that is nested too deeply */
export function refuseDeepYaml(text: string): void {
  if (!mayBeDeep(text)) return;
  let depth = 0;
  /** Items of lists that begin in this line: each may be the item of the one before. */
  let items = 0;
  let isScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (isScalar) {
      isScalar = false;
      continue;
    }
    const [first] = lexeme;
    if (first === scalarMark) isScalar = true;
    else if (first === '[' || first === '{') depth++;
    else if (first === ']' || first === '}') depth--;
    else if (first === '-' || first === '?') items++;
    else if (first === '\n' || first === '\r') items = 0;
    if (depth + items > deepest) throw new Error(`it is nested more than ${deepest} levels deep`);
  }
}

/** The lexer's mark that its next lexeme is the text of a scalar (`SCALAR` in yaml's cst.js). */
const scalarMark = '\x1f';

/** Most texts have too few brackets and dashes to be deep, and need no second reading. */
function mayBeDeep(text: string): boolean {
  let marks = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b || code === 0x2d || code === 0x3f) marks++;
    if (marks > deepest) return true;
  }
  return false;
}
