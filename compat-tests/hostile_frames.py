#!/usr/bin/env python3
"""Malformed frames and a SYN flood against a guest: this script is the other end of its network cable.

    hostile_frames.py --kernel build/kernel/image/linnet-debug.elf --server build/compat-tests/programs/echo_server
                      [--frames 2000] [--syns 2000] [--seed N] [--machine microvm|q35]

A guest listens on a port. It gets `frames` frames that are wrong in every way that is easy to think of (random bytes, truncated, bad
lengths, checksums, header lengths and options, fragments that overlap, garbage as ARP, ND, ICMP, DHCP, IPv6 extension headers), then SYNs from
many addresses. Between and after all that a real connection must be answered, and at the end the server exits with status 0.
No time limit decides but one for a guest that says nothing at all."""

import argparse
import os
import random
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

GUEST_MAC, HOST_MAC = bytes.fromhex("525400123456"), bytes.fromhex("525400aaaaaa")
GUEST, HOST = bytes([10, 0, 9, 2]), bytes([10, 0, 9, 1])
GUEST6 = bytes.fromhex("fe80000000000000505400fffe123456")
SILENCE = 300  # seconds


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ethernet(payload, kind=0x0800, to=GUEST_MAC):
    return to + HOST_MAC + struct.pack("!H", kind) + payload


def ip4(payload, protocol, source=HOST, ident=0, fragment=0, options=b"", **bad):
    header_words = bad.get("words", 5 + len(options) // 4)
    length = bad.get("length", 20 + len(options) + len(payload))
    head = struct.pack("!BBHHHBBH4s4s", (bad.get("version", 4) << 4) | header_words & 15, 0, length & 0xffff, ident, fragment,
                       bad.get("ttl", 64), protocol, 0, source, bad.get("to", GUEST)) + options
    return head[:10] + struct.pack("!H", bad.get("sum", checksum(head))) + head[12:] + payload


def transport_sum(segment, protocol, source, to=GUEST):
    return checksum(source + to + struct.pack("!BBH", 0, protocol, len(segment)) + segment)


def tcp(source_port, port, seq, ack, flags, data=b"", options=b"", source=HOST, **bad):
    words = bad.get("words", 5 + len(options) // 4)
    head = struct.pack("!HHIIBBHHH", source_port, port, seq & 0xffffffff, ack & 0xffffffff, (words & 15) << 4, flags,
                       bad.get("window", 65535), 0, bad.get("urgent", 0)) + options
    total = bad.get("sum", transport_sum(head + data, 6, source))
    return head[:16] + struct.pack("!H", total) + head[18:] + data


def udp(source_port, port, data, source=HOST, **bad):
    head = struct.pack("!HHHH", source_port, port, bad.get("length", 8 + len(data)) & 0xffff, 0)
    return head[:6] + struct.pack("!H", bad.get("sum", transport_sum(head + data, 17, source))) + data


class GuestEnded(RuntimeError):
    """There is no guest any more that could take a frame or answer."""


class Cable:
    """The guest's network: frames as datagrams on a pair of UNIX sockets. `machine`, set once it runs, is QEMU's process."""

    def __init__(self, folder):
        self.machine = None
        self.guest, self.host = os.path.join(folder, "guest"), os.path.join(folder, "host")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.host)
        self.received = []

    def send(self, frame):
        frame = frame[:1514]
        if len(frame) < 14:
            frame += bytes(14 - len(frame))
        end = time.monotonic() + SILENCE
        while time.monotonic() < end:
            self.check_alive()
            self.take(0)
            try:
                self.socket.sendto(frame, socket.MSG_DONTWAIT, self.guest)
                return
            except (BlockingIOError, ConnectionRefusedError, FileNotFoundError, OSError):
                select.select([self.socket], [], [], 0.01)
        raise RuntimeError("the guest takes no frames")

    def check_alive(self):
        if self.machine.poll() is not None:
            raise GuestEnded("the guest ended with QEMU's status %d" % self.machine.returncode)

    def take(self, seconds):
        """Reads what has come; ARP is answered for every address of the network, all else is kept."""
        while select.select([self.socket], [], [], seconds)[0]:
            seconds = 0
            frame = self.socket.recv(65536)
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] != GUEST:
                reply = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + HOST_MAC + frame[38:42] + frame[22:32]
                try:
                    self.socket.sendto(ethernet(reply, 0x0806), socket.MSG_DONTWAIT, self.guest)
                except OSError:
                    pass  # it asks again
            elif frame[12:14] == b"\x08\0" and frame[23] == 6:
                self.received.append(frame)
        del self.received[:-4000]


