"""Start a confined program that dies with its parent: `launcher.py PARENT LIMITS COMMAND...`.

LIMITS is a JSON object (`programs.Confinement`) or `{}`. Linux only; standard library only. The tie
(`prctl(PR_SET_PDEATHSIG)`, see prctl(2)), the limits and the filters survive `exec`. What a kernel
does not know is left out: the lists of formats and protocols hold everywhere.
"""

import ctypes
import errno
import json
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Mapping, Sequence

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_MOST_FILES = 256

_MACHINES: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (0xC000003E, {"socket": 41, "ptrace": 101, "io_uring_setup": 425}),
    "aarch64": (0xC00000B7, {"socket": 198, "ptrace": 117, "io_uring_setup": 425}),
}
"""Machine -> its number in audit.h, and the numbers of the calls that are refused: they open
sockets (io_uring can as well) or reach into other processes."""

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _MACHINE_AT = 0, 4
_X32_BIT = 0x40000000
"""Of bpf(4) and seccomp(2): operations, answers, and where a call's number and machine stand."""

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_RULE_BENEATH = 1
_WRITES_BY_VERSION = ((1, 0b1_1111_1111_0010), (2, 1 << 13), (3, 1 << 14))
"""landlock(7): what writes, removes, makes, moves or shortens files, by version."""
_WRITES_TO_FILE = 1 << 1 | 1 << 14

Limits = Mapping[str, object]


def become(parent: int, limits: Limits, command: Sequence[str]) -> None:
    """Tie this process to its parent, confine it and replace it by the command."""
    _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the tie was there
        sys.exit(1)
    if limits:
        confine(limits)
    os.execvp(command[0], list(command))  # noqa: S606


def confine(limits: Limits) -> None:
    """Bound memory, time, files and core; take network and writing elsewhere from this process.

    Its files are its user's alone.
    """
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: _MOST_FILES,
        resource.RLIMIT_AS: limits["memory_bytes"],
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_FSIZE: limits["file_bytes"],
    }
    for what, most in bounds.items():
        hard = resource.getrlimit(what)[1]
        wanted = int(str(most))
        bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(what, (bound, bound))
    os.umask(0o077)
    _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    writable = limits["writable"]
    _write_only_below([*map(str, writable if isinstance(writable, list) else []), os.devnull])
    _refuse_sockets()


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _refuse_sockets() -> None:
    """Install a seccomp filter: the calls of `_MACHINES` fail with EACCES."""
    known = _MACHINES.get(platform.machine())
    if known is None:
        return
    machine, calls = known
    refused = [*calls.values()]
    program = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_JUMP_EQUAL, 1, 0, machine),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_JUMP_AT_LEAST, len(refused) + 1, 0, _X32_BIT),
        *((_JUMP_EQUAL, len(refused) - at, 0, call) for at, call in enumerate(refused)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.EACCES),
    ]
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    kept = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(kept))
    _libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0)


def _write_only_below(paths: Sequence[str]) -> None:
    """Let this process write, make and remove files below some paths only (landlock)."""
    libc = _libc()
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    writes = 0
    for since, rights in _WRITES_BY_VERSION:
        writes |= rights if version >= since else 0
    if not writes:
        return
    handled = ctypes.c_uint64(writes)
    rules = libc.syscall(_LANDLOCK_CREATE, ctypes.byref(handled), ctypes.c_size_t(8), 0)
    if rules < 0:
        return
    for path in paths:
        below = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rights = writes if os.path.isdir(path) else writes & _WRITES_TO_FILE  # noqa: PTH112
        rule = struct.pack("=Qi", rights, below)
        libc.syscall(_LANDLOCK_ADD, rules, _RULE_BENEATH, ctypes.c_char_p(rule), 0)
        os.close(below)
    libc.syscall(_LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)


if __name__ == "__main__":
    become(int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:])
