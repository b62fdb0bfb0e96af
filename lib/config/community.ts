/** BGP communities, standard (RFC 1997) and large (RFC 8092), as text. */
import { z } from 'zod';

/** `64512:100`, or `64512:1:2`: canonical, so that equal communities are equal texts. */
export const community = z
  .string()
  .max(32)
  .regex(
    /^[0-9]{1,5}:[0-9]{1,5}$|^[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}$/,
    'must be ASN:VALUE, or ASN:VALUE:VALUE for a large community',
  )
  .transform((text, context): string => {
    const numbers = text.split(':').map(Number);
    const largest = numbers.length === 2 ? 0xffff : 0xffffffff;
    if (numbers.some(number => number > largest)) {
      context.addIssue({ code: 'custom', message: `${text} has a number above ${largest}` });
      return z.NEVER;
    }
    return numbers.join(':');
  });
