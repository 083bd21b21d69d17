import * as z from 'zod';
import { notYet } from '../../units/not-yet.ts';

/** What is made for monitoring, beside the backups. Thresholds are in `alerts`. */
export const monitoring = z
  .strictObject({
    rules: notYet('a PrometheusRule'),
    dashboard: notYet('a Grafana dashboard'),
    status: notYet('the status page'),
  })
  .prefault({})
  .meta({ description: 'What to create for monitoring.' });
