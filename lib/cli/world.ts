/** Everything outside of the process that a command may touch. `main.ts` has the real one, tests have theirs. */
export interface World {
  /** Seconds since 1970. */
  now(): number;
  /** Passes the time; returns at once after an interruption. */
  sleep(seconds: number): Promise<void>;
  /** A line, or several, of the answer. */
  say(text: string): void;
  /** A line, or several, for people only: progress, warnings, errors. */
  warn(text: string): void;
  /** Runs the user's own kubectl. Never throws: a kubectl that cannot be started ends with status 127. */
  kubectl(args: readonly string[], input?: string): Promise<Ran>;
  /** Aborted by Ctrl-C or TERM: what waits should clean up and return. */
  readonly interrupted: AbortSignal;
  readonly disk: Disk;
  /** Folder that cdk8s' own command line wants the YAML in, beside `dist/`. @default - not called by it */
  readonly cdk8sOutdir?: string;
}

/** How a program ended, and what it printed. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The writing side of the disk: each call succeeds as a whole or leaves everything as it was. */
export interface Disk {
  /** Begins a folder that will take the place of another one. Nobody sees it until it is swapped in. */
  stage(folder: string): Stage;
  /** Puts all of them in their places, or none. */
  swapIn(stages: readonly Stage[]): void;
  /** Makes a folder a copy of another one. */
  copyFolder(from: string, to: string): void;
  /** New files, path to text. Fails when one of them is there already, and makes none. */
  createFiles(files: ReadonlyMap<string, string>): void;
  /** A file that is there already, in one step. */
  replaceFile(path: string, text: string): void;
}

/** A folder in the making. */
export interface Stage {
  /** Where it will be. */
  readonly folder: string;
  /** Where it is until then. */
  readonly fresh: string;
  write(path: string, text: string): void;
  /** Takes a file over from the folder that is there now. */
  keep(path: string): void;
  discard(): void;
}

/** What a command comes to: its answer, and the status of the process. */
export interface Outcome {
  readonly status: number;
  /** @default - it has said everything on its way */
  readonly text?: string;
}
