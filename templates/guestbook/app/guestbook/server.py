"""The server: a listening socket, a bounded number of threads, and an orderly end.

When all threads are busy, new clients wait in the system's queue and idle connections give way.
On SIGTERM it takes who is already waiting, finishes what is under way, and ends with 0.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Optional

from .connection import Connection, Limits, plain_refusal
from .http import Refused, Request, Response
from .log import log
from .tls import Certificate

Application = Callable[[Request], Response]
Refusal = Callable[[Refused, Optional[Request]], Response]


class Server:
    """Serves one application on one port."""

    def __init__(
        self,
        application: Application,
        host: str,
        port: int,
        certificate: Optional[Certificate] = None,
        refuse: Refusal = plain_refusal,
        limits: Limits = Limits(),
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.limits = limits
        self._close = close
        self.refuse = refuse
        self._application = application
        self._certificate = certificate
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=256)
        self._listener.setblocking(False)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        # Readable once the server stops: it wakes the accept loop and every idle connection.
        self.stopped, self._stop = os.pipe()
        os.set_blocking(self._stop, False)
        self._stopping = False
        self._crowded = False
        self._places = threading.Semaphore(limits.threads)
        self._threads = ThreadPoolExecutor(limits.threads, "serve")

    @property
    def url(self) -> str:
        """Where it answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._certificate else 'http'}://{host}:{self.port}"

    def run(self) -> bool:
        """Serves until `stop`. Returns whether everything under way could be finished."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self.stopped, select.POLLIN)
        while not self._stopping:
            poll.poll()
            self._accept_all()
        self._accept_all()  # who waits in the queue came before the end
        self._listener.close()
        return self._drain()

    def stop(self) -> None:
        """Asks for the end; safe in a signal handler and from any thread."""
        self._stopping = True
        try:
            os.write(self._stop, b"x")
        except OSError:
            pass  # it was asked before, or has ended already

    def stop_on_signals(self) -> None:
        """SIGTERM and SIGINT ask for the end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

    def answer(self, request: Request) -> Response:
        """Asks the application; a mistake in it is a 500 with its trace in the log alone."""
        try:
            return self._application(request)
        except Refused as refused:
            return self.refuse(refused, request)
        except Exception as error:
            log_mistake(error, path=request.path[:200])
            return self.refuse(Refused(500, "something went wrong here"), request)

    def tls(self) -> Optional[ssl.SSLContext]:
        """The TLS context to speak with, None for plain HTTP."""
        return self._certificate.context() if self._certificate else None

    def crowded(self) -> bool:
        """Tells whether somebody waits for a thread."""
        return self._crowded

    def hurried(self) -> bool:
        """Tells whether connections should end after their answer."""
        return self._stopping or self._crowded

    def _accept_all(self) -> None:
        while True:
            try:
                link, address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # out of file descriptors, say: others must end first
                log("error", what="accept", why=error.strerror)
                time.sleep(0.1)
                return
            self._place()
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, link, address[0])
            self._threads.submit(self._serve, connection)

    def _place(self) -> None:
        """Takes a thread's place, and asks idle connections for theirs if there is none."""
        if not self._places.acquire(blocking=False):
            self._crowded = True
            self._places.acquire()
            self._crowded = False

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        except Exception as error:  # one broken connection must not go unseen, nor end the others
            log_mistake(error)
        finally:
            self._places.release()

    def _drain(self) -> bool:
        until = time.monotonic() + self.limits.grace
        for _ in range(self.limits.threads):
            if not self._places.acquire(timeout=max(0.0, until - time.monotonic())):
                return False
        self._threads.shutdown()
        self._close()
        stop, self._stop = self._stop, -1
        os.close(stop)
        os.close(self.stopped)
        return True


def log_mistake(error: Exception, **about: object) -> None:
    """Says where a mistake in the program is. Its text may hold what a visitor wrote: left out."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    log("mistake", what=type(error).__name__, where=place, **about)


def serve(server: Server, **about: object) -> int:
    """Runs a server as the work of a process. Returns the exit code."""
    server.stop_on_signals()
    log("ready", url=server.url, **about)
    finished = server.run()
    log("stopped", finished=finished)
    if not finished:
        os._exit(1)  # threads that hang would keep the process alive
    return 0
