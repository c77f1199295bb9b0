import BerthInspect
import BerthSockets
import BerthSystem
import TestSupport

/// A Python program that gets a fault, or its healthy twin, ready in a private network, and does what shows it while it
/// is looked at.
struct RuleScene: Sendable, CustomStringConvertible {
    var name: String
    /// The code that is expected, with the exact text below ``RuleTexts``; `nil` for a healthy one.
    var code: String?
    /// Before the first look. `port` is to be set.
    var ready: String
    /// Between the two looks.
    var during = "pass"
    /// How long there is between the looks at least.
    var window: Duration = .milliseconds(200)
    /// A setting of the network, made before.
    var settings: [(String, String)] = []
    /// Looks are taken until this holds of the first one: kernel timers that come a moment later.
    var until: @Sendable (Snapshot) -> Bool = { _ in true }

    var description: String { name }

    static let prelude = """
        import fcntl, os, resource, select, signal, socket, struct, subprocess, sys, time
        kept = []
        def listener(backlog=16, reuse=1, share=0, address=('127.0.0.1', 0)):
            s = socket.socket()
            if reuse: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if share: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            s.bind(address); s.listen(backlog); kept.append(s)
            return s
        def client(port):
            s = socket.socket(); s.connect(('127.0.0.1', port)); kept.append(s)
            return s
        def hasty(port):
            s = socket.socket(); s.setblocking(False); s.connect_ex(('127.0.0.1', port)); kept.append(s)
            return s
        def pair(s=None):
            s = s or listener()
            c = client(s.getsockname()[1]); a = s.accept()[0]; kept.append(a)
            return c, a

        """

    /// Takes the two looks and returns what the rules say about them.
    func check(_ focus: (UInt16) -> CheckFocus = { _ in .everything }) throws -> (report: CheckReport, port: UInt16) {
        for (name, value) in settings {
            let file = try Kernel.open("/proc/sys/\(name)", .write)
            _ = try Array(value.utf8).withUnsafeBytes { try unsafe Kernel.write(file.rawValue, $0) }
        }
        let indented = { (text: String) in text.split(separator: "\n").map { "    \($0)\n" }.joined() }
        let program = try Program.python(
            Self.prelude + "def ready():\n    global port, s, c, a, others\n    port = 0\n\(indented(ready))"
                + "def during():\n    global s\n\(indented(during))"
                + "ready(); print(f'1={port}', flush=True); input(); during(); print('2=done', flush=True)\n"
                + "sys.stdin.read()\n")
        func said(_ mark: String) throws -> Substring {
            guard let line = program.line(containing: mark, on: .standard) else {
                throw PythonServer.SaidNothing()
            }
            return line.dropFirst(mark.count)
        }
        let port = UInt16(try said("1=")) ?? 0
        let deadline = Deadline.after(.seconds(240))
        var before = try Snapshot.read()
        while !until(before), !deadline.hasPassed { before = try Snapshot.read() }
        let end = Deadline.after(window)
        program.write("go\n")
        _ = try said("2=")
        // The rules are about what stays so for that long.
        let silence = try Kernel.pipe()
        _ = try Kernel.wait(for: .readable, on: silence.reading.rawValue, until: end)
        let now = try Snapshot.read()
        _ = try program.end()
        return (CheckReport(CheckInput(before: before, now: now, focus: focus(port))), port)
    }
}

