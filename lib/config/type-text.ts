import * as z from 'zod';
import { duration } from '../units/duration.ts';
import { cidr, dnsLabel, objectName } from '../units/names.ts';
import { size } from '../units/size.ts';
import { type Inner, metaOf, unwrapped } from './schema-at.ts';

type Schema = z.core.$ZodType;

/** Types that have a name of their own. */
const UNITS = new Map<Schema, string>([
  [duration, 'duration'],
  [size, 'size'],
  [dnsLabel, 'name'],
  [objectName, 'name'],
  [cidr, 'CIDR'],
]);

/** The type of a value as the reference shows it; `link` renders objects. */
export function typeText(schema: Schema, link: (object: Schema) => string): string {
  const unit = unitOf(schema);
  if (unit) return unit;
  const inner = unwrapped(schema);
  const { def } = inner._zod;
  switch (def.type) {
    case 'object':
      return link(inner);
    case 'array':
      return `list of ${plural(typeText(def.element, link))}`;
    case 'record':
      return unwrapped(def.valueType)._zod.def.type === 'unknown' ? "object of Kubernetes' API" : `${typeText(def.valueType, link)} by name`;
    case 'union':
      return alternatives([...new Set(def.options.map((option) => typeText(option, link)))]);
    case 'enum':
      return code(Object.values(def.entries));
    case 'literal':
      return code(def.values);
    case 'number':
      return numberText(inner);
    case 'boolean':
      return '`true` or `false`';
    case 'string':
      return 'text';
    default:
      return metaOf(schema).notYet ? 'nothing yet' : 'any';
  }
}

/** A schema with a description is a copy of the original, so look at its parents too. */
function unitOf(schema: Schema): string | undefined {
  const { def, parent } = (schema as Inner)._zod;
  const below = 'innerType' in def ? (def.innerType as Schema) : parent;
  return UNITS.get(schema) ?? (below && unitOf(below));
}

function plural(type: string): string {
  return type.replace(/^(name|whole number|object|CIDR|size|duration)(?=$|,| of )/, '$1s');
}

function code(values: readonly unknown[]): string {
  return alternatives(values.map((value) => `\`${value}\``));
}

function alternatives(types: readonly string[]): string {
  return types.length > 1 ? `${types.slice(0, -1).join(', ')} or ${types.at(-1)}` : types.join('');
}

function numberText(schema: Inner): string {
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = z.toJSONSchema(schema);
  if (minimum <= Number.MIN_SAFE_INTEGER) return 'whole number';
  return maximum >= Number.MAX_SAFE_INTEGER ? `whole number from ${minimum}` : `whole number, ${minimum} to ${maximum}`;
}
