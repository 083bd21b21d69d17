import type { Settings, SourceSettings, StorageUse } from '../config/settings.ts';
import type { VerifyPart } from '../sources/kind.ts';
import { longestGap, parseCron } from '../units/schedule.ts';
import { scheduleOf } from '../units/schedule-word.ts';
import { defined, unique } from './lists.ts';
import type { PlannedRun, PlannedVerify } from './model.ts';
import { verifyName } from './names.ts';
import { planStorage } from './plan-storage.ts';
import { mergeSecrets } from './secrets.ts';
import { contextOf } from './source-context.ts';

/** How the newest backup of a source is verified. Nothing if that is disabled, or if no kind supports it. */
export function planVerify(settings: Settings, source: SourceSettings, runs: readonly PlannedRun[]): PlannedVerify | undefined {
  const [first] = runs;
  const parts = verifyParts(settings, source);
  if (!source.verify || !first || parts.length === 0) return undefined;
  const { settings: request } = source.verify;
  const from = request.storage ?? first.storages[0]?.name;
  const uses = storagesOf(source, from);
  const tiers = runs.filter(({ storages }) => storages.some(({ name }) => name === from));
  const run: PlannedRun = {
    ...first,
    name: verifyName(source.name),
    tier: 'verify',
    folder: `${source.folder}/verify`,
    schedule: undefined,
    // Nothing is deleted here, so retention is left out.
    storages: uses.map(({ storage }, index) => planStorage(settings, { storage }, index + 1)),
    pod: {
      ...first.pod,
      scratch: { ...first.pod.scratch, ...defined(request.scratch) },
      // The throw-away server needs the user of its image; data of the application is not read.
      runAsUser: THROWAWAY_USER,
      runAsGroup: undefined,
      supplementalGroups: [],
      capabilities: [],
    },
    job: { ...first.job, deadline: request.deadline },
  };
  return {
    name: run.name,
    run,
    schedule: scheduleOf(request.schedule, `${settings.environment}/${source.name}/verify`),
    origin: {
      environment: settings.environment,
      sources: unique([source.name, source.folder], String),
      folders: tiers.map(({ folder }) => folder),
      wanted: 'latest',
      newerThan: request.newerThan ?? 2 * Math.min(...tiers.map(gapOf)),
      from: 1,
    },
    parts,
    peers: run.storages.flatMap(({ access }) => access.peers),
    secrets: mergeSecrets(run.storages.flatMap(({ access }) => access.secrets)),
  };
}

/** The user `postgres` of the official images. */
const THROWAWAY_USER = 999;
/** The bound for a source with manual runs only, which has no schedule. */
const WEEK = 7 * 86_400;

/** The steps that verify each part of a source, if its kind supports it. */
export function verifyParts({ environment }: Settings, source: SourceSettings): readonly VerifyPart[] {
  return source.kinds.flatMap(({ kind, settings }) => {
    if (!kind.verify || !source.verify) return [];
    const written = (source.verify.settings as Readonly<Record<string, unknown>>)[kind.name];
    const context = contextOf(source, environment, kind);
    return kind.verify.parts(settings, written ?? kind.verify.schema.parse({}), context);
  });
}

/** Every storage of any tier, once; the one to read from first. */
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
