internal import ArgumentParser
internal import BerthInspect
internal import BerthSystem

/// Whose network is looked at, as options of a command.
struct NetworkOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Look at the network of this process, for example a container's. Needs root.", valueName: "pid"))
    var pid: Int32?

    @Option(help: ArgumentHelp("Look at this network: a name of ip netns, or a file. Needs root.", valueName: "name"))
    var netns: String?

    func validate() throws {
        if pid != nil, netns != nil { throw ValidationError("give --pid or --netns, not both.") }
        if let pid, pid <= 0 { throw ValidationError("--pid is the number of a process.") }
        if netns == "" { throw ValidationError("--netns is empty.") }
    }

    var scope: SnapshotScope { pid.map { .process($0) } ?? netns.map { .named($0) } ?? .own }

    /// Runs `body` in that network.
    ///
    /// - Throws: `CommandFailure` with exit code 3 when it cannot be looked at.
    func look<R: Sendable>(_ body: @escaping @Sendable () throws(Errno) -> R) throws -> R {
        let scope = scope
        let result: Result<R, Errno>
        do throws(Errno) { result = try scope.enter { Result(catching: body) } } catch {
            throw CommandFailure(message: scope.refusal(error), code: .blind)
        }
        do throws(Errno) { return try result.get() } catch {
            throw CommandFailure(message: "the kernel's list of sockets cannot be read: \(error)", code: .blind)
        }
    }
}

/// What `why`, `check`, `watch` and `free` are asked about.
enum InspectTarget: Equatable {
    case port(UInt16)
    case address(host: String, port: UInt16)
    case process(Int32)
    case unix(String)

    /// - Throws: `ValidationError` for what is none of them.
    init(_ text: String) throws {
        if text.hasPrefix("pid:") || text.hasPrefix("pid=") {
            guard let pid = Int32(text.dropFirst(4)), pid > 0 else {
                throw ValidationError("\"\(text)\": pid: is followed by the number of a process.")
            }
            self = .process(pid)
        } else if let number = UInt64(text) {
            // Ports end at 65535: what is larger can only be a process.
            if number > 65535, let pid = Int32(exactly: number) {
                self = .process(pid)
            } else if let port = UInt16(exactly: number), port > 0 {
                self = .port(port)
            } else {
                throw ValidationError("\"\(text)\" is neither a port (1 to 65535) nor a process.")
            }
        } else if ["/", "./", "../", "@", "unix:"].contains(where: { text.hasPrefix($0) }) {
            self = .unix(text)
        } else if let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 {
            let host = String(text[..<colon])
            self = host.isEmpty || host == "*" ? .port(port) : .address(host: host, port: port)
        } else {
            throw ValidationError(
                "\"\(text)\" is no port (8080, :8080), address ([::1]:8080), process (pid:4112) or Unix path.")
        }
    }
}
