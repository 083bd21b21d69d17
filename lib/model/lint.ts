import type { Diagnostics } from '../config/diagnostics.ts';
import type { Path } from '../config/places.ts';
import type { Settings, SourceSettings, TierSettings } from '../config/settings.ts';
import { EXTENSIONS, SOURCE_KINDS } from '../sources/index.ts';
import type { SourceKind } from '../sources/kind.ts';
import { diagnoseTemplate } from '../units/file-name-template.ts';
import { bytesOf } from '../units/size.ts';
import { checkClaims } from './claims.ts';
import { checkFolders } from './folders.ts';
import { lintVerify } from './lint-verify.ts';
import { methodIn } from './methods.ts';
import { checkNames } from './names.ts';
import { partsOf } from './plan.ts';
import { checkRivals } from './rivals.ts';
import { contextOf } from './source-context.ts';

/** Checks that need the whole environment. `docs/lints.md` says why each of them matters. */
export function lint(settings: Settings, diagnostics: Diagnostics): void {
  checkNames(settings.sources, diagnostics);
  checkFolders(settings, diagnostics);
  checkClaims(settings, diagnostics);
  for (const { checkImages } of SOURCE_KINDS as readonly Pick<SourceKind, 'checkImages'>[])
    diagnostics.addRelative(checkImages?.(settings.images) ?? [], (path) => ['images', ...path]);
  for (const source of settings.sources) {
    lintVerify(settings, source, diagnostics);
    checkRivals(source, diagnostics);
    for (const tier of source.tiers) {
      lintKinds(settings, source, tier, diagnostics);
      lintTemplate(settings, source, tier, diagnostics);
      lintRun(settings, source, tier, diagnostics);
    }
  }
  for (const storage of settings.storages.values()) {
    const context = { environment: settings.environment, name: storage.name, namespace: storage.namespace };
    diagnostics.addRelative(storage.kind.check(storage.settings, context), (path) => [...storage.at, ...path]);
  }
}

function lintKinds({ environment }: Settings, source: SourceSettings, tier: TierSettings, diagnostics: Diagnostics): void {
  const methods = source.kinds.flatMap(({ kind }) => kind.methods.map(({ name }) => name));
  if (tier.method !== undefined && !methods.includes(tier.method)) {
    diagnostics.add(
      tier.origin(['method']),
      `source '${source.name}' does not support the method '${tier.method}'`,
      `supported methods: ${methods.join(', ')}`,
    );
  }
  for (const { kind, settings, origin } of source.kinds) {
    const context = contextOf(source, environment, tier);
    diagnostics.addRelative(kind.check(settings, context), origin);
    diagnostics.addRelative(methodIn(kind, tier).check?.(settings, context) ?? [], origin);
  }
}

function lintTemplate(settings: Settings, source: SourceSettings, tier: TierSettings, diagnostics: Diagnostics): void {
  const databases = partsOf(settings, source, tier).flatMap(({ databaseName }) => (databaseName === undefined ? [] : [databaseName]));
  const context = { databaseName: databases.length === 1 ? databases[0] : undefined, extensions: EXTENSIONS };
  const diagnosis = diagnoseTemplate(tier.options.filenameTemplate, context);
  if (diagnosis) diagnostics.add(tier.origin(['filenameTemplate']), diagnosis[0], diagnosis[1], tier.options.filenameTemplate);
}

function lintRun(settings: Settings, source: SourceSettings, tier: TierSettings, diagnostics: Diagnostics): void {
  const { pod, job } = tier.options;
  const at = (...path: string[]) => tier.origin(path);
  if (job.startingDeadline < 60) diagnostics.add(at('job', 'startingDeadline'), 'shorter than 1m: a busy controller would skip runs', 'set 1h');
  lintScratch(pod.scratch, at('pod', 'scratch', 'request'), diagnostics);
  if (pod.capabilities.length > 0 && pod.runAsUser !== 0)
    diagnostics.add(
      at('pod', 'capabilities'),
      'capabilities have no effect unless the pod runs as root',
      'set runAsUser: 0, or remove the capabilities',
    );
  if (pod.runAsUser === 0 && settings.createNamespace)
    diagnostics.add(
      at('pod', 'runAsUser'),
      'createNamespace enforces Pod Security "restricted", which rejects root',
      'remove createNamespace, and label the namespace yourself',
    );
  else if (pod.runAsUser === 0)
    diagnostics.warn(at('pod', 'runAsUser'), 'the pods run as root, which Pod Security "restricted" rejects', 'run as the user that owns the data');
  if (settings.production && tier.storages.length === 1)
    diagnostics.warn(
      at('storages'),
      `production has a single storage: losing '${tier.storages[0]?.storage.name}' loses every backup of '${source.name}'`,
      'add a second storage in another location',
    );
}

function lintScratch({ size, request, storageClassName }: TierSettings['options']['pod']['scratch'], at: Path, diagnostics: Diagnostics): void {
  if (request === undefined) return;
  if (storageClassName !== undefined) diagnostics.add(at, 'request has no effect with storageClassName', 'remove it: a volume has its own space');
  else if (bytesOf(request) > bytesOf(size)) diagnostics.add(at, `request is larger than the size, ${size}`, 'set at most the size', request);
}