def converse(cable, port, text):
    """A real connection: connects, sends, reads the echo. Patient: everything is sent again until it is answered."""
    seq, state, ack, got = 1000, "syn", 0, b""
    cable.received.clear()
    end, again = time.monotonic() + SILENCE, 0.0
    while time.monotonic() < end:
        cable.check_alive()
        if time.monotonic() >= again:
            again = time.monotonic() + 1
            if state == "syn":
                cable.send(ethernet(ip4(tcp(port, 7, seq, 0, 2, options=b"\x02\x04\x05\xb4"), 6)))
            else:
                cable.send(ethernet(ip4(tcp(port, 7, seq + 1, ack, 0x18, text), 6)))
        cable.take(0.05)
        for frame in cable.received:
            words = (frame[14] & 15) * 4
            segment = frame[14 + words:14 + struct.unpack("!H", frame[16:18])[0]]
            if frame[30:34] != HOST or len(segment) < 20:
                continue
            from_port, to_port, their_seq, _, offset, flags = struct.unpack("!HHIIBB", segment[:14])
            if from_port != 7 or to_port != port:
                continue
            if flags & 4:
                state, again = "syn", time.monotonic() + 0.2  # refused or dropped: from the start
                seq, got = seq + 100000, b""
            elif state == "syn" and flags & 0x12 == 0x12:
                state, ack, again = "data", their_seq + 1, 0.0
            elif state == "data":
                data = segment[(offset >> 4) * 4:]
                if data and their_seq == ack:
                    got += data
                    ack += len(data)
        cable.received.clear()
        if got == text:
            cable.send(ethernet(ip4(tcp(port, 7, seq + 1 + len(text), ack, 4), 6)))
            return
    raise RuntimeError("a real connection was not answered")


