"""A small client of the Redis protocol (RESP2), on the standard library only."""
import socket


class ReplyError(Exception):
    """An error reply of the server."""


class Client:
    """One connection. Commands may be sent ahead of their replies: send() and read()."""

    def __init__(self, port, timeout):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout)
        self.socket.settimeout(timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile('rb', buffering=1 << 16)
        # QEMU's forwarder listens with a backlog of 1: a connection counts once it has answered.
        assert self.call('PING') == 'PONG'

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    @staticmethod
    def encode(*words):
        parts = [b'*%d\r\n' % len(words)]
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            parts.append(b'$%d\r\n%s\r\n' % (len(data), data))
        return b''.join(parts)

    def send(self, *words):
        self.socket.sendall(self.encode(*words))

    def read(self):
        """One reply: str for status, int, bytes, list or None. Raises ReplyError, ConnectionError."""
        line = self.file.readline()
        if not line.endswith(b'\r\n'):
            raise ConnectionError('the server closed the connection')
        kind, rest = line[:1], line[1:-2]
        if kind == b'+':
            return rest.decode()
        if kind == b'-':
            raise ReplyError(rest.decode())
        if kind == b':':
            return int(rest)
        if kind == b'$':
            size = int(rest)
            if size < 0:
                return None
            data = self.file.read(size + 2)
            if len(data) != size + 2:
                raise ConnectionError('the server closed the connection')
            return data[:-2]
        if kind == b'*':
            return None if int(rest) < 0 else [self.read() for _ in range(int(rest))]
        raise ConnectionError(f'not a reply: {line!r}')

    def call(self, *words):
        self.send(*words)
        return self.read()

    def error(self, *words):
        """The text of the error reply that the command must give."""
        try:
            reply = self.call(*words)
        except ReplyError as error:
            return str(error)
        raise AssertionError(f'{words[0]} succeeded: {reply!r}')

    def pipeline(self, commands, window=512):
        """Replies of many commands, at most `window` of them under way."""
        replies, sent = [], 0
        commands = [self.encode(*c) for c in commands]
        while len(replies) < len(commands):
            batch = commands[sent:sent + window - (sent - len(replies))]
            if batch and (sent - len(replies)) <= window // 2:
                self.socket.sendall(b''.join(batch))
                sent += len(batch)
            replies.append(self.read())
        return replies

    def info(self, section='everything'):
        text = self.call('INFO', section).decode()
        return dict(line.split(':', 1) for line in text.splitlines() if ':' in line)
