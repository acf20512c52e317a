"""The leash: a child process that ends when the supervisor that holds it is gone.

A child's standard input is a pipe whose other end only the supervisor has. However the supervisor
ends, kill -9 included, the kernel closes that end; the child reads the end of file and stops as
on SIGTERM. Portable, and nothing to clean up.
"""

import os
import signal
import sys
import threading
import time

PATIENCE_SECONDS = 15
"""How long a child may take to stop of itself after its supervisor is gone."""


def hold() -> None:
    """Watch standard input from a thread that keeps nobody alive."""
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), daemon=True, name="leash").start()


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE_SECONDS)
    os._exit(1)


def main() -> None:
    """Run a `listener` command on the leash."""
    from receiver.__main__ import main as listener

    hold()
    listener()


if __name__ == "__main__":
    main()
