/// One diagnosis: what is wrong, how sure that is and from what, what it means, what to do, how to check it.
///
/// Printed (``description``) as
///
///     error[B001]: 127.0.0.1:8080 is already listened on by python3 (pid 4112, user root, since 09:12:31, 3 min ago)
///     evidence: it listens on 0.0.0.0:8080, which covers 127.0.0.1:8080; accept queue 0 of 128 (sock_diag: LISTEN, …)
///     means: a listening socket has its address for itself; SO_REUSEADDR passes over old connections only.
///     fix: 1. end it: kill 4112
///          2. bind another port, or port 0 for one that is free
///     verify: ss -Htanp 'sport = :8080' (prints nothing once the port is free)
///     confidence: certain
public struct Finding: Sendable, Hashable {
    /// How bad it is.
    public enum Severity: String, Sendable, Hashable, CaseIterable {
        case error, warning, note
    }

    /// How sure it is.
    public enum Confidence: String, Sendable, Hashable, CaseIterable {
        /// The kernel says so.
        case certain
        /// It fits, and what else would fit is rare.
        case likely
        /// It fits, like other things.
        case possible
    }

    /// Something that was seen, and where.
    public struct Evidence: Sendable, Hashable {
        public var text: String
        /// Where it was read: a file of `/proc`, `sock_diag`, a system call.
        public var source: String

        public init(_ text: String, source: String) {
            self.text = text
            self.source = source
        }
    }

    public var code: FindingCode
    public var severity: Severity
    public var confidence: Confidence
    /// What is wrong, with the address.
    public var headline: String
    public var evidence: [Evidence]
    /// What could not be looked at, and why: `the owner of inode 4711: no permission`.
    public var gaps: [String]
    /// One sentence.
    public var meaning: String
    /// What to do, the most harmless first, with the exact command or code.
    public var fixes: [String]
    /// One command that shows whether it is over.
    public var verification: String?
    /// What would show that the finding is wrong; `nil` for a certain one.
    public var disproof: String?
    /// One sentence for the end of an error message.
    public var summary: String

    public init(
        code: FindingCode, severity: Severity = .error, confidence: Confidence = .certain, headline: String,
        evidence: [Evidence] = [], gaps: [String] = [], meaning: String, fixes: [String] = [],
        verification: String? = nil, disproof: String? = nil, summary: String
    ) {
        self.code = code
        self.severity = severity
        self.confidence = confidence
        self.headline = headline
        self.evidence = evidence
        self.gaps = gaps
        self.meaning = meaning
        self.fixes = fixes
        self.verification = verification
        self.disproof = disproof
        self.summary = summary
    }
}

/// The number of a kind of finding, by which its long page is found.
public struct FindingCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    /// The port is held by another server.
    public static let portInUse = FindingCode(rawValue: "B001")
    /// The port is held by a process that inherited the socket from a server that is gone.
    public static let inheritedListener = FindingCode(rawValue: "B002")
    /// Nobody listens, but connections of an earlier server hold the port.
    public static let leftovers = FindingCode(rawValue: "B003")
    /// An IPv6 socket for both families and an IPv4 one claim the same port.
    public static let dualStackOverlap = FindingCode(rawValue: "B004")
    /// No local port is left.
    public static let portsExhausted = FindingCode(rawValue: "B013")
    /// The address cannot be bound at all: no right to, or not an address of this machine.
    public static let bindRefused = FindingCode(rawValue: "B022")
    /// An outgoing connection of some program uses the port.
    public static let outgoingConnection = FindingCode(rawValue: "B026")
    /// The kernel says "in use", and nothing that can be seen uses the port.
    public static let nothingVisible = FindingCode(rawValue: "B027")
    /// The file of a Unix socket is left over from a server that is gone.
    public static let leftoverSocketFile = FindingCode(rawValue: "B028")
}

extension FindingCode {
    /// Several listeners of different programs share one address by SO_REUSEPORT.
    public static let silentDuplicate = FindingCode(rawValue: "B005")
    /// The accept queue is full: the kernel drops connection attempts.
    public static let queueOverflow = FindingCode(rawValue: "B006")
    /// The kernel gave a listener less backlog than it may have asked for.
    public static let backlogClamped = FindingCode(rawValue: "B007")
    /// Half-open handshakes fill the SYN queue.
    public static let synFlood = FindingCode(rawValue: "B008")
    /// A process is out of descriptors, or nearly so.
    public static let descriptorsOut = FindingCode(rawValue: "B009")
    /// Connections wait, and nobody accepts them.
    public static let acceptorStuck = FindingCode(rawValue: "B010")
    /// Connections that the peer has ended are kept open.
    public static let closeWaitLeak = FindingCode(rawValue: "B011")
    /// More connections in TIME_WAIT, or without a process, than the kernel keeps.
    public static let remnantPile = FindingCode(rawValue: "B012")
    /// Connections are reset because they were closed with input unread.
    public static let resetByUnread = FindingCode(rawValue: "B014")
    /// Connections are reset because SO_LINGER is on with 0 seconds.
    public static let resetByLinger = FindingCode(rawValue: "B015")
    /// SIGPIPE would end a server at its next write to a peer that has gone.
    public static let brokenPipeKills = FindingCode(rawValue: "B016")
    /// A member of a SO_REUSEPORT group takes its queue with it when it closes.
    public static let groupMemberStops = FindingCode(rawValue: "B017")
    /// Peers that have vanished are kept as connections.
    public static let halfOpen = FindingCode(rawValue: "B018")
    /// One side does not read, and memory fills.
    public static let slowPeer = FindingCode(rawValue: "B019")
    /// Small writes wait for delayed acknowledgements: stalls of 40 ms.
    public static let delayedAcks = FindingCode(rawValue: "B020")
    /// A server in a container listens on loopback only.
    public static let loopbackOnly = FindingCode(rawValue: "B021")
    /// A listener was closed with connections in its queue.
    public static let listenerStopped = FindingCode(rawValue: "B023")
    /// The table of the firewall's connection tracking is full.
    public static let conntrackFull = FindingCode(rawValue: "B024")
    /// Segments are lost, or TCP is short of memory.
    public static let lossOrPressure = FindingCode(rawValue: "B025")
}
