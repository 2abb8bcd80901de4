"""A server of scripted answers."""

import contextlib
import socket
import ssl
import threading


class Server:
    """Answers the first request of every connection with the given bytes, then hangs up.

    Of several answers, each connection gets the next one; the last one stays. With a context it
    speaks TLS.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self.port = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.answer: bytes | list[bytes] = b""
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
            with contextlib.suppress(OSError):  # clients that do not trust its certificate
                self._answer(self._context.wrap_socket(peer, server_side=True))

    def _answer(self, peer: socket.socket) -> None:
        with peer:
            self.requests.append(peer.recv(65_536))
            answer = self.answer
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
            peer.sendall(answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class Slow:
    """Answers with the given bytes, and then with a few more bytes every few milliseconds."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.answer = b""
        self.drip = b""
        self._ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            peer, _ = self._listener.accept()
            with peer:
                peer.recv(65_536)
                peer.sendall(self.answer)
                while not self._ended.wait(0.005):
                    peer.sendall(self.drip)

    def close(self) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
