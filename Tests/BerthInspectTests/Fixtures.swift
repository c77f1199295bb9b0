import BerthInspect
import BerthSockets
import BerthSystem
import CBerth

/// Hand-made evidence, in a world where it is 09:15:00 on the 21st of November 2026.
enum Fixture {
    static let now = LocalTime(year: 2026, month: 11, day: 21, hour: 9, minute: 15, second: 0)
    static let started = ProcessRecord.Start(
        age: .seconds(149), time: LocalTime(year: 2026, month: 11, day: 21, hour: 9, minute: 12, second: 31))

    static func ipv4(_ text: String, _ port: UInt16 = 8080) -> SocketAddress {
        .ipv4(IPv4Address(text) ?? .any, port: port)
    }

    static let anyIPv6 = SocketAddress.ipv6(.any, port: 8080)
    static let peer = ipv4("192.0.2.7", 51_000)

    static func python(unit: ServiceUnit? = nil, waits: [String] = ["ep_poll"]) -> ProcessRecord {
        ProcessRecord(
            pid: 4112, parent: 1, name: "python3", arguments: ["python3", "-m", "http.server", "8080"], user: 1000,
            userName: "deploy", start: started, unit: unit, isOrphan: false, waits: waits)
    }

    static func sleep(pid: Int32 = 8428) -> ProcessRecord {
        ProcessRecord(
            pid: pid, parent: 1, name: "sleep", arguments: ["sleep", "600"], user: 1000, userName: "deploy",
            start: started, isOrphan: true, waits: ["hrtimer_nanosleep"])
    }

    static func listener(
        _ address: SocketAddress, _ owners: Reading<[SocketOwner]>, isIPv6Only: Bool? = nil, user: UInt32 = 1000,
        options: Reading<ReuseOptions> = .known(.init(.afterTimeWait))
    ) -> PortHolder {
        PortHolder(
            SocketRecord(
                local: address, state: .listen, isIPv6Only: isIPv6Only, receiveQueue: 2, sendQueue: 128, user: user,
                inode: 4711),
            owners: owners, options: options)
    }

    static func owned(_ process: ProcessRecord, _ descriptor: Int32 = 3) -> Reading<[SocketOwner]> {
        .known([SocketOwner(process: process, descriptor: descriptor)])
    }

    /// A small remnant that the kernel keeps.
    static func remnant(_ state: TCPState, left: Duration, at address: SocketAddress = ipv4("127.0.0.1")) -> PortHolder
    {
        PortHolder(
            SocketRecord(local: address, remote: peer, state: state, timer: .timeWait, timerLeft: left),
            owners: .unknown(.heldByKernel), options: .unknown(.heldByKernel))
    }

    /// A connection that a process still holds.
    static func connection(
        _ state: TCPState, at address: SocketAddress = ipv4("127.0.0.1"), to remote: SocketAddress = peer,
        lastAck: UInt32, options: ReuseOptions = .init(.afterTimeWait)
    ) -> PortHolder {
        var info = berth_tcp_info()
        info.state = state.rawValue
        info.last_ack_recv = lastAck
        info.last_data_recv = lastAck + 5_000
        info.last_data_sent = lastAck + 7_000
        return PortHolder(
            SocketRecord(local: address, remote: remote, state: state, user: 1000, inode: 4712, info: TCPInfo(info)),
            owners: owned(python(), 7), options: .known(options))
    }

    static func finding(
        _ address: SocketAddress, _ reuse: ReusePolicy = .afterTimeWait, user: UInt32 = 1000,
        isIPv6Only: Bool = false, errno: Errno = .addressInUse, holders: Reading<[PortHolder]>,
        change: (inout BindEvidence) -> Void = { _ in }
    ) -> Finding {
        var settings = HostSettings()
        settings.ephemeralPorts = .known(32_768...60_999)
        settings.firstUnprivilegedPort = .known(1024)
        settings.finTimeout = .known(.seconds(60))
        settings.addresses = .known([ipv4("127.0.0.1", 0), ipv4("10.0.0.5", 0), .ipv6(.loopback, port: 0)])
        settings.mayBindAnyPort = .known(false)
        settings.kernel = .known(.init(major: 6, minor: 18))
        var evidence = BindEvidence(
            holders: holders, settings: settings, process: 99,
            users: UserNames(names: [0: "root", 1000: "deploy", 1001: "alice"]), time: now)
        change(&evidence)
        let attempt = BindAttempt(address, options: ReuseOptions(reuse), isIPv6Only: isIPv6Only, user: user)
        return BindExplanation.finding(for: attempt, reuse: reuse, errno: errno, evidence: evidence)
    }
}
