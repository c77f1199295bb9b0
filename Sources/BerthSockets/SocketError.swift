package import BerthFraming
public import BerthSystem

/// Why an operation on a socket failed: what was tried, on which address, with which error number, in one sentence.
public struct SocketError: Error, Sendable {
    /// What was tried.
    public enum Operation: Sendable, Hashable {
        case open, resolve, connect, bind, listen, serve, accept, send, receive, shutdown, close, duplicate
        /// A socket option, by its C name.
        case option(String)
    }

    public var operation: Operation { contents.operation }
    /// The address concerned, as people write it.
    public var address: String? { contents.address }
    /// The error number; `nil` when the failure is none of the kernel's, such as a deadline that passed.
    public var errno: Errno? { contents.errno }
    /// What happened, in place of the error number's own sentence.
    public var detail: String? {
        get { contents.detail }
        set { change { $0.detail = newValue } }
    }
    /// What to do about it.
    public var hint: String? {
        get { contents.hint }
        set { change { $0.hint = newValue } }
    }
    /// The addresses that a connect tried, each with its own failure.
    public var attempts: [ConnectAttempt] {
        get { contents.attempts }
        set { change { $0.attempts = newValue } }
    }
    /// How many bytes of a message the kernel had taken before sending it failed. They may have reached the peer. `nil`
    /// for all that does not send.
    public var bytesTaken: Int? {
        get { contents.bytesTaken }
        set { change { $0.bytesTaken = newValue } }
    }
    /// Whether a deadline of Berth passed, as opposed to the kernel giving up with ETIMEDOUT.
    public var isDeadline: Bool { contents.isDeadline }
    /// Which deadline of a connection passed; `nil` for other errors, and for a deadline that was set for one call.
    public var deadline: ConnectionDeadline? { contents.deadline }
    /// Whether more was written than may wait for a peer that does not read.
    public var isOutputLimit: Bool { contents.isOutputLimit }

    // In a box: an error is one word, so that what may throw one needs no room for it.
    private var box: Box
    private var contents: Contents { box.contents }

    private struct Contents: Sendable {
        var operation: Operation
        var address: String?
        var errno: Errno?
        var detail: String?
        var hint: String?
        var attempts: [ConnectAttempt]
        var bytesTaken: Int?
        var isDeadline = false
        var deadline: ConnectionDeadline?
        var isOutputLimit = false
    }

    private final class Box: Sendable {
        let contents: Contents
        init(_ contents: Contents) { self.contents = contents }
    }

    public init(
        _ operation: Operation, address: String? = nil, errno: Errno? = nil, detail: String? = nil,
        hint: String? = nil, attempts: [ConnectAttempt] = [], bytesTaken: Int? = nil
    ) {
        box = Box(
            Contents(
                operation: operation, address: address, errno: errno, detail: detail, hint: hint, attempts: attempts,
                bytesTaken: bytesTaken))
    }

    private mutating func change(_ body: (inout Contents) -> Void) {
        var contents = box.contents
        body(&contents)
        box = Box(contents)
    }
}

extension SocketError: CustomStringConvertible {
    /// One sentence, for example
    /// `cannot bind 127.0.0.1:80: permission is denied (EACCES); ports below 1024 need CAP_NET_BIND_SERVICE`.
    public var description: String {
        let place = address.map { " \($0)" } ?? ""
        var text = "cannot \(operation.phrase)\(place)"
        switch (detail, errno) {
        case (let detail?, let errno?): text += ": \(detail) (\(errno.name))"
        case (let detail?, nil): text += ": \(detail)"
        case (nil, let errno?): text += ": \(errno)"
        case (nil, nil): break
        }
        if let bytesTaken, bytesTaken > 0 {
            text += ", after the kernel had taken \(bytesTaken) \(bytesTaken == 1 ? "byte" : "bytes")"
        }
        if let hint { text += "; \(hint)" }
        return text
    }
}

extension SocketError.Operation {
    /// How it reads after "cannot".
    var phrase: String {
        switch self {
        case .open: "open a socket for"
        case .resolve: "resolve"
        case .connect: "connect to"
        case .bind: "bind"
        case .listen: "listen on"
        case .serve: "serve on"
        case .accept: "accept a connection on"
        case .send: "send to"
        case .receive: "receive from"
        case .shutdown: "shut down the connection with"
        case .close: "close the connection with"
        case .duplicate: "duplicate the socket of"
        case .option(let name): "use the option \(name) on"
        }
    }
}

extension SocketError {
    /// Whether the peer ended the connection with an RST, or went away, or cannot be reached any more: there is nobody
    /// to talk to, and nothing of ours to mend.
    public var isPeerGone: Bool {
        switch errno {
        case .connectionReset?, .brokenPipe?, .timedOut?, .hostUnreachable?, .networkUnreachable?: detail == nil
        default: false
        }
    }

    /// The error of a deadline of Berth: what did not happen, within what time.
    package static func deadline(
        _ operation: Operation, address: String?, nothingHappened what: String, within time: Duration?,
        bytesTaken: Int? = nil, of deadline: ConnectionDeadline? = nil
    ) -> SocketError {
        let limit = time.map { "within \($0.short)" } ?? "before the deadline"
        var error = SocketError(operation, address: address, detail: "no \(what) \(limit)", bytesTaken: bytesTaken)
        error.change {
            $0.isDeadline = true
            $0.deadline = deadline
        }
        return error
    }

    /// The error of a deadline of a connection, in its own words: `the connection is older than 1 h`.
    package static func deadline(
        _ deadline: ConnectionDeadline, _ operation: Operation, address: String?, detail: String
    ) -> SocketError {
        var error = SocketError(operation, address: address, detail: detail)
        error.change {
            $0.isDeadline = true
            $0.deadline = deadline
        }
        return error
    }

    /// The error of a service that writes more than its peer reads.
    package static func outputLimit(address: String?, unsent: Int, limit: ByteCount) -> SocketError {
        var error = SocketError(
            .send, address: address,
            detail: "\(unsent) bytes wait for the peer to read, more than the \(limit) that may", bytesTaken: 0)
        error.change { $0.isOutputLimit = true }
        return error
    }
}

extension Duration {
    /// The duration as people write it, for example `30 s`, `1.5 s`, `250 ms`.
    package var short: String {
        let (whole, rest) = wholeNanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        let milliseconds = rest >= 500_000 ? whole + 1 : whole
        if milliseconds < 1000 { return "\(milliseconds) ms" }
        if milliseconds % 1000 == 0 { return "\(milliseconds / 1000) s" }
        let hundredths = (milliseconds + 5) / 10
        let fraction = hundredths % 100
        if fraction == 0 { return "\(hundredths / 100) s" }
        let digits = fraction % 10 == 0 ? "\(fraction / 10)" : (fraction < 10 ? "0\(fraction)" : "\(fraction)")
        return "\(hundredths / 100).\(digits) s"
    }
}