extension RuleScene {
    static let sick: [RuleScene] = [
        RuleScene(
            name: "a second copy of a server by SO_REUSEPORT", code: "B005",
            ready: """
                s = listener(share=1); port = s.getsockname()[1]
                text = f"import socket,sys; s = socket.socket(); s.setsockopt(1, 15, 1); s.bind(('127.0.0.1', {port})); \
                s.listen(16); print('up', flush=True); sys.stdin.read()"
                shell = 'exec 3<&0; python3 -c "$0" <&3 & wait'
                p = subprocess.Popen(['sh', '-c', shell, text], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                kept.append(p); p.stdout.readline()
                """),
        RuleScene(
            name: "a full accept queue", code: "B006",
            ready: "s = listener(1); port = s.getsockname()[1]; client(port); client(port)",
            during: "for i in range(3): hasty(s.getsockname()[1])"),
        RuleScene(
            name: "a backlog cut by somaxconn", code: "B007", ready: "s = listener(500); port = s.getsockname()[1]",
            settings: [("net/core/somaxconn", "64")]),
        RuleScene(
            name: "a process out of descriptors", code: "B009",
            ready: """
                s = listener(); port = s.getsockname()[1]
                resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))
                c = [client(port) for i in range(3)]
                try:
                    while True: kept.append(open('/dev/null'))
                except OSError: pass
                """),
        RuleScene(
            name: "an acceptor that is stuck", code: "B010",
            ready: "s = listener(); port = s.getsockname()[1]; others = [client(port) for i in range(3)]",
            window: .seconds(1)),
        RuleScene(
            name: "a leak of connections in CLOSE_WAIT", code: "B011",
            ready: """
                s = listener(64); port = s.getsockname()[1]
                others = [pair(s) for i in range(24)]
                for c, a in others: c.shutdown(socket.SHUT_WR); a.recv(1)
                """),
        RuleScene(
            name: "local ports that run out", code: "B013",
            ready: "s = listener(64); port = s.getsockname()[1]; others = [client(port) for i in range(20)]",
            during: "for i in range(20): kept.append(s.accept()[0])",
            settings: [("net/ipv4/ip_local_port_range", "20000 20021")]),
        RuleScene(
            name: "connections closed with input unread", code: "B014",
            ready: "s = listener(); port = s.getsockname()[1]; others = [pair(s) for i in range(4)]",
            during: """
                for c, a in others:
                    c.send(b'request'); select.select([a], [], []); a.close()
                """),
        RuleScene(
            name: "connections reset by SO_LINGER", code: "B015",
            ready: """
                s = listener(); port = s.getsockname()[1]
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                others = [pair(s) for i in range(2)]
                """, during: "for c, a in others: a.close()"),
        RuleScene(
            name: "a server that SIGPIPE would end", code: "B016",
            ready: """
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                s = listener(); port = s.getsockname()[1]
                c, a = pair(s); c.shutdown(socket.SHUT_WR); a.recv(1)
                """),
        RuleScene(
            name: "a member of a group that closes with a queue", code: "B017",
            ready: """
                s = listener(share=1); port = s.getsockname()[1]
                others = [s, listener(share=1, address=('127.0.0.1', port))]
                while not select.select([others[0]], [], [], 0)[0]: client(port)  # until one waits there
                """, during: "others[0].close()"),
        RuleScene(
            name: "a listener closed with connections in its queue", code: "B023",
            ready: "s = listener(); port = s.getsockname()[1]; others = [client(port) for i in range(3)]",
            during: "s.close()"),
        RuleScene(
            name: "a peer that has vanished", code: "B018",
            ready: """
                c, a = pair(); port = a.getsockname()[1]
                q = socket.socket()
                flags = struct.pack('16sh', b'lo', 0)
                fcntl.ioctl(q, 0x8914, flags)  # SIOCSIFFLAGS: the loopback is down
                a.send(b'anybody there?')
                """,
            until: { $0.sockets.contains { $0.backoff >= 3 && $0.lastAckReceived >= 1_000 } }),
        RuleScene(
            name: "a client that does not read", code: "B019",
            ready: """
                c, a = pair(); port = a.getsockname()[1]; a.setblocking(False)
                try:
                    while True: a.send(bytes(65536))
                except BlockingIOError: pass
                """, until: { $0.sockets.contains { $0.timer == .zeroWindowProbe } }),
        RuleScene(
            name: "two small writes and a read", code: "B020",
            ready: """
                c, a = pair(); port = a.getsockname()[1]
                if os.fork() == 0:
                    c.close()
                    while True:
                        got = b''
                        while len(got) < 20:
                            more = a.recv(20 - len(got))
                            if not more: os._exit(0)
                            got += more
                        a.send(b'r')
                a.close(); kept.clear()
                for i in range(20): c.send(b'1234567890'); c.send(b'1234567890'); c.recv(1)
                kept.append(c)
                """,
            during: "for i in range(25): c.send(b'1234567890'); c.send(b'1234567890'); c.recv(1)"),
    ]

    static let healthy: [RuleScene] = [
        RuleScene(
            name: "workers of one server share an address",
            ready: """
                s = listener(share=1); port = s.getsockname()[1]
                s.close(); kept.clear()
                others = os.pipe()
                for i in range(2):
                    r, w = os.pipe()
                    if os.fork() == 0:
                        os.close(others[1])
                        q = listener(share=1, address=('127.0.0.1', port)); os.write(w, b'u')
                        os.read(others[0], 1); os._exit(0)  # when the parent is gone
                    os.read(r, 1)
                """,
            during: "pass"),
        RuleScene(
            name: "an accept queue that is used",
            ready: "s = listener(16); port = s.getsockname()[1]; c = client(port)",
            during: "kept.append(s.accept()[0])"),
        RuleScene(name: "a backlog of all that the kernel gives", ready: "s = listener(9999)"),
        RuleScene(
            name: "descriptors within their limit",
            ready: "s = listener(); resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128)); others = [pair(s)]"),
        RuleScene(
            name: "connections that are accepted while others come",
            ready: "s = listener(); c = client(s.getsockname()[1])",
            during: "kept.append(s.accept()[0]); client(s.getsockname()[1])", window: .seconds(1)),
        RuleScene(
            name: "a few clients that have just finished",
            ready: """
                others = [pair() for i in range(3)]
                for c, a in others: c.shutdown(socket.SHUT_WR); a.recv(1)
                """),
        RuleScene(
            name: "half of the local ports", ready: "s = listener(64); others = [pair(s) for i in range(10)]",
            settings: [("net/ipv4/ip_local_port_range", "20000 20021")]),
        RuleScene(
            name: "connections that end politely", ready: "others = [pair() for i in range(4)]",
            during: """
                for c, a in others:
                    c.send(b'request'); a.recv(100); a.shutdown(socket.SHUT_WR); c.recv(1); c.close(); a.recv(1); a.close()
                """),
        RuleScene(
            name: "a listener that closes when its queue is empty",
            ready: "s = listener(); c = client(s.getsockname()[1])",
            during: "kept.append(s.accept()[0]); s.close()"),
        RuleScene(
            name: "a peer that answers", ready: "c, a = pair(); a.send(b'anybody there?')", during: "c.recv(100)"),
        RuleScene(
            name: "one write for a message",
            ready: "c, a = pair()",
            during: "for i in range(25): c.send(b'12345678901234567890'); a.recv(20); a.send(b'r'); c.recv(1)"),
    ]
}
