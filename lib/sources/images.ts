import { TOOL_IMAGES } from '../tool-images.ts';
import { SOURCE_KINDS } from './index.ts';

/** Every image that pods run, by name: those of each kind of source, and the tools. `images:` in the values overrides each. */
export const IMAGES: Images = Object.assign({}, ...SOURCE_KINDS.map(imagesOf), TOOL_IMAGES);

export type ImageName = keyof Images;
type Images = Together<ImagesOf<(typeof SOURCE_KINDS)[number]>> & typeof TOOL_IMAGES;

type ImagesOf<Kind> = Kind extends { readonly images: infer Own } ? Own : never;
/** One type with the keys of all. */
type Together<All> = { readonly [Name in All extends unknown ? keyof All : never]: string };

function imagesOf(kind: (typeof SOURCE_KINDS)[number]): Readonly<Record<string, string>> {
  return 'images' in kind ? kind.images : {};
}
