/** A filter of system calls, as the kernel loads it: what a program that computes never asks for is refused. */

/** Of one architecture: its number in the kernel's `audit.h`, and its numbers of calls from its `unistd.h`. */
interface Architecture {
  readonly audit: number;
  readonly refused: readonly number[];
  readonly clone: number;
  readonly clone3: number;
}

/** The same number on every architecture: io_uring, the new mount calls, pidfd_getfd, mount_setattr. */
const COMMON = [425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442];

/**
 * Sockets, other processes' memory and tracing, mounts and namespaces, keys, kernel programs and modules, the kernel's
 * log, performance counters, file handles, swap, quota, reboot.
 */
const ARCHITECTURES: Readonly<Partial<Record<NodeJS.Architecture, Architecture>>> = {
  x64: {
    audit: 0xc000003e,
    refused: [
      ...[41, 101, 310, 311, 312, 165, 166, 155, 161, 272, 308, 248, 249, 250, 321, 246, 320, 175, 313, 176, 103],
      ...[298, 323, 303, 304, 163, 167, 168, 169, 179, 212, 172, 173, 154, 134],
    ],
    clone: 56,
    clone3: 435,
  },
  arm64: {
    audit: 0xc00000b7,
    refused: [
      ...[198, 117, 270, 271, 272, 40, 39, 41, 51, 97, 268, 217, 218, 219, 280, 104, 294, 105, 273, 106, 116],
      ...[241, 282, 264, 265, 89, 224, 225, 142, 60, 18],
    ],
    clone: 220,
    clone3: 435,
  },
};

// linux/bpf_common.h and linux/seccomp.h.
const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const errno = (number: number) => 0x00050000 | number;
const EPERM = 1;
const ENOSYS = 38;
/** Offsets in `struct seccomp_data`. */
const NUMBER = 0;
const ARCH = 4;
const FIRST_ARGUMENT = 16;
/** On x86-64, calls of the x32 interface, which nothing uses. */
const X32 = 0x40000000;
/** Every CLONE_NEW… flag of clone(2). */
const NEW_NAMESPACES = 0x7e020000;
const INSTRUCTION_BYTES = 8;

/** `struct sock_filter[]` in this machine's byte order; undefined for an architecture whose numbers are not known here. */
export function seccompFilter(arch: NodeJS.Architecture = process.arch): Buffer | undefined {
  const found = ARCHITECTURES[arch];
  if (found === undefined) return undefined;
  const program: (readonly [code: number, jumpTrue: number, jumpFalse: number, k: number])[] = [
    [LOAD_WORD, 0, 0, ARCH],
    [JUMP_EQUAL, 1, 0, found.audit],
    [RETURN, 0, 0, KILL],
    [LOAD_WORD, 0, 0, NUMBER],
    ...(arch === "x64"
      ? ([
          [JUMP_AT_LEAST, 0, 1, X32],
          [RETURN, 0, 0, errno(EPERM)],
        ] as const)
      : []),
    ...[...found.refused, ...COMMON].flatMap(
      (number) =>
        [
          [JUMP_EQUAL, 0, 1, number],
          [RETURN, 0, 0, errno(EPERM)],
        ] as const,
    ),
    // Its flags lie in memory, which no filter sees; C libraries fall back to clone(2).
    [JUMP_EQUAL, 0, 1, found.clone3],
    [RETURN, 0, 0, errno(ENOSYS)],
    [JUMP_EQUAL, 0, 3, found.clone],
    [LOAD_WORD, 0, 0, FIRST_ARGUMENT],
    [JUMP_ANY_BIT, 0, 1, NEW_NAMESPACES],
    [RETURN, 0, 0, errno(EPERM)],
    [RETURN, 0, 0, ALLOW],
  ];
  const bytes = Buffer.alloc(program.length * INSTRUCTION_BYTES);
  program.forEach(([code, jumpTrue, jumpFalse, k], i) => {
    // Both architectures are little-endian.
    bytes.writeUInt16LE(code, i * INSTRUCTION_BYTES);
    bytes.writeUInt8(jumpTrue, i * INSTRUCTION_BYTES + 2);
    bytes.writeUInt8(jumpFalse, i * INSTRUCTION_BYTES + 3);
    bytes.writeUInt32LE(k >>> 0, i * INSTRUCTION_BYTES + 4);
  });
  return bytes;
}
