internal import BerthSockets
internal import BerthSystem

/// The network of an experiment: its settings, its addresses, its other host, and other users.
extension Stage {
    /// Changes a setting of the network, for example `net.ipv4.tcp_fin_timeout`.
    package func set(_ setting: String, to value: Int) throws { try set(setting, to: "\(value)") }

    package func set(_ setting: String, to value: String) throws {
        try step(.server, "\(setting) = \(value)") { () throws(Errno) in
            let file = try Kernel.open("/proc/sys/\(String(setting.map { $0 == "." ? "/" : $0 }))", .write)
            let bytes = Array(value.utf8)
            let result = bytes.withUnsafeBytes { bytes in
                Result { () throws(Errno) in try unsafe Kernel.writeAll(file.rawValue, bytes) }
            }
            try result.get()
        }
    }

    /// Gives the loopback interface, or another one, more addresses.
    package func add(_ addresses: String..., to interface: String = "lo") throws {
        for text in addresses {
            try step(.server, "\(interface) also has \(text)") { () throws(Errno) in
                try Self.add(text, to: interface)
            }
        }
    }

    /// - Parameter text: an address, which is alone in its network unless a length follows: `10.0.0.1/24`.
    private static func add(_ text: String, to interface: String) throws(Errno) {
        let parts = text.split(separator: "/")
        let prefixLength = parts.count == 2 ? UInt8(parts[1]) : nil
        if let address = IPv4Address(parts[0]) {
            try NetworkInterfaces.add(address.bytes, prefixLength: prefixLength ?? 32, to: interface)
        } else if let address = IPv6Address(parts[0]) {
            let bytes = [address.high, address.low].flatMap { half in
                (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) }
            }
            try NetworkInterfaces.add(bytes, prefixLength: prefixLength ?? 128, to: interface)
        } else {
            throw .invalidArgument
        }
    }

    /// The address of this host on the cable, and that of the other one.
    package static let here = "10.0.0.1"
    package static let there = "10.0.0.2"

    /// Makes another host: a second network, with a cable to this one.
    package func addHost() throws {
        cable = try step(.server, "a cable from \(Self.here) to another host, \(Self.there)") { () throws(Errno) in
            let here = try NetworkNamespace.keepCurrent()
            try NetworkNamespace.enterNew()
            let there = try NetworkNamespace.keepCurrent()
            // Made from this host, so that its name is free of the order of the two.
            try NetworkNamespace.enter(here)
            try NetworkInterfaces.makePair("cable", "cable", farNamespace: there)
            try Self.add("\(Self.here)/24", to: "cable")
            try NetworkInterfaces.set("cable", up: true)
            try NetworkNamespace.enter(there)
            try Self.add("\(Self.there)/24", to: "cable")
            try NetworkInterfaces.set("cable", up: true)
            try NetworkNamespace.enter(here)
            return Cable(here: here, there: there)
        }
    }

    /// Does something on the other host: sockets that are made there stay there.
    package func onOtherHost<R>(_ body: () throws -> R) throws -> R {
        guard let cable else { throw LabFailure("there is no other host: call addHost first") }
        do throws(Errno) { try cable.enter(.there) } catch {
            throw StepFailure(step: "going to the other host", errno: error)
        }
        isOnOtherHost = true
        defer {
            // This thread came from there a moment ago.
            try? cable.enter(.here)
            isOnOtherHost = false
        }
        return try body()
    }

    /// Pulls the cable: neither side is told anything any more.
    package func cutCable() throws {
        try onOtherHost {
            try step(.client, "the cable is cut") { () throws(Errno) in
                try NetworkInterfaces.set("cable", up: false)
            }
        }
    }

    /// Opens sockets for another user than the experiment's, as far as the kernel's checks go.
    @discardableResult
    package func asOtherUser<R>(_ body: () throws -> R) throws -> R {
        note("as another user:")
        let result = try Kernel.asFileUser(65534) { () throws(Errno) in Result { try body() } }
        return try result.get()
    }
}

/// The two ends of a cable between two networks.
final class Cable {
    enum End { case here, there }

    private let here: Descriptor
    private let there: Descriptor

    init(here: consuming Descriptor, there: consuming Descriptor) {
        self.here = here
        self.there = there
    }

    /// Moves the calling thread to one of them.
    func enter(_ end: End) throws(Errno) {
        switch end {
        case .here: try NetworkNamespace.enter(here)
        case .there: try NetworkNamespace.enter(there)
        }
    }
}
