"""A server of one scripted answer."""

import contextlib
import socket
import ssl
import threading


class Server:
    """Answers every request of a connection with the given bytes, then hangs up.

    With a context it speaks TLS.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self.port = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.answer = b""
        self.requests: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            if self._context is None:
                self._answer(peer)
                continue
            with contextlib.suppress(OSError):  # of those who do not trust its certificate
                self._answer(self._context.wrap_socket(peer, server_side=True))

    def _answer(self, peer: socket.socket) -> None:
        with peer:
            self.requests.append(peer.recv(65_536))
            peer.sendall(self.answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
