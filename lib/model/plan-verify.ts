import type { Settings, SourceSettings, StorageUse } from '../config/settings.ts';
import type { VerifyPart } from '../sources/kind.ts';
import { longestGap, parseCron } from '../units/schedule.ts';
import { scheduleOf } from '../units/schedule-word.ts';
import { defined, unique } from './lists.ts';
import { contextOf, methodIn, tiersToVerify } from './methods.ts';
import type { PlannedRun, PlannedVerify } from './model.ts';
import { verifyName } from './names.ts';
import { planStorage } from './plan-storage.ts';
import { mergeSecrets } from './secrets.ts';

/** How a source's newest backup is proved; nothing where that is switched off, or where no kind of it can be. */
export function planVerify(settings: Settings, source: SourceSettings, runs: readonly PlannedRun[]): PlannedVerify | undefined {
  const [first] = runs;
  const parts = verifyParts(settings, source);
  if (!source.verify || !first || parts.length === 0) return undefined;
  const { settings: wish } = source.verify;
  const from = wish.storage ?? first.storages[0]?.name;
  const uses = storagesOf(source, from);
  const verified = tiersToVerify(source).map(({ name }) => name);
  const tiers = runs.filter(({ tier }) => verified.includes(tier));
  const run: PlannedRun = {
    ...first,
    name: verifyName(source.name),
    tier: 'verify',
    folder: `${source.folder}/verify`,
    schedule: undefined,
    // Nothing is deleted here, so no rule of what to keep goes along.
    storages: uses.map(({ storage }, index) => planStorage(settings, { storage }, index + 1)),
    pod: {
      ...first.pod,
      scratch: { ...first.pod.scratch, ...defined(wish.scratch) },
      // The throw-away server needs the user that its image knows; nothing of the application is read here.
      runAsUser: THROWAWAY_USER,
      runAsGroup: undefined,
      supplementalGroups: [],
      capabilities: [],
    },
    job: { ...first.job, deadline: wish.deadline },
  };
  return {
    name: run.name,
    run,
    schedule: scheduleOf(wish.schedule, `${settings.environment}/${source.name}/verify`),
    origin: {
      environment: settings.environment,
      sources: unique([source.name, source.folder], String),
      folders: tiers.map(({ folder }) => folder),
      wanted: 'latest',
      newerThan: wish.newerThan ?? 2 * Math.min(...tiers.map(gapOf)),
      from: 1,
    },
    parts,
    peers: run.storages.flatMap(({ access }) => access.peers),
    secrets: mergeSecrets(run.storages.flatMap(({ access }) => access.secrets)),
  };
}

/** The user `postgres` of the official images. */
const THROWAWAY_USER = 999;
/** For a source by hand only, which has no schedule: a week. */
const WEEK = 7 * 86_400;

/** The steps that try each part of a source whose kind knows how. */
export function verifyParts({ environment }: Settings, source: SourceSettings): readonly VerifyPart[] {
  return source.kinds.flatMap(({ kind, settings }) => {
    const { verify } = methodIn(kind, tiersToVerify(source)[0]);
    if (!verify || !source.verify) return [];
    const written = (source.verify.settings as Readonly<Record<string, unknown>>)[kind.name];
    return verify.parts(settings, written ?? kind.verifySchema?.parse({}), contextOf(source, environment));
  });
}

/** Every storage that any tier writes to, once; the one to read from comes first. */
function storagesOf(source: SourceSettings, from: string | undefined): readonly StorageUse[] {
  const uses = unique(
    source.tiers.flatMap(({ storages }) => storages),
    ({ storage }) => storage.name,
  );
  return [...uses.filter(({ storage }) => storage.name === from), ...uses.filter(({ storage }) => storage.name !== from)];
}

function gapOf({ schedule }: PlannedRun): number {
  const fields = schedule === undefined ? '' : parseCron(schedule);
  return typeof fields === 'string' ? WEEK : longestGap(fields);
}
