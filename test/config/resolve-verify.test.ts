import { describe, expect, test } from 'vitest';
import { load, mistakes } from '../support/load.ts';

const HEAD = `namespace: backup
storages: { local: { pvc: { size: 10Gi } }, far: { s3: { bucket: bbb, credentials: { secret: s3 } } } }
`;
const DATABASE = 'postgres: { host: db.data, database: shop, version: 17, credentials: { secret: db } }';

interface Levels {
  readonly top?: string;
  readonly defaults?: string;
  readonly plan?: string;
  readonly source?: string;
  readonly timeZone?: string;
}

/** Values with what each level says of verifying. */
function values({ top, defaults, plan, source, timeZone = 'Etc/UTC' }: Levels): string {
  const verify = (text: string | undefined) => (text === undefined ? '' : `verify: ${text}, `);
  return `${HEAD}timeZone: ${timeZone}
${top === undefined ? '' : `verify: ${top}\n`}${defaults === undefined ? '' : `defaults: { verify: ${defaults} }\n`}plans:
  default: { ${verify(plan)}storages: [local, far], tiers: { daily: { schedule: '0 4 * * *', keep: { last: 3 } } } }
sources:
  shop: { ${verify(source)}${DATABASE} }
`;
}

const settingsOf = (levels: Levels) => load(values(levels)).settings.sources[0]?.verify?.settings;

describe('how a source is verified', () => {
  test('with nothing written it is, weekly, for six hours at most', () => {
    expect(settingsOf({})).toEqual({ enabled: true, schedule: '@weekly', scratch: {}, deadline: 21_600 });
  });

  test('the most specific level wins: source, plan, defaults, all', () => {
    const said = (deadline: string) => `{ deadline: ${deadline} }`;
    const levels = { top: said('1h'), defaults: said('2h'), plan: said('3h'), source: said('4h') };
    expect(settingsOf(levels)?.deadline).toBe(4 * 3600);
    expect(settingsOf({ ...levels, source: undefined })?.deadline).toBe(3 * 3600);
    expect(settingsOf({ ...levels, source: undefined, plan: undefined })?.deadline).toBe(2 * 3600);
    expect(settingsOf({ top: said('1h') })?.deadline).toBe(3600);
  });

  test('levels are laid over each other key by key, down to what a table is asked; a list is replaced whole', () => {
    expect(
      settingsOf({
        top: "{ schedule: '@monthly', postgres: { rows: { public.orders: 5, public.items: 5 }, tables: [a.a] } }",
        plan: '{ scratch: { size: 40Gi } }',
        source: '{ postgres: { rows: { public.orders: 9 }, tables: [b.b] } }',
      }),
    ).toMatchObject({
      schedule: '@monthly',
      scratch: { size: '40Gi' },
      postgres: { rows: { 'public.orders': 9, 'public.items': 5 }, tables: ['b.b'] },
    });
  });

  test('it is switched off where somebody says so, and on again by what is more specific', () => {
    const off = '{ enabled: false }';
    expect(settingsOf({ source: off })).toBeUndefined();
    expect(settingsOf({ top: off })).toBeUndefined();
    expect(settingsOf({ top: off, source: '{ enabled: true }' })?.enabled).toBe(true);
  });

  test('a source by hand only is verified when it says so itself', () => {
    const byHand = (verify: string) => `${HEAD}sources: { shop: { plan: none, storages: [local], ${verify}${DATABASE} } }\n`;
    expect(load(byHand('')).settings.sources[0]?.verify).toBeUndefined();
    expect(load(`verify: { schedule: '@daily' }\n${byHand('')}`).settings.sources[0]?.verify).toBeUndefined();
    expect(load(byHand('verify: {}, ')).settings.sources[0]?.verify?.settings.schedule).toBe('@weekly');
  });
});

describe('mistakes in it', () => {
  test('a schedule that no controller takes, where it was written', () => {
    expect(mistakes(values({ plan: "{ schedule: '0 25 * * 0' }" }))).toMatchInlineSnapshot(`
      "plans.default.verify.schedule: '25' is no hour, 0 to 23, got "0 25 * * 0"
        at config/base.yaml:5
        HINT: five fields, minute first: '0 2 * * *'; or @hourly, @daily, @weekly, @monthly, @yearly"
    `);
  });

  test('a schedule in the hour that its time zone leaves out', () => {
    const schedule = "{ schedule: '30 2 * * 0' }";
    expect(mistakes(values({ source: schedule, timeZone: 'Europe/Berlin' }))).toMatch(
      /^sources\.shop\.verify\.schedule: Europe\/Berlin has no 20\d\d-03-\d\d 02:30: clocks go forward/,
    );
    expect(mistakes(values({ source: schedule }))).toBe('');
  });

  test('a time zone that does not exist is said once, and of the backups', () => {
    const said = mistakes(values({ source: "{ schedule: '30 2 * * 0' }", timeZone: 'Europe/Berln' }));
    expect(said.match(/no such time zone/g)).toHaveLength(1);
    expect(said).toContain('timeZone: no such time zone');
    expect(said).not.toContain('verify');
  });

  test('every one at once, each with its path', () => {
    const said = mistakes(values({ source: '{ newerThan: 3, deadline: never, scratch: { sise: 4Gi }, postgres: { rows: { a.b: 0 } } }' }));
    expect(said.match(/^sources\.\S+?(?=:)/gm)).toEqual([
      'sources.shop.verify.newerThan',
      'sources.shop.verify.scratch.sise',
      'sources.shop.verify.deadline',
      "sources.shop.verify.postgres.rows['a.b']",
    ]);
    expect(said.match(/HINT/g)).toHaveLength(4);
  });
});
