/** Everything outside of the process that a command may use. `main.ts` has the real one, tests have fakes. */
export interface World {
  /** Seconds since 1970. */
  now(): number;
  /** Waits. Returns at once after an interruption. */
  sleep(seconds: number): Promise<void>;
  /** Prints one or more lines of the result. */
  say(text: string): void;
  /** Prints one or more lines for people: warnings, errors. */
  warn(text: string): void;
  /** Runs the user's kubectl. Never throws: if kubectl cannot be started, the status is 127. */
  kubectl(args: readonly string[], input?: string): Promise<Ran>;
  /** Aborted by Ctrl-C or TERM. A command that waits should clean up and return. */
  readonly interrupted: AbortSignal;
  readonly disk: Disk;
  /** Folder in which the cdk8s command line expects the YAML, besides `dist/`. @default - not started by cdk8s */
  readonly cdk8sOutdir?: string;
}

/** Status and output of a program. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Writes to the disk. Each call succeeds as a whole or changes nothing. */
export interface Disk {
  /** Starts a folder that will replace another one. It is invisible until it is swapped in. */
  stage(folder: string): Stage;
  /** Replaces all of the folders, or none. */
  swapIn(stages: readonly Stage[]): void;
  /** Replaces a folder by a copy of another one. */
  copyFolder(from: string, to: string): void;
  /** Creates files, given as path to text. If one of them exists, fails and creates none. */
  createFiles(files: ReadonlyMap<string, string>): void;
  /** Replaces an existing file atomically. */
  replaceFile(path: string, text: string): void;
}

/** A folder that is being built. */
export interface Stage {
  /** Its final path. */
  readonly folder: string;
  /** Its path until then. */
  readonly fresh: string;
  write(path: string, text: string): void;
  /** Copies a file from the current folder. */
  keep(path: string): void;
  discard(): void;
}

/** Result of a command: its text and the exit status. */
export interface Outcome {
  readonly status: number;
  /** @default - the command has already printed everything */
  readonly text?: string;
}
