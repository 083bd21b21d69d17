import * as z from 'zod';
import { duration } from '../../units/duration.ts';
import { cidr, dnsLabel, objectName, textMap } from '../../units/names.ts';
import { size } from '../../units/size.ts';

const quantity = z
  .string({ error: 'expected a quantity as text, such as 100m or 256Mi' })
  .regex(/^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/, { error: 'expected a quantity such as 100m or 256Mi' });
const quantities = z.strictObject({
  cpu: quantity.optional().meta({ description: 'Processors.' }),
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
    supplementalGroups: z.array(z.int().min(1)).default([]).meta({ description: 'Further groups, for data that only a group may read.' }),
    capabilities: z
      .array(z.enum(['DAC_READ_SEARCH']))
      .default([])
      .meta({ description: 'Linux capabilities of the step that reads a volume; it needs `runAsUser: 0` and a namespace that is not "restricted".' }),
    resources: z
      .strictObject({
        requests: quantities.default({ cpu: '50m', memory: '128Mi' }).meta({ description: 'What is reserved for each container.' }),
        limits: quantities
          .default({ memory: '512Mi' })
          .meta({ description: 'What no container may exceed. No limit on processors by default: a throttled dump exceeds its window.' }),
      })
      .prefault({})
      .meta({ description: 'Resources of each container.' }),
    scratch: z
      .strictObject({
        size: size.default('10Gi').meta({ description: 'Room for one run: the artifacts of all its parts.' }),
        storageClassName: z
          .string()
          .min(1)
          .optional()
          .meta({ description: 'Takes the room from this StorageClass, as a volume that lives as long as the pod. Default: the disk of the node.' }),
      })
      .prefault({})
      .meta({ description: 'Where a backup lies until it is stored.' }),
    nodeSelector: textMap.optional().meta({ description: 'Labels that the node must have.' }),
    affinity: verbatim.optional().meta({ description: "Affinity as Kubernetes' API has it. Added to the placement that volumes need." }),
    tolerations: z.array(verbatim).default([]).meta({ description: "Tolerations as Kubernetes' API has them." }),
    priorityClassName: z.string().min(1).optional().meta({ description: "PriorityClass. Default: the cluster's." }),
    imagePullSecrets: z.array(objectName).default([]).meta({ description: 'Secrets to pull images with.' }),
    labels: textMap.default({}).meta({ description: 'Labels of every object and pod, beside our own.' }),
    annotations: textMap.default({}).meta({ description: 'Annotations of every object and pod, beside our own.' }),
    terminationGracePeriod: duration.default(() => 60).meta({ description: 'How long a run that is stopped may clean up.', defaultText: '1m' }),
  })
  .meta({ description: 'How the pods of a run look.' });

/** Settings of the Jobs of a run. */
export const job = z
  .strictObject({
    successfulJobsHistoryLimit: z.int().min(0).default(3).meta({ description: 'Finished Jobs that stay visible. Count.' }),
    failedJobsHistoryLimit: z.int().min(0).default(3).meta({ description: 'Failed Jobs that stay visible. Count.' }),
    startingDeadline: duration
      .default(() => 3600)
      .meta({ description: 'How late a run may start when the control plane was busy or down; at least 1m.', defaultText: '1h' }),
    deadline: duration.default(() => 21_600).meta({ description: 'A run longer than this is stopped and counts as failed.', defaultText: '6h' }),
    backoffLimit: z.int().min(0).max(10).default(2).meta({ description: 'How often a run that failed for a passing reason is tried again. Count.' }),
    ttlSecondsAfterFinished: z.int().min(60).optional().meta({
      description:
        'Seconds after which a finished Job is removed. Default: the history limits decide; 600 with scratch of a StorageClass, which a finished pod would hold.',
    }),
  })
  .meta({ description: 'How the Jobs of a run behave.' });

/** Limits concurrent backups of one server. */
export const throttle = z
  .strictObject({
    perServer: z.int().min(1).max(100).default(3).meta({ description: 'Backups at a time against one database server. Count.' }),
    wait: duration
      .default(() => 3600)
      .meta({ description: 'How long a backup waits for its turn before it gives up with status 75.', defaultText: '1h' }),
  })
  .meta({ description: 'Backups at a time against one database server.' });

/** The NetworkPolicy of a source's pods. */
export const networkPolicy = z
  .strictObject({
    enabled: z.boolean().default(true).meta({ description: 'Whether there is one.' }),
    exceptCidrs: z
      .array(cidr)
      .default([])
      .meta({ description: 'Addresses that "any address" leaves out, such as the networks of pods and Services.' }),
    dnsPort: z
      .int()
      .min(1)
      .max(65_535)
      .default(53)
      .meta({ description: "Port of the cluster's DNS pods, where it is not the Service's: OpenShift has 5353." }),
    apiServerPort: z.int().min(1).max(65_535).default(6443).meta({
      description: "Port of the API server itself, which a restore that stops applications talks to; its Service's 443 is always let through.",
    }),
  })
  .meta({ description: 'The NetworkPolicy of a source: DNS, its server and its storages, and nothing else.' });

export const namespaceName = dnsLabel;
