import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Endpoints")
struct EndpointTests {
    @Test(
        "every way to write an endpoint is understood, and prints back",
        arguments: [
            ("127.0.0.1:80", Endpoint.Target.address(.ipv4(.loopback, port: 80)), "127.0.0.1:80"),
            ("[::1]:80", .address(.ipv6(.loopback, port: 80)), "[::1]:80"),
            (
                "[fe80::1%lo]:80", .address(.ipv6(IPv6Address(high: 0xfe80 << 48, low: 1, scope: 1), port: 80)),
                "[fe80::1%lo]:80"
            ),
            ("example.org:80", .host("example.org", port: 80), "example.org:80"),
            ("my_host.:0", .host("my_host.", port: 0), "my_host.:0"),
            (":80", .everywhere(port: 80), "*:80"), ("*:80", .everywhere(port: 80), "*:80"),
            ("80", .everywhere(port: 80), "*:80"), ("0", .everywhere(port: 0), "*:0"),
            ("unix:a.sock", .address(.unix(path: "a.sock")), "unix:a.sock"),
            ("/run/a b.sock", .address(.unix(path: "/run/a b.sock")), "/run/a b.sock"),
            ("./a:1", .address(.unix(path: "./a:1")), "./a:1"), ("../a", .address(.unix(path: "../a")), "../a"),
            ("@name", .address(.abstract(name: Array("name".utf8))), "@name"),
            ("unix:@name", .address(.abstract(name: Array("name".utf8))), "@name"),
        ])
    func forms(_ text: String, _ target: Endpoint.Target, _ printed: String) throws {
        let endpoint = try Endpoint(parsing: text)
        #expect(endpoint.target == target)
        #expect(endpoint.description == printed)
        #expect(try Endpoint(parsing: printed) == endpoint)
    }

    @Test(
        "each mistake has its own sentence",
        arguments: [
            ("", "it is empty; write HOST:PORT, :PORT or a path"),
            ("127.0.0.1", "the port is missing; write 127.0.0.1:PORT"),
            ("example.org:", "the port is missing; write example.org:PORT"),
            ("*", "the port is missing; write *:PORT"),
            ("[::1]", "the port is missing; write [::1]:PORT"),
            ("[::1]:", "the port is missing; write [::1]:PORT"),
            (":", "the port is missing; write :PORT"),
            ("127.0.0.1:http", "the port \"http\" is not a number"),
            ("127.0.0.1:-1", "the port \"-1\" is not a number"),
            ("127.0.0.1:+1", "the port \"+1\" is not a number"),
            ("[::1]:x", "the port \"x\" is not a number"),
            ("127.0.0.1:65536", "the port 65536 is above 65535"),
            ("99999999999999999999", "the port 99999999999999999999 is above 65535"),
            ("::1", "an IPv6 address is written in brackets in front of the port, as in [::1]:80"),
            ("fe80::1:80", "an IPv6 address is written in brackets in front of the port, as in [::1]:80"),
            ("[::1:80", "the bracket is not closed; an IPv6 address is written as in [::1]:80"),
            ("[::1]80", "only :PORT may follow the closing bracket"),
            ("[::g]:80", "\"::g\" is not an IPv6 address"),
            ("[127.0.0.1]:80", "\"127.0.0.1\" is not an IPv6 address"),
            ("[fe80::1%nosuch0]:80", "this machine has no network interface \"nosuch0\""),
            ("1.2.3:80", "\"1.2.3\" is not an IPv4 address: that is four numbers from 0 to 255 without leading zeros"),
            (
                "1.2.3.256:80",
                "\"1.2.3.256\" is not an IPv4 address: that is four numbers from 0 to 255 without leading zeros"
            ),
            ("bücher.example:80", "a host name is ASCII; write an international name in its xn-- form"),
            ("-a.example:80", "\"-a.example\" is not a host name"), ("a..b:80", "\"a..b\" is not a host name"),
            ("a/b:80", "\"a/b\" is not a host name"), (".:80", "\".\" is not a host name"),
            ("http://example.org:80", "it is a URL; write only HOST:PORT"),
            ("example.org: 80", "it has spaces or control characters"),
            ("a\n:80", "it has spaces or control characters"),
            ("unix:", "the path of the Unix socket is empty"), ("@", "the abstract name is empty; write @NAME"),
            ("/a\0b", "a path cannot hold a null byte"),
        ])
    func mistakes(_ text: String, _ sentence: String) {
        do {
            let endpoint = try Endpoint(parsing: text)
            Issue.record("\(endpoint.target)")
        } catch {
            #expect(error.sentence == sentence)
            #expect(error.description == "\"\(text)\" is not an address to connect to or listen on: \(sentence)")
        }
    }

    @Test("a path that does not fit is refused with its length")
    func longPath() {
        let path = "/" + String(repeating: "é", count: 60)
        #expect(throws: EndpointError(text: path, reason: .pathTooLong(121))) { try Endpoint(parsing: path) }
    }

