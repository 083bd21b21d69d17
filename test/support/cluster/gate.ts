import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as forward } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A client's call, as the gate sees it before the store does. */
export interface Call {
  readonly method: string;
  /** Without host and query: `/bucket/key`. */
  readonly path: string;
  readonly query: string;
}

/** What to do with a call: forward it, answer it, delay it, or cut the connection. */
export type Verdict = 'pass' | 'cut' | { readonly status: number } | { readonly delay: number };

/** Decides about a call. A promise holds the call until it settles; `undefined` leaves it to the next rule. */
export type Rule = (call: Call) => Verdict | undefined | Promise<Verdict | undefined>;

/** A proxy in front of the store that terminates TLS and can refuse, hold, delay or cut every call. */
export interface Gate {
  readonly url: string;
  /** Calls that arrived, oldest first. */
  readonly calls: readonly Call[];
  /** Adds a rule before older ones. Returns a function that removes it. */
  readonly rule: (rule: Rule) => () => void;
  readonly end: () => void;
}

export interface GateProps {
  /** Address that pods reach. */
  readonly host: string;
  /** URL of the store. */
  readonly store: string;
  readonly certificate: { readonly cert: string; readonly key: string; readonly ca: string };
}

/** Forwards headers unchanged, because the signature covers them: the store sees the gate's name as its own. */
export async function openGate({ host, store, certificate }: GateProps): Promise<Gate> {
  const calls: Call[] = [];
  const rules: Rule[] = [];
  const upstream = { url: new URL(store), agent: new Agent({ keepAlive: true, ca: readFileSync(certificate.ca) }) };
  const sockets = new Set<Socket>();
  const server = createServer({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) }, async (request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'https://store');
    const call = { method: request.method ?? '', path: decodeURIComponent(pathname), query: search };
    calls.push(call);
    const verdict = await judge(rules, call);
    if (verdict === 'cut') request.socket.destroy();
    else if (verdict !== 'pass' && 'status' in verdict) refuse(request, response, verdict.status);
    else {
      if (verdict !== 'pass') await sleep(verdict.delay);
      pass(request, response, upstream);
    }
  });
  server.on('connection', (socket: Socket) => sockets.add(socket.once('close', () => sockets.delete(socket))));
  server.listen(0, host);
  await once(server, 'listening');
  return {
    url: `https://${host}:${(server.address() as AddressInfo).port}`,
    calls,
    rule: (rule) => {
      rules.unshift(rule);
      return () => void rules.splice(rules.indexOf(rule), 1);
    },
    end: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      upstream.agent.destroy();
    },
  };
}

async function judge(rules: readonly Rule[], call: Call): Promise<Verdict> {
  for (const rule of [...rules]) {
    const verdict = await rule(call);
    if (verdict) return verdict;
  }
  return 'pass';
}

function pass(request: IncomingMessage, response: ServerResponse, { url, agent }: { url: URL; agent: Agent }): void {
  const onward = forward({ host: url.hostname, port: url.port, path: request.url, method: request.method, headers: request.headers, agent });
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.on('error', () => onward.destroy());
  response.on('close', () => response.writableFinished || onward.destroy());
  request.pipe(onward);
}

const CODES: Readonly<Record<number, string>> = { 403: 'AccessDenied', 500: 'InternalError', 503: 'SlowDown' };

function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  request.resume();
  request.on('end', () => {
    const code = CODES[status] ?? 'Refused';
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.end(
      request.method === 'HEAD' ? undefined : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>refused by the test</Message></Error>`,
    );
  });
}
