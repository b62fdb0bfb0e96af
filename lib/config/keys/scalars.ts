/** Values that many keys of the configuration have. */
import { z } from 'zod';

export const path = z.string().min(1);
export const milliseconds = z.int().min(0);
