import type { Problems } from '../config/problems.ts';
import type { Settings, SourceSettings, TierSettings } from '../config/settings.ts';
import { EXTENSIONS } from '../sources/index.ts';
import { POSTGRES_MAJORS } from '../sources/postgres/images.ts';
import { templateMistake } from '../units/file-name-template.ts';
import { checkClaims } from './claims.ts';
import { checkFolders } from './folders.ts';
import { lintVerify } from './lint-verify.ts';
import { contextOf, methodIn } from './methods.ts';
import { checkNames } from './names.ts';
import { partsOf } from './plan.ts';
import { checkRivals } from './rivals.ts';

/** Everything that only shows once the whole environment is seen. `docs/lints.md` says what each protects from. */
export function lint(settings: Settings, problems: Problems): void {
  checkNames(settings.sources, problems);
  checkFolders(settings, problems);
  checkClaims(settings, problems);
  checkImages(settings, problems);
  for (const source of settings.sources) {
    lintVerify(settings, source, problems);
    checkRivals(source, problems);
    for (const tier of source.tiers) {
      lintKinds(settings, source, tier, problems);
      lintTemplate(settings, source, tier, problems);
      lintRun(settings, source, tier, problems);
    }
  }
  for (const storage of settings.storages.values()) {
    const context = { environment: settings.environment, name: storage.name, namespace: storage.namespace };
    problems.addFindings(storage.kind.check(storage.settings, context), (path) => [...storage.at, ...path]);
  }
}

function lintKinds({ environment }: Settings, source: SourceSettings, tier: TierSettings, problems: Problems): void {
  const methods = source.kinds.flatMap(({ kind }) => kind.methods.map(({ name }) => name));
  if (tier.method !== undefined && !methods.includes(tier.method)) {
    problems.add(tier.origin(['method']), `no kind of '${source.name}' has the method '${tier.method}'`, `its methods: ${methods.join(', ')}`);
  }
  for (const { kind, settings, origin } of source.kinds) {
    const context = { ...contextOf(source, environment), throttle: tier.options.throttle };
    problems.addFindings(kind.check(settings, context), origin);
    problems.addFindings(methodIn(kind, tier).check?.(settings, context) ?? [], origin);
  }
}

function lintTemplate(settings: Settings, source: SourceSettings, tier: TierSettings, problems: Problems): void {
  const databases = partsOf(settings, source, tier).flatMap(({ databaseName }) => (databaseName === undefined ? [] : [databaseName]));
  const context = { databaseName: databases.length === 1 ? databases[0] : undefined, extensions: EXTENSIONS };
  const mistake = templateMistake(tier.options.filenameTemplate, context);
  if (mistake) problems.add(tier.origin(['filenameTemplate']), mistake[0], mistake[1], tier.options.filenameTemplate);
}

function lintRun(settings: Settings, source: SourceSettings, tier: TierSettings, problems: Problems): void {
  const { pod, job } = tier.options;
  const at = (...path: string[]) => tier.origin(path);
  if (job.startingDeadline < 60)
    problems.add(at('job', 'startingDeadline'), 'the controller looks every ten seconds and may be busy: at least 1m', 'write 1h');
  if (pod.capabilities.length > 0 && pod.runAsUser !== 0)
    problems.add(
      at('pod', 'capabilities'),
      'a capability has no effect for a user that is not root',
      'write runAsUser: 0, or leave the capabilities out',
    );
  if (pod.runAsUser === 0 && settings.createNamespace)
    problems.add(
      at('pod', 'runAsUser'),
      'the namespace that is made enforces Pod Security "restricted", which refuses root',
      'leave createNamespace out and label the namespace yourself',
    );
  else if (pod.runAsUser === 0)
    problems.warn(at('pod', 'runAsUser'), 'the pods run as root; Pod Security "restricted" refuses them', 'run as the user that owns the data');
  if (settings.production && tier.storages.length === 1)
    problems.warn(
      at('storages'),
      `one storage only in production: what loses '${tier.storages[0]?.storage.name}' loses every backup of '${source.name}'`,
      'add a storage elsewhere',
    );
}

/** An image whose tag says another major than the client must have. */
function checkImages({ images }: Settings, problems: Problems): void {
  for (const major of POSTGRES_MAJORS) {
    const said = /:(\d+)[^/]*$/.exec((images[`postgres${major}`] ?? '').replace(/@.*$/, ''))?.[1];
    if (said !== undefined && Number(said) !== major) {
      problems.add(
        ['images', `postgres${major}`],
        `the image is of PostgreSQL ${said}, and the client's major must be the server's`,
        `name an image of ${major}`,
        images[`postgres${major}`],
      );
    }
  }
}
