"""Start a program that dies with its parent: `python launcher.py PARENT_PID COMMAND...`.

Linux only; the tie (`prctl(PR_SET_PDEATHSIG)`, see prctl(2)) survives `exec`.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def become(parent: int, command: list[str]) -> None:
    """Tie this process to its parent and replace it by the command."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the tie was there
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
