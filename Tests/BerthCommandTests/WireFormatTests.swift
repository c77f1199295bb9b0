import BerthServer
import BerthSystem
import TestSupport
import Testing

@Suite("The first article's wire format")
struct WireFormatTests {
    /// The article's functions, with bytes counted instead of characters, and reads that are not quadratic.
    private static let client = """
        import os, socket, sys, threading
        def tsend_all(s, msg):
            data = msg.encode() if isinstance(msg, str) else msg
            data = (len(data) + 8).to_bytes(8, 'big') + data
            i = 0
            view = memoryview(data)
            while i < len(data):
                i += s.send(view[i:])
        def exactly(s, n):
            parts = []
            while n:
                chunk = s.recv(min(n, 1 << 20))
                if not chunk: raise ConnectionError('broken')
                parts.append(chunk); n -= len(chunk)
            return b''.join(parts)
        def trecv_all(s, decode=True):
            n = int.from_bytes(exactly(s, 8), 'big')
            data = exactly(s, n - 8)
            return data.decode() if decode else data
        s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
        s.settimeout(60)

        """

    private func session(_ model: ConcurrencyModel, _ text: String) async throws -> String {
        try await onOwnThread {
            let service = try Service(["--framing", "length-prefix", "--service", "echo"], model: model)
            let answer = try python(Self.client + text, service.port)
            let said = try service.stop()
            #expect(said.contains("1 peer finished"), "\(said)")
            return answer
        }
    }

    @Test("comes back whole: empty, blank, one byte, and text that is not ASCII", arguments: TestModels.all)
    func small(model: ConcurrencyModel) async throws {
        let answer = try await session(
            model,
            """
            for text in ['', '    ', 'x', '你好, wörld — 🙂']:
                tsend_all(s, text); assert trecv_all(s) == text
            print('same')
            """)
        #expect(answer == "same\n")
    }

    @Test("comes back whole: 64 MiB", arguments: TestModels.all)
    func large(model: ConcurrencyModel) async throws {
        let answer = try await session(
            model,
            """
            data = os.urandom(1 << 20) * 64
            tsend_all(s, data); print(trecv_all(s, False) == data)
            """)
        #expect(answer == "True\n")
    }

    @Test("comes back whole: 1,000 frames in one segment", arguments: TestModels.all)
    func coalesced(model: ConcurrencyModel) async throws {
        let answer = try await session(
            model,
            """
            s.sendall(b''.join((8 + len(b)).to_bytes(8, 'big') + b for b in (b'frame %d' % i for i in range(1000))))
            print(all(trecv_all(s) == 'frame %d' % i for i in range(1000)))
            """)
        #expect(answer == "True\n")
    }

    @Test("comes back whole: a frame a byte at a time", arguments: TestModels.all)
    func dribbled(model: ConcurrencyModel) async throws {
        let answer = try await session(
            model,
            """
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = 'slowly, ü'.encode()
            for byte in (8 + len(data)).to_bytes(8, 'big') + data:
                s.sendall(bytes([byte]))
            print(trecv_all(s))
            """)
        #expect(answer == "slowly, ü\n")
    }

    @Test("comes back whole: both directions at once", arguments: TestModels.all)
    func bothDirections(model: ConcurrencyModel) async throws {
        let answer = try await session(
            model,
            """
            messages = [os.urandom(1 + i * 37 % 70000) for i in range(600)]
            sender = threading.Thread(target=lambda: [tsend_all(s, m) for m in messages])
            sender.start()
            print(all(trecv_all(s, False) == m for m in messages))
            sender.join()
            """)
        #expect(answer == "True\n")
    }

    @Test("tells a sender that counts characters what it does wrong", arguments: TestModels.all)
    func countsCharacters(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let service = try Service(["--framing", "length-prefix", "--service", "reverse"], model: model)
            _ = try python(
                Self.client + """
                    text = '你好'
                    s.sendall((len(text) + 8).to_bytes(8, 'big') + text.encode())
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(100): pass
                    """, service.port)
            service.program.signal(.terminate)
            let said = try service.program.end().error
            #expect(said.contains("characters"), "\(said)")
        }
    }
}
