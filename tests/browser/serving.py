"""A bench that answers at an address of this machine, in a thread of the test's own process."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from mien.app.application import create_application
from mien.app.bench import Bench
from mien.app.serve import default_store, host_names, install_secret, listening_socket
from mien.coding.store import CodingStore
from mien.dataset import open_study


class Served:
    """A bench that answers at an address, until it is killed."""

    def __init__(self, bench: Bench, port: int = 0) -> None:
        import uvicorn

        self.bench = bench
        self._socket = listening_socket("127.0.0.1", port)
        self.port = int(self._socket.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}"
        application = create_application(bench, hosts=host_names("127.0.0.1", self.port, []))
        config = uvicorn.Config(application, log_level="error", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """Cut every connection and close the store, as a kill does for whoever is outside."""
        self._server.force_exit = True
        self._server.should_exit = True
        self._thread.join(timeout=20)
        self._socket.close()
        self.bench.close()


def open_bench(folder: Path, **more: Any) -> Bench:
    store = CodingStore.open(default_store(folder), secret=install_secret(folder))
    return Bench(open_study(folder), store, **more)
