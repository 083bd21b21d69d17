import { execFileSync } from 'node:child_process';

/** Access control lists in the form of the kernel: version 2, then kind, rights and id of each entry. */
const PYTHON = `
import os, struct, sys
def entry(kind, rights, number=0xffffffff): return struct.pack('<HHI', kind, rights, number)
def acl(user, mask): return struct.pack('<I', 2) + entry(1, 7) + entry(2, user[1], user[0]) + entry(4, 5) + entry(0x10, mask) + entry(0x20, 0)
ACCESS, DEFAULT, CAPABILITY = 'system.posix_acl_access', 'system.posix_acl_default', 'security.capability'
NET_BIND = bytes.fromhex('0100000200040000000000000000000000000000')
def put(path, name, value): os.setxattr(path, name, value)
`;

/** Gives files of a folder extended attributes: Python with \`put(path, name, value)\`, \`acl((user, rights), mask)\` and the names. */
export function give(folder: string, python: string): void {
  execFileSync('python3', ['-c', PYTHON + python], { cwd: folder });
}

/** An archive of a folder with all of them, for a container whose only tool for them is tar. */
export function archiveWithAttributes(folder: string): Buffer {
  return execFileSync('tar', ['--create', '--format=posix', '--xattrs', '--xattrs-include=*', '.'], { cwd: folder });
}

/** A shell command that prints the attributes of a file, by the tar of its container. */
export const printAttributes = (path: string) =>
  `tar --create --format=posix --xattrs '--xattrs-include=*' '${path}' >/tmp/attributes.tar && grep -a SCHILY.xattr /tmp/attributes.tar | cat -v`;

/** Every extended attribute of every file below a folder, and of the folder itself: `path name value`, in hex. */
export function attributesOf(folder: string): readonly string[] {
  const program = `${PYTHON}
found = ['.'] + [os.path.join(top, name) for top, folders, files in os.walk('.') for name in folders + files]
for path in sorted(found):
    if '/.backstay-' in path: continue
    for name in sorted(os.listxattr(path, follow_symlinks=False)):
        print(path, name, os.getxattr(path, name, follow_symlinks=False).hex())
`;
  return execFileSync('python3', ['-c', program], { cwd: folder, encoding: 'utf8' }).split('\n').filter(Boolean);
}
