"""A gunicorn worker that finishes what it has accepted before it stops, and that nobody holds up.

Gunicorn's own graceful stop closes the door first: clients see refused connections, and decoding
that goes on behind the replies is lost. This worker keeps answering while it drains: accepted
chunks are finished, new ones get 503, and `/health` says `draining`.

Nor does gunicorn mind how long a client takes for the head of its request, in a thread of its own,
or how many connect and say nothing; and what it can't parse it answers with a page.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import logging
import os
import selectors
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.http.errors import (
    ConfigurationProblem,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    ParseException,
)
from gunicorn.workers.gthread import TConn, ThreadWorker

from config.deadlines import deadlines
from config.settings import SettingError

log = logging.getLogger(__name__)

# Long enough for clients and load balancers to be told, even when nothing is left to do.
MIN_DRAIN_S = 2.0
# What is not done by then is given up; below gunicorn's own graceful timeout.
MAX_DRAIN_S = 24.0
# Not the client's faults.
_OURS = (ConfigurationProblem, InvalidResponseHeader, InvalidResponseHeaderName)
_NOBODY_THERE = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)
_NO_FILES = (errno.EMFILE, errno.ENFILE)
# The head of a request is a packet or two.
HEAD_S = 10.0
# Of Linux's prctl.
_PR_SET_PDEATHSIG = 1


class DrainingWorker(ThreadWorker):  # type: ignore[misc]
    """The threaded worker, with a drain in front of its stop."""

    def init_process(self) -> None:
        """Begin to serve, and end with gunicorn's first process whatever that ends by.

        If that is killed, this one would take connections that it never answers for as long as its
        last clients stay, and hold the port of the next server.
        """
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self.ppid:  # it has ended before
                os._exit(1)
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application; a setting that can't be used ends the server with a line."""
        try:
            super().load_wsgi()
        except SettingError as error:
            log.critical("A setting can't be used: %s", error)
            sys.exit(Arbiter.APP_LOAD_ERROR)
        # Native code that hangs can't be stopped; gunicorn starts another worker.
        self.wsgi.extensions["transcriber"].replace_by(lambda: os.kill(os.getpid(), signal.SIGKILL))

    def accept(self, listener: Any) -> None:
        """Take a connection, which gets a thread once it has said something.

        Gunicorn would give it one at once, for five seconds. Where there are as many connections
        as may be, the one that has been silent for longest makes room.
        """
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_FILES:
                self._drop_most_silent()
            elif error.errno not in _NOBODY_THERE:
                raise
            return
        self.nr_conns += 1
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.timeout = time.monotonic() + HEAD_S
        self.pending_conns.append(conn)
        speaks = functools.partial(self.on_pending_socket_readable, conn)
        self.poller.register(client, selectors.EVENT_READ, speaks)
        if self.nr_conns >= self.worker_connections:
            self._drop_most_silent()

    def _drop_most_silent(self) -> None:
        for silent in (self.pending_conns, self.keepalived_conns):
            if silent:
                conn = silent.popleft()
                with contextlib.suppress(OSError, KeyError, ValueError):  # as gunicorn does
                    self.poller.unregister(conn.sock)
                self.nr_conns -= 1
                conn.close()
                return

    def handle(self, conn: Any) -> Any:
        """Serve a connection, whose head has to come in time; what is late is closed."""
        conn.head_watch = deadlines.watch(conn.sock, HEAD_S)
        try:
            return super().handle(conn)
        finally:
            deadlines.done(conn.head_watch)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request, whose head is there."""
        deadlines.done(conn.head_watch)
        try:
            return super().handle_request(req, conn)
        finally:
            deadlines.all_done(conn.sock)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        """Refuse what is no HTTP as the API refuses other things; the log does not repeat it."""
        if not isinstance(exc, ParseException) or isinstance(exc, _OURS):
            super().handle_error(req, client, addr, exc)
            return
        log.info("A request that is no HTTP was refused: %s", type(exc).__name__)
        with contextlib.suppress(OSError):
            util.write_nonblock(client, self.wsgi.extensions["refusal"](exc))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: drain first; a second one stops at once, as the first does before it serves."""
        if not hasattr(self, "wsgi"):
            sys.exit(0)
        if getattr(self, "_draining", False):
            super().handle_exit(sig, frame)
            return
        self._draining = True
        threading.Thread(target=self._drain, args=(sig,), name="drain", daemon=True).start()

    def run(self) -> None:
        """Serve until told to stop; a model that loads or decodes then can't be stopped in order.

        What it decodes was accepted, is written down, and goes on at the next start.
        """
        code: Any = 0
        try:
            super().run()
        except SystemExit as told:  # so comes SIGQUIT, of which gunicorn makes Ctrl+C
            code = told.code
        engine = self.wsgi.extensions["transcriber"].engine
        if engine.state.stage == "starting" or not engine.pool.wait_idle(0):
            logging.shutdown()
            os._exit(code or 0)
        sys.exit(code)

    def _drain(self, sig: int) -> None:
        service: Any = self.wsgi.extensions["transcriber"]
        service.drain(MAX_DRAIN_S)
        threading.Event().wait(MIN_DRAIN_S)
        ThreadWorker.handle_exit(self, sig, None)
