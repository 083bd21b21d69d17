import * as z from 'zod';
import { duration } from '../../units/duration.ts';
import { cidr, dnsLabel, objectName, textMap } from '../../units/names.ts';
import { size } from '../../units/size.ts';

const quantity = z
  .string({ error: 'expected a quantity as text, such as 100m or 256Mi' })
  .regex(/^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/, { error: 'expected a quantity such as 100m or 256Mi' });
const quantities = z.strictObject({
  cpu: quantity.optional().meta({ description: 'CPU.' }),
  memory: quantity.optional().meta({ description: 'Memory.' }),
});

/** An object of the Kubernetes API that is passed through; the manifests are checked against the schema of Kubernetes. */
const verbatim = z.record(z.string(), z.unknown());

/** Settings of the pods of a run. */
export const pod = z
  .strictObject({
    runAsUser: z.int().min(0).max(2_147_483_647).default(999).meta({
      description: 'User id of every container. It must be able to read the data of a volume. 0 is root and needs a namespace that allows it.',
    }),
    runAsGroup: z.int().min(0).max(2_147_483_647).optional().meta({ description: 'Group id of every container. Default: that of `runAsUser`.' }),
    supplementalGroups: z.array(z.int().min(1)).default([]).meta({ description: 'Additional groups, for data that only a group can read.' }),
    capabilities: z
      .array(z.enum(['DAC_READ_SEARCH']))
      .default([])
      .meta({
        description: 'Linux capabilities of the step that reads a volume. They need `runAsUser: 0` and a namespace that is not "restricted".',
      }),
    resources: z
      .strictObject({
        requests: quantities.default({ cpu: '50m', memory: '128Mi' }).meta({ description: 'Requests of each container.' }),
        limits: quantities
          .default({ memory: '512Mi' })
          .meta({ description: 'Limits of each container. CPU is not limited by default, as a throttled dump would exceed its window.' }),
      })
      .prefault({})
      .meta({ description: 'Resources of each container.' }),
    scratch: z
      .strictObject({
        size: size.default('10Gi').meta({ description: 'Space for one run: the artifacts of all its parts.' }),
        request: size.optional().meta({
          description:
            'Space reserved on the node before the pod starts. A backup that finds the disk of the node too full ends with status 75 and is retried. Default: a tenth of `size`.',
        }),
        storageClassName: z
          .string()
          .min(1)
          .optional()
          .meta({ description: 'StorageClass for a volume that lives as long as the pod. Default: the disk of the node.' }),
      })
      .prefault({})
      .meta({ description: 'Scratch space for a backup until it is stored.' }),
    nodeSelector: textMap.optional().meta({ description: 'Labels of the nodes to run on.' }),
    affinity: verbatim.optional().meta({ description: 'Affinity as in the Kubernetes API. It is merged with the placement that volumes need.' }),
    tolerations: z.array(verbatim).default([]).meta({ description: 'Tolerations as in the Kubernetes API.' }),
    priorityClassName: z.string().min(1).optional().meta({ description: "PriorityClass. Default: the cluster's." }),
    imagePullSecrets: z.array(objectName).default([]).meta({ description: 'Secrets to pull images with.' }),
    labels: textMap.default({}).meta({ description: 'Additional labels of every object and pod.' }),
    annotations: textMap.default({}).meta({ description: 'Additional annotations of every object and pod.' }),
    terminationGracePeriod: duration.default(() => 60).meta({ description: 'How long a stopped run may take to clean up.', defaultText: '1m' }),
  })
  .meta({ description: 'Pods of a run.' });

/** Settings of the Jobs of a run. */
export const job = z
  .strictObject({
    successfulJobsHistoryLimit: z.int().min(0).default(3).meta({ description: 'Successful Jobs to keep. Count.' }),
    failedJobsHistoryLimit: z.int().min(0).default(3).meta({ description: 'Failed Jobs to keep. Count.' }),
    startingDeadline: duration
      .default(() => 3600)
      .meta({ description: 'How late a run may start if the control plane was busy or down. At least 1m.', defaultText: '1h' }),
    deadline: duration.default(() => 21_600).meta({ description: 'A run longer than this is stopped and counts as failed.', defaultText: '6h' }),
    backoffLimit: z.int().min(0).max(10).default(2).meta({ description: 'How often a run is retried after a transient error. Count.' }),
    ttlSecondsAfterFinished: z.int().min(60).optional().meta({
      description:
        'Seconds until a finished Job is deleted. Default: the history limits decide; 600 if scratch uses a StorageClass, because a finished pod would hold the volume.',
    }),
  })
  .meta({ description: 'Jobs of a run.' });

/** Limits concurrent backups of one server. */
export const throttle = z
  .strictObject({
    perServer: z.int().min(1).max(100).default(3).meta({ description: 'Concurrent backups of one database server. Count.' }),
    wait: duration.default(() => 3600).meta({ description: 'How long a backup waits for a slot before it fails with status 75.', defaultText: '1h' }),
  })
  .meta({ description: 'Limit on concurrent backups of one database server.' });

/** The NetworkPolicy of a source's pods. */
export const networkPolicy = z
  .strictObject({
    enabled: z.boolean().default(true).meta({ description: 'Whether to create it.' }),
    exceptCidrs: z
      .array(cidr)
      .default([])
      .meta({ description: 'Addresses to exclude from "any address", such as the networks of pods and Services.' }),
    dnsPort: z
      .int()
      .min(1)
      .max(65_535)
      .default(53)
      .meta({ description: "Port of the cluster's DNS pods, if it differs from the Service: OpenShift uses 5353." }),
    apiServerPort: z.int().min(1).max(65_535).default(6443).meta({
      description: 'Port of the API server itself, for restores that stop applications. Port 443 of its Service is always allowed.',
    }),
  })
  .meta({ description: 'The NetworkPolicy of a source. It allows DNS, its server and its storages only.' });

export const namespaceName = dnsLabel;