    @Test("a wrong literal does not trap; using it says what is wrong")
    func literals() {
        let endpoint: Endpoint = "localhost"
        #expect(endpoint.mistake == EndpointError(text: "localhost", reason: .missingPort))
        let error = #expect(throws: SocketError.self) { _ = try TCPListener.listen(on: endpoint) }
        #expect(error?.description == "cannot resolve localhost: the port is missing; write localhost:PORT")
        #expect(throws: SocketError.self) { _ = try TCPSocket.connect(to: endpoint) }
    }

    @Test("a host and a port make an endpoint, numeric or not")
    func hostAndPort() throws {
        #expect(try Endpoint(host: "::1", port: 5).target == .address(.ipv6(.loopback, port: 5)))
        #expect(try Endpoint(host: "127.0.0.1", port: 5).target == .address(.ipv4(.loopback, port: 5)))
        #expect(try Endpoint(host: "a.example", port: 5).target == .host("a.example", port: 5))
        #expect(throws: EndpointError.self) { try Endpoint(host: "a b", port: 5) }
    }
}

@Suite("Resolving")
struct ResolvingTests {
    @Test(":port is every interface for a listener and loopback for a client")
    func everywhere() throws {
        let endpoint: Endpoint = ":7"
        #expect(try endpoint.resolve(for: .listening).map(\.description) == ["[::]:7", "0.0.0.0:7"])
        #expect(try endpoint.resolve(for: .connecting).map(\.description) == ["[::1]:7", "127.0.0.1:7"])
        #expect(try endpoint.resolve(family: .ipv4, for: .listening).map(\.description) == ["0.0.0.0:7"])
    }

    @Test("localhost has the loopback address of each family that is asked for")
    func localhost() throws {
        let endpoint: Endpoint = "localhost:7"
        #expect(try endpoint.resolve(family: .ipv4).map(\.description) == ["127.0.0.1:7"])
        #expect(try endpoint.resolve().allSatisfy { $0.isLoopback && $0.port == 7 })
    }

    @Test("an address of the wrong family is an error that says so")
    func wrongFamily() {
        let error = #expect(throws: SocketError.self) { try Endpoint("[::1]:7").resolve(family: .ipv4) }
        #expect(error?.description == "cannot resolve [::1]:7: it has no IPv4 address")
    }

    @Test("a lookup that blocks is given up at the deadline, and the limit counts it until it returns")
    func deadline() async throws {
        try await onThread {
            let release = Monitor(false)
            let slow: @Sendable (String, AddressFamily) throws(ResolutionFailure) -> [SocketAddress] = { _, _ in
                _ = release.wait { $0 ? true : nil }
                return []
            }
            func takePlace() {
                #expect(throws: Resolver.Failure.timedOut) {
                    _ = try Resolver.addresses(
                        of: "slow", family: .any, deadline: .after(.milliseconds(1)), lookUp: slow)
                }
            }
            for _ in 0..<Resolver.limit { takePlace() }
            // All places are taken now: this one is given up while it waits for one. A lookup of another test may have
            // had one of them and have given it back.
            var isFull = false
            for _ in 0..<100 where !isFull {
                isFull =
                    (try? Resolver.addresses(of: "localhost", family: .any, deadline: .after(.milliseconds(20)))) == nil
                if !isFull { takePlace() }
            }
            #expect(isFull)
            release.change { $0 = true }
            let found = try Resolver.addresses(of: "localhost", family: .any, deadline: .after(.seconds(240)))
            #expect(!found.isEmpty)
        }
    }

    @Test(
        "each failure of a lookup has its sentence",
        arguments: [
            (
                Resolver.Failure.notFound(ResolutionFailure(code: -2)),
                "cannot resolve x.example: there is no such host; check how the name is written"
            ),
            (
                .notFound(ResolutionFailure(code: -3)),
                "cannot resolve x.example: the name servers gave no answer; /etc/resolv.conf names them; a try later may succeed"
            ),
            (
                .notFound(ResolutionFailure(code: -4)),
                "cannot resolve x.example: Non-recoverable failure in name resolution"
            ),
            (
                .timedOut,
                "cannot resolve x.example: no answer of a name server before the deadline; /etc/resolv.conf names them"
            ),
            (
                .noThread(.wouldBlock),
                "cannot resolve x.example: no thread could be started for the lookup (EAGAIN)"
            ),
        ])
    func sentences(_ failure: Resolver.Failure, _ text: String) {
        #expect(Endpoint.error(of: failure, name: "x.example").description == text)
    }

    @Test("a name without an address of the wanted family is told apart from a mistyped one")
    func family() {
        let failure = Resolver.Failure.notFound(ResolutionFailure(code: -5))
        #expect(
            Endpoint.error(of: failure, name: "x.example", family: .ipv6).description
                == "cannot resolve x.example: there is no such host with an IPv6 address")
    }
}
