/**
 * Converts addresses between text and bytes, in the common spellings. A parser of every legal spelling costs
 * some microseconds an address, more than the kernel takes for its route. Pure.
 */

const zero = 0x30;
const dot = 0x2e;
const colon = 0x3a;
const groups = 8;

/** @returns 4 bytes; undefined unless the text is four decimal numbers without leading zeros */
export function ipv4BytesOf(text: string): Uint8Array | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = 0;
  let digits = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === dot) {
      if (digits === 0 || part === 3) return undefined;
      bytes[part++] = value;
      value = digits = 0;
      continue;
    }
    const digit = code - zero;
    if (digit < 0 || digit > 9 || (digits > 0 && value === 0)) return undefined;
    value = value * 10 + digit;
    digits++;
    if (value > 255) return undefined;
  }
  if (digits === 0 || part !== 3) return undefined;
  bytes[3] = value;
  return bytes;
}

/** @returns 16 bytes; undefined unless the text is hexadecimal groups with at most one `::`, also if it is legal */
export function ipv6BytesOf(text: string): Uint8Array | undefined {
  if (text.length > 39) return undefined;
  const bytes = new Uint8Array(16);
  let group = 0;
  /** The index of the group that follows `::`. */
  let gap = -1;
  let at = 0;
  while (at < text.length) {
    if (text.charCodeAt(at) === colon) {
      if (text.charCodeAt(at + 1) !== colon || gap >= 0) return undefined;
      gap = group;
      at += 2;
      continue;
    }
    const start = at;
    let value = 0;
    for (; at < text.length; at++) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      value = (value << 4) | digit;
    }
    if (at === start || at - start > 4 || group === groups) return undefined;
    bytes[2 * group] = value >> 8;
    bytes[2 * group + 1] = value & 0xff;
    group++;
    if (at === text.length) break;
    if (text.charCodeAt(at) !== colon || at + 1 === text.length) return undefined;
    // The second colon of `::` is handled above.
    if (text.charCodeAt(at + 1) !== colon) at++;
  }
  if (gap < 0) return group === groups ? bytes : undefined;
  // A `::` that replaces no group is not legal.
  if (group === groups) return undefined;
  bytes.copyWithin(16 - 2 * (group - gap), 2 * gap, 2 * group);
  bytes.fill(0, 2 * gap, 16 - 2 * (group - gap));
  return bytes;
}

/** @returns dotted decimal for 4 bytes, RFC 5952 for 16: the first of the longest runs of zeros becomes `::` */
export function textOfBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  let runStart = -1;
  let runLength = 1;
  for (let start = 0; start < groups; start++) {
    let end = start;
    while (end < groups && groupAt(bytes, end) === 0) end++;
    if (end - start > runLength) {
      runStart = start;
      runLength = end - start;
    }
    start = Math.max(start, end);
  }
  let text = '';
  for (let group = 0; group < groups; group++) {
    if (group === runStart) {
      text += '::';
      group += runLength - 1;
      continue;
    }
    if (group > 0 && group !== runStart + runLength) text += ':';
    text += groupAt(bytes, group).toString(16);
  }
  return text;
}

function groupAt(bytes: Uint8Array, group: number): number {
  return ((bytes[2 * group] as number) << 8) | (bytes[2 * group + 1] as number);
}

/** @returns the digit's value; -1 if it is not one */
function hexDigit(code: number): number {
  if (code >= zero && code <= 0x39) return code - zero;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}