def malformed(rng):
    """One frame that is wrong."""
    blob = rng.randbytes(rng.choice([0, 1, 3, 7, 20, 64, 200, 1400]))
    source = bytes([10, 0, 9, rng.randrange(3, 255)])
    small = rng.randrange

    def flip(frame):
        frame = bytearray(frame)
        for _ in range(small(1, 8)):
            if len(frame) > 14:
                frame[small(14, len(frame))] = small(256)
        return bytes(frame)

    def fragments():
        return ethernet(ip4(blob[:small(len(blob) + 1)], rng.choice([1, 6, 17, 250]), source, small(4),
                            small(0, 8192) | rng.choice([0, 0x2000, 0x2000, 0x8000])))

    def ip6(payload, header, **bad):
        return ethernet(struct.pack("!IHBB", bad.get("version", 6) << 28, bad.get("length", len(payload)) & 0xffff, header, 255)
                        + bytes.fromhex("fe80") + rng.randbytes(14) + GUEST6 + payload, 0x86dd)

    kinds = [
        lambda: ethernet(blob, small(65536)),
        lambda: ethernet(blob),
        lambda: ethernet(blob, 0x86dd),
        lambda: ethernet(ip4(blob, small(256), source)[:small(1, 40)]),
        lambda: ethernet(ip4(blob, 17, source, length=small(65536))),
        lambda: ethernet(ip4(blob, 6, source, words=small(16))),
        lambda: ethernet(ip4(blob, 6, source, version=small(16))),
        lambda: ethernet(ip4(blob, 1, source, sum=small(65536))),
        lambda: ethernet(ip4(tcp(1, 7, 0, 0, 2, source=source), 6, source, options=rng.randbytes(small(11) * 4))),
        lambda: ethernet(ip4(tcp(small(65536), 7, small(1 << 32), small(1 << 32), small(256), blob, source=source), 6, source)),
        lambda: ethernet(ip4(tcp(5, 7, 1, 1, 2, blob, words=small(16), source=source), 6, source)),
        lambda: ethernet(ip4(tcp(5, 7, 1, 1, 2, b"", options=rng.randbytes(4 * small(11)), source=source), 6, source)),
        lambda: ethernet(ip4(tcp(5, 7, 1, 1, 2, b"", options=bytes([rng.choice([2, 3, 4, 5, 8]), small(4), 0, 0]), source=source), 6, source)),
        lambda: ethernet(ip4(tcp(5, 7, 1, 1, 2, blob, sum=small(65536), source=source), 6, source)),
        lambda: ethernet(ip4(tcp(5, 7, 1, 1, 0x38, blob, urgent=small(65536), window=0, source=source), 6, source)),
        lambda: ethernet(ip4(udp(5, 7, blob, source, length=small(65536)), 17, source)),
        lambda: ethernet(ip4(udp(67, 68, b"\2\1\6\0" + rng.randbytes(232) + b"\x63\x82\x53\x63" + blob, source), 17, source)),
        lambda: ethernet(ip4(udp(53, small(65536), blob, source), 17, source)),
        lambda: ethernet(ip4(bytes([small(20), small(20)]) + blob, 1, source)),
        lambda: ethernet(ip4(bytes([3, small(16), 0, 0, 0, 0, 0, 0]) + ip4(blob, 6, GUEST, words=small(16))[:small(1, 60)], 1, source)),
        lambda: ethernet(ip4(blob, 6, rng.choice([GUEST, b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\0\0\1", b"\xe0\0\0\1"]))),
        lambda: ethernet(struct.pack("!HHBBH", small(3), rng.choice([0x800, small(65536)]), small(256), small(256), small(5)) + blob, 0x0806),
        lambda: ethernet(struct.pack("!HHBBH", 1, 0x800, 6, 4, small(1, 3)) + rng.randbytes(6) + source + GUEST_MAC + GUEST, 0x0806),
        fragments, fragments, fragments,
        lambda: ip6(blob, small(256)),
        lambda: ip6(blob, 58, length=small(65536)),
        lambda: ip6(bytes([rng.choice([128, 133, 134, 135, 136, 137, small(256)]), small(4)]) + rng.randbytes(22) + blob, 58),
        lambda: ip6(bytes([rng.choice([0, 6, 43, 44, 58, 60]), small(256)]) + blob, rng.choice([0, 43, 44, 60])),
        lambda: ethernet(struct.pack("!HBBH", small(65536), 0, 0, small(65536)) + blob, 0x8100),
    ]
    frame = rng.choice(kinds)()
    return flip(frame) if small(3) == 0 else frame


def cpio(files):
    out = b""
    for number, (name, mode, data) in enumerate(files + [("TRAILER!!!", 0, b"")]):
        fields = [number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--syns", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("LINNET_SEED", "1")))
    parser.add_argument("--machine", default="microvm")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    print("seed %d" % options.seed, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        cable = Cable(folder)
        with open(options.server, "rb") as f, open(os.path.join(folder, "root.cpio"), "wb") as root:
            root.write(cpio([("echo_server", 0o100755, f.read())]))
        device = "virtio-net-device" if options.machine == "microvm" else "virtio-net-pci,romfile="
        log = os.path.join(folder, "serial")
        command = ["qemu-system-x86_64", "-M", options.machine + (",rtc=on" if options.machine == "microvm" else ""), "-nodefaults",
                   "-no-user-config", "-display", "none", "-no-reboot", "-accel", "tcg", "-cpu", "max", "-m", "128",
                   "-serial", "file:" + log, "-device", "isa-debug-exit,iobase=0x501,iosize=1",
                   "-global", "virtio-mmio.force-legacy=false", "-kernel", options.kernel, "-initrd", os.path.join(folder, "root.cpio"),
                   "-netdev", "dgram,id=net,local.type=unix,local.path=%s,remote.type=unix,remote.path=%s" % (cable.guest, cable.host),
                   "-device", "%s,netdev=net,mac=52:54:00:12:34:56" % device,
                   "-append", "loglevel=info ip=10.0.9.2/24 gw=10.0.9.1 -- /echo_server"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as machine:
            cable.machine = machine
            try:
                converse(cable, 20000, b"first")
                for i in range(options.frames):
                    cable.send(malformed(rng))
                    if i % 1000 == 999:
                        converse(cable, 21000 + i // 1000, b"between %d" % i)
                converse(cable, 30000, b"after the malformed frames")
                print("%d malformed frames: alive" % options.frames, flush=True)
                for i in range(options.syns):
                    source = bytes([10, 0, 9, 3 + i % 250])
                    cable.send(ethernet(ip4(tcp(1024 + i // 250 * 7 % 60000, 7, rng.getrandbits(32), 0, 2, source=source), 6, source)))
                converse(cable, 40000, b"after the flood")
                print("%d SYNs: alive, and answers" % options.syns, flush=True)
                try:
                    converse(cable, 40001, b"quit")
                except GuestEnded:
                    pass  # as it was asked to, perhaps before its last answer was read; its status tells
                status = machine.wait(SILENCE)
                error = None if status == 0 else "QEMU's status is %d" % status
            except (RuntimeError, subprocess.TimeoutExpired) as e:
                error = str(e)
            finally:
                if machine.poll() is None:
                    machine.kill()
        with open(log, encoding="utf-8", errors="replace") as f:
            text = f.read()
        if "linnet panic" in text or "exit 0" not in text:
            error = error or "the server did not exit with status 0"
        if error:
            print(text[-8000:])
            print("FAILED: %s" % error)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
