import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolPath } from './tools.ts';

/**
 * A YAML document as kubectl reads it.
 *
 * Helm has the same parser (sigs.k8s.io/yaml), and unlike kubectl it can print what it read without a server.
 */
export function readLikeKubectl(text: string): unknown {
  const chart = mkdtempSync(join(tmpdir(), 'chart-'));
  try {
    mkdirSync(join(chart, 'templates'));
    writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: reader\nversion: 0.1.0\n');
    writeFileSync(join(chart, 'document.yaml'), text);
    writeFileSync(join(chart, 'templates', 'read.yaml'), 'read: {{ .Files.Get "document.yaml" | fromYaml | toJson | b64enc }}\n');
    const { stdout, stderr } = spawnSync(toolPath('helm'), ['template', 'reader', chart], { encoding: 'utf8', maxBuffer: 2 ** 28 });
    const [, encoded] = /^read: (\S+)$/m.exec(stdout) ?? [];
    if (encoded === undefined) throw new Error(`helm did not read it: ${stderr}`);
    return JSON.parse(Buffer.from(encoded, 'base64').toString('utf8'));
  } finally {
    rmSync(chart, { recursive: true, force: true });
  }
}
