internal import ArgumentParser
internal import BerthSockets
internal import BerthSystem

/// `berth send`.
struct SendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send files to `berth receive`, or to `berth serve --service store`.",
        discussion: """
            Files of any size, one after the other on one connection, checked by SHA-256. The last argument is the
            address. A file that fails does not keep the others from being sent; the exit code is then 1.

            The protocol is described in docs/file-transfer.md: frames with a length of 8 bytes.

            EXAMPLES
              berth send report.pdf 192.0.2.7:12346
              berth send *.log :12346 --resume
              berth send build.log :12346 --name build-4711.log
            """)

    @Argument(
        help: ArgumentHelp(
            "The files, and then where to: HOST:PORT, :PORT (loopback), [IPV6]:PORT.", valueName: "file… address"))
    var words: [String]

    @Flag(help: "Continue transfers that were cut, where the receiver has the beginning of the same file.")
    var resume = false

    @Option(help: ArgumentHelp("What the file is called on the other side; for a single file.", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("Give up connecting after so long.", valueName: "seconds"))
    var within: Double = 10

    @Flag(help: "Write a line of JSON for each file.")
    var json = false

    /// The files and the address.
    private func plan() throws -> (files: [String], address: Endpoint) {
        guard let last = words.last, words.count >= 2 else {
            throw ValidationError("Give the files and then the address, as in: berth send report.pdf 127.0.0.1:12346")
        }
        do throws(EndpointError) { return (Array(words.dropLast()), try Endpoint(parsing: last)) } catch {
            throw ValidationError("The last argument is the address, and \(error).")
        }
    }

    func validate() throws {
        let (files, address) = try plan()
        if address.port == 0 { throw ValidationError("port 0 can be listened on, but not connected to.") }
        if !(0.001...86_400).contains(within) { throw ValidationError("--within is between 0.001 and 86400 seconds.") }
        guard let name else { return }
        if files.count > 1 { throw ValidationError("--name is for a single file, and there are \(files.count).") }
        do throws(TransferError) { _ = try TransferName(name) } catch {
            throw ValidationError("--name: \(error.sentence).")
        }
    }

    func run() throws {
        let (paths, address) = try plan()
        let reporter = TransferReporter(verb: "sent", asJSON: json)
        // All files are looked at first: a mistyped name is told before anything is connected or sent.
        var sources: [SourceFile] = []
        for path in paths {
            do throws(TransferError) { sources.append(try SourceFile(path: path, name: name)) } catch {
                reporter.fail(path, error)
            }
        }
        if !sources.isEmpty { try send(sources, to: address, reporter) }
        if reporter.hasFailed { throw ExitCode(BerthTool.Code.failure.rawValue) }
    }

    private func send(_ sources: [SourceFile], to address: Endpoint, _ reporter: TransferReporter) throws {
        // sendfile(2) raises SIGPIPE when the receiver is gone.
        Kernel.ignoreBrokenPipes()
        let socket: TCPSocket
        do throws(SocketError) { socket = try TCPSocket.connect(to: address, within: .seconds(within)) } catch {
            throw CommandFailure(message: error.description)
        }
        let session = SendingSession(socket, resumes: resume, observer: reporter.observer())
        for (index, source) in sources.enumerated() where !session.send(source) {
            for left in sources.dropFirst(index + 1) {
                reporter.fail(left.path, TransferError("the connection had ended before its turn"))
            }
            break
        }
        session.end()
    }
}
