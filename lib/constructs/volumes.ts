import { posix } from 'node:path';
import type { k8s } from '../../imports/k8s.ts';
import type { ApiTokenMount, ClaimMount, FileMount, FolderMount, Mount } from '../pod.ts';
import type { Plain } from './kubernetes-object.ts';
import { shortened } from './labels.ts';

/** A volume as one container sees it. */
export interface Mounted {
  readonly volume: Omit<Plain<k8s.Volume>, 'name'>;
  readonly path: string;
  /** @default false */
  readonly readOnly?: boolean;
}

/** The volumes of a pod. Containers share them, and each is named after its mount path. */
export class Volumes {
  private readonly byName = new Map<string, { readonly text: string; readonly volume: Plain<k8s.Volume> }>();

  /** The mounts of one container. Adds their volumes to the pod. */
  mount(mounts: readonly Mounted[]): Plain<k8s.VolumeMount>[] {
    return mounts.map(({ volume, path, readOnly }) => ({ name: this.add(volume, path), mountPath: path, ...(readOnly && { readOnly }) }));
  }

  all(): Plain<k8s.Volume>[] {
    return [...this.byName.values()].map(({ volume }) => volume);
  }

  /** Two containers may mount different volumes at the same path: the name of the second gets a number. */
  private add(volume: Omit<Plain<k8s.Volume>, 'name'>, path: string): string {
    const text = textOf(volume);
    // The kubelet hangs if a pod has two volumes of one claim, even at different paths.
    const claimed = volume.persistentVolumeClaim && [...this.byName].find(([, known]) => known.text === text);
    if (claimed) return claimed[0];
    for (let number = 1; ; number++) {
      const name = volumeName(path, number);
      const known = this.byName.get(name);
      if (known?.text === text) return name;
      if (known) continue;
      this.byName.set(name, { text, volume: { name, ...volume } });
      return name;
    }
  }
}

/** The mounts of a step as volumes. All files of a folder are one volume; these come last. */
export function mountedOf(mounts: readonly Mount[]): readonly Mounted[] {
  const files = mounts.filter(isFile);
  const folders = [...new Set(files.map(({ path }) => posix.dirname(path)))];
  return [...mounts.filter((mount) => !isFile(mount)).map(volumeOf), ...folders.map((folder) => filesVolume(folder, files))];
}

function isFile(mount: Mount): mount is FileMount {
  return mount.type === 'configMap' || mount.type === 'secret' || mount.type === 'token';
}

function volumeOf(mount: ClaimMount | FolderMount | ApiTokenMount): Mounted {
  if (mount.type === 'claim') return claimVolume(mount);
  if (mount.type === 'apiToken') return API_TOKEN;
  return { volume: { emptyDir: { sizeLimit: mount.sizeLimit } }, path: mount.path, readOnly: mount.readOnly };
}

/**
 * A claim that is only read is read-only as a volume, not just as a mount. In any other volume the kubelet changes the
 * group of the files to `fsGroup`, and PostgreSQL then refuses to start on its own data.
 */
function claimVolume({ claim, path, readOnly, writtenLater = false }: ClaimMount): Mounted {
  return { volume: { persistentVolumeClaim: { claimName: claim, ...(readOnly && !writtenLater && { readOnly }) } }, path, readOnly };
}

/** Where clients of the Kubernetes API expect the token. */
const API_TOKEN: Mounted = {
  path: '/var/run/secrets/kubernetes.io/serviceaccount',
  readOnly: true,
  volume: {
    projected: {
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      ],
    },
  },
};

function filesVolume(folder: string, files: readonly FileMount[]): Mounted {
  const sources = files.filter(({ path }) => posix.dirname(path) === folder).map(projection);
  return { volume: { projected: { sources } }, path: folder, readOnly: true };
}

function projection(file: FileMount): Plain<k8s.VolumeProjection> {
  const path = posix.basename(file.path);
  if (file.type === 'configMap') return { configMap: { name: file.configMap, items: [{ key: file.key, path }] } };
  if (file.type === 'secret') return { secret: { name: file.secret, items: [{ key: file.key, path }] } };
  return { serviceAccountToken: { audience: file.audience, path } };
}

const textsOf = new WeakMap<object, string>();

/** A key that is equal for equal volumes. Cached by object, because most pods share the same few. */
function textOf(volume: Mounted['volume']): string {
  const known = textsOf.get(volume);
  if (known !== undefined) return known;
  const text = JSON.stringify(volume);
  textsOf.set(volume, text);
  return text;
}

function volumeName(path: string, number: number): string {
  const name = path
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return shortened(number === 1 ? name : `${name}-${number}`, 63);
}
