internal import BerthSockets
package import BerthSystem

/// Real sockets in the situation of a ``BindCase``, on a port of their own: the experiment that the bind rule is
/// compared with. Only for a private network: it binds hundreds of ports.
package struct BindScene: ~Copyable {
    /// The descriptors that keep the scene as it is; closed with it.
    private let kept: [Int32]

    deinit { for descriptor in kept { _ = Descriptor(owning: descriptor) } }

    /// - Throws: what the kernel says when the holder itself cannot be made.
    package init(_ scene: BindCase, port: UInt16) throws(Errno) {
        let address = scene.held.address.withPort(port)
        let socket = try Self.open(scene.transport, address, scene.heldOptions, isIPv6Only: scene.held.isIPv6Only)
        if scene.transport == .udp {
            // Any port will do as the peer's: a datagram socket asks nobody when it connects.
            if scene.situation == .established {
                try Kernel.connect(socket.rawValue, to: scene.held.connected.withPort(9).raw)
            }
        } else if scene.situation != .bound {
            try Kernel.listen(socket.rawValue, backlog: 4)
        }
        guard scene.transport == .tcp, scene.situation.hasPeer else {
            kept = [socket.release()]
            return
        }
        kept = try Self.connection(of: socket, at: scene.held.reached.withPort(port), in: scene.situation)
    }

    /// One connection to a listener, which is closed then, brought into its state.
    private static func connection(
        of listener: consuming Descriptor, at target: SocketAddress, in situation: BindCase.Situation
    ) throws(Errno) -> [Int32] {
        let client = try Kernel.openStreamSocket(family: target.family, nonBlocking: false)
        try Kernel.connect(client.rawValue, to: target.raw)
        var peer = RawSocketAddress()
        let server = try Kernel.accept(listener.rawValue, nonBlocking: false, peer: &peer)
        try? listener.close()
        switch situation {
        case .bound, .listening, .established: break
        case .finWait2:
            try Kernel.shutdown(server.rawValue, .writing)
            try waitForEnd(client)
        case .closeWait:
            try Kernel.shutdown(client.rawValue, .writing)
            try waitForEnd(server)
        case .timeWait:
            try Kernel.shutdown(server.rawValue, .writing)
            try waitForEnd(client)
            try? client.close()
            try waitForEnd(server)
            try? server.close()
            return []
        }
        return [server.release(), client.release()]
    }

    /// Whether the kernel lets the second socket bind, and listen where there is that.
    package static func allows(_ scene: BindCase, port: UInt16) throws(Errno) -> Bool {
        func attempt() throws(Errno) -> Bool {
            do throws(Errno) {
                let socket = try open(
                    scene.transport, scene.wanted.address.withPort(port), scene.wantedOptions,
                    isIPv6Only: scene.wanted.isIPv6Only)
                if scene.transport == .tcp { try Kernel.listen(socket.rawValue, backlog: 4) }
                return true
            } catch .addressInUse {
                return false
            }
        }
        return try scene.isOtherUser ? Kernel.asFileUser(BindCase.otherUser, attempt) : attempt()
    }

    private static func open(
        _ transport: SocketRecord.Transport, _ address: SocketAddress, _ options: ReuseOptions, isIPv6Only: Bool
    ) throws(Errno) -> Descriptor {
        let socket =
            transport == .tcp
            ? try Kernel.openStreamSocket(family: address.family, nonBlocking: false)
            : try Kernel.openDatagramSocket(family: address.family)
        let fd = socket.rawValue
        try Kernel.setSharing(
            fd, reuseAddress: options.reuseAddress, reusePort: options.reusePort,
            isIPv6Only: BindExplanation.isIPv6(address) ? isIPv6Only : nil)
        try Kernel.bind(fd, to: address.raw)
        return socket
    }

    private static func waitForEnd(_ socket: borrowing Descriptor) throws(Errno) {
        _ = try Kernel.wait(for: [.readable, .peerFinished], on: socket.rawValue, until: .after(.seconds(60)))
    }
}

extension BindCase.Form {
    /// An address of the family that the form's own traffic has, for a peer of it.
    var connected: SocketAddress {
        // An IPv6 socket that also takes IPv4 is connected by the mapped form.
        guard case .ipv4(let inner, let port) = reached, BindExplanation.isIPv6(address) else { return reached }
        return .ipv6(IPv6Address(mapping: inner), port: port)
    }
}

/// The live kernel beside the rule, case by case.
package enum BindExperiment {
    /// One comparison.
    package struct Outcome: Sendable, Hashable {
        package var scene: BindCase
        package var observed: Bool
        package var agrees: Bool { observed == scene.prediction }
    }

    /// Runs the cases on the calling thread's network, each on a port of its own from `firstPort` on. The ports lie
    /// below those of outgoing connections, which the kernel could have given to an earlier scene's client.
    package static func run(_ cases: [BindCase], firstPort: UInt16 = 2_000) throws(Errno) -> [Outcome] {
        var outcomes: [Outcome] = []
        outcomes.reserveCapacity(cases.count)
        for (index, scene) in cases.enumerated() {
            let port = firstPort + UInt16(index % 28_000)
            let made = try BindScene(scene, port: port)
            var observed = try BindScene.allows(scene, port: port)
            // A program that this process starts meanwhile holds copies of its descriptors between fork and exec: what
            // stands in the way for good is still there a moment later.
            let patience = Deadline.after(.seconds(2))
            while observed != scene.prediction, scene.prediction, !patience.hasPassed {
                observed = try BindScene.allows(scene, port: port)
            }
            outcomes.append(Outcome(scene: scene, observed: observed))
            _ = consume made
        }
        return outcomes
    }

    /// Runs `cases` in a private network of a thread of its own.
    ///
    /// - Throws: `.notPermitted` without CAP_SYS_ADMIN.
    package static func runPrivately(_ cases: [BindCase]) throws(Errno) -> [Outcome] {
        let result = Monitor<Result<[Outcome], Errno>?>(nil)
        try Thread.start(name: "bind-matrix") {
            let outcome = Result { () throws(Errno) in
                try NetworkNamespace.enterNew()
                return try run(cases)
            }
            result.change { $0 = outcome }
        }
        // Never ends without a result: the thread above always sets one.
        guard let outcome = result.wait({ $0 }) else { throw .cancelled }
        return try outcome.get()
    }
}
