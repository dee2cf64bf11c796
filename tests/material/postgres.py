"""A PostgreSQL server of Debian's packages, on loopback, for as long as a test lasts."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD, DATABASE = "prefect", "of a test", "prefect"


def postgres_programs() -> Path | None:
    """Return the folder with `initdb` and `postgres`, the newest version; None without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    here = [Path(path).parent for path in (shutil.which("initdb"),) if path]
    return next((p for p in (*reversed(found), *here) if (p / "postgres").exists()), None)


@contextmanager
def postgres(programs: Path) -> Iterator[int]:
    """Run a server with an empty database; yield its port. It does not wait for its disk."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    # the programs refuse to run as root
    user = "postgres" if os.geteuid() == 0 else None
    (folder / "password").write_text(PASSWORD)
    if user:
        owner = pwd.getpwnam(user)
        for path in (folder, folder / "password"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C"}
    made = ["initdb", "--pgdata", folder / "data", "--username", USER, "--no-sync"]
    made += ["--auth", "scram-sha-256", "--pwfile", folder / "password"]
    common = {"user": user, "env": environment, "cwd": folder, "stdout": subprocess.DEVNULL}
    server = None
    try:
        subprocess.run(made, check=True, **common)  # type: ignore[call-overload]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [programs / "postgres", "-D", folder / "data", "-k", folder, "-p", str(port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL, **common)  # type: ignore[call-overload]
        login = {"PGPASSWORD": PASSWORD, "PGHOST": "127.0.0.1", "PGPORT": str(port)}
        for _ in range(200):
            if subprocess.run(["pg_isready", "-q"], env=environment | login).returncode == 0:
                break
            time.sleep(0.1)
        subprocess.run(["createdb", "-U", USER, DATABASE], check=True, env=environment | login)
        yield port
    finally:
        if server is not None:
            server.terminate()
            server.wait()
        shutil.rmtree(folder)
