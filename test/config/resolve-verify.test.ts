import { describe, expect, test } from 'vitest';
import { errors, load } from '../support/load.ts';

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
  test('is verified weekly by default, for at most six hours', () => {
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

  test('levels merge key by key, down to the rows of a table; lists are replaced', () => {
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

  test('a more specific level can disable verification and enable it again', () => {
    const off = '{ enabled: false }';
    expect(settingsOf({ source: off })).toBeUndefined();
    expect(settingsOf({ top: off })).toBeUndefined();
    expect(settingsOf({ top: off, source: '{ enabled: true }' })?.enabled).toBe(true);
  });

  test('a source with manual runs only is verified if it says so itself', () => {
    const byHand = (verify: string) => `${HEAD}sources: { shop: { plan: none, storages: [local], ${verify}${DATABASE} } }\n`;
    expect(load(byHand('')).settings.sources[0]?.verify).toBeUndefined();
    expect(load(`verify: { schedule: '@daily' }\n${byHand('')}`).settings.sources[0]?.verify).toBeUndefined();
    expect(load(byHand('verify: {}, ')).settings.sources[0]?.verify?.settings.schedule).toBe('@weekly');
  });
});

describe('errors in verify', () => {
  test('an invalid schedule is reported where it was written', () => {
    expect(errors(values({ plan: "{ schedule: '0 25 * * 0' }" }))).toMatchInlineSnapshot(`
      "plans.default.verify.schedule: '25' is not a valid hour (0 to 23), got "0 25 * * 0"
        at config/base.yaml:5
        HINT: use five fields, minute first: '0 4 * * *', or @hourly, @daily, @weekly, @monthly or @yearly"
    `);
  });

  test('a schedule in the hour that its time zone skips', () => {
    const schedule = "{ schedule: '30 2 * * 0' }";
    expect(errors(values({ source: schedule, timeZone: 'Europe/Berlin' }))).toMatch(
      /^sources\.shop\.verify\.schedule: Europe\/Berlin skips 20\d\d-03-\d\d 02:30 when clocks go forward/,
    );
    expect(errors(values({ source: schedule }))).toBe('');
  });

  test('an unknown time zone is reported once, for the backups', () => {
    const said = errors(values({ source: "{ schedule: '30 2 * * 0' }", timeZone: 'Europe/Berln' }));
    expect(said.match(/unknown time zone/g)).toHaveLength(1);
    expect(said).toContain('timeZone: unknown time zone');
    expect(said).not.toContain('verify');
  });

  test('all are reported at once, each with its path', () => {
    const said = errors(values({ source: '{ newerThan: 3, deadline: never, scratch: { sise: 4Gi }, postgres: { rows: { a.b: 0 } } }' }));
    expect(said.match(/^sources\.\S+?(?=:)/gm)).toEqual([
      'sources.shop.verify.newerThan',
      'sources.shop.verify.scratch.sise',
      'sources.shop.verify.deadline',
      "sources.shop.verify.postgres.rows['a.b']",
    ]);
    expect(said.match(/HINT/g)).toHaveLength(4);
  });
});
