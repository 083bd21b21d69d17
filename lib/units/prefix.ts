import * as z from 'zod';

const expected = "expected a path of letters, digits, dots, dashes and underscores, without a slash at either end and without '..'";

/** The folder in a storage that contains everything of one environment. */
export const prefix = z
  .string({ error: expected })
  .regex(/^$|^(?!.*(^|\/)\.\.?(\/|$))[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/, { error: expected })
  .max(200)
  .optional()
  .meta({ description: "Folder that everything lies under; `''` for the root. Default: the environment's name, so that two never share a folder." });
