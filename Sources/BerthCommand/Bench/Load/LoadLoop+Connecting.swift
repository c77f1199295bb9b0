internal import BerthSockets
internal import BerthSystem
internal import Glibc

/// Where the connections of a churning run come from, when it stays on this machine: 127.1.0.1 to 127.1.0.255 by turns.
///
/// From one address there are 28,000 ports (net.ipv4.ip_local_port_range), and each is in TIME_WAIT for a while after
/// its connection.
struct LoopbackSources {
    private let addresses: [RawSocketAddress]

    /// `nil` where the kernel's choice is good enough, or the only one.
    init?(_ plan: LoadPlan) {
        guard case .ipv4(let address, _) = plan.address, address.isLoopback else { return nil }
        guard plan.isChurning || plan.connections > 16_384 else { return nil }
        addresses = (1...255).compactMap { last in
            try? SocketAddress.ipv4(IPv4Address(bits: 0x7f01_0000 | UInt32(last)), port: 0).raw
        }
    }

    func address(_ number: UInt32) -> RawSocketAddress { addresses[Int(number) % addresses.count] }
}

extension LoadLoop {
    /// Connects slots that are empty and may be connected, as many as may be under way at once.
    mutating func openMore() {
        guard now < end else { return }
        var index = 0
        while index < slotCount, connecting < Self.mostConnecting {
            let slot = unsafe slots + index
            if unsafe slot.pointee.phase == .empty, unsafe now >= slot.pointee.retryAt { unsafe renew(slot) }
            index += 1
        }
        opened = max(opened, index)
        if !hasReportedOpen, opened == slotCount, connecting == 0 {
            hasReportedOpen = true
            collector.opened()
        }
    }

    /// An empty slot is connected, or waits for the schedule if each message has a connection of its own.
    mutating func renew(_ slot: UnsafeMutablePointer<LoadSlot>) {
        if plan.isChurning, schedule != nil {
            unsafe enqueue(slot)
        } else {
            unsafe startConnecting(slot, stamp: plan.isChurning ? now : nil)
        }
    }

    /// Begins a connection.
    ///
    /// - Parameter time: what the latency of its one message counts from, when it is churning.
    mutating func startConnecting(_ slot: UnsafeMutablePointer<LoadSlot>, stamp time: Int64?) {
        unsafe slot.pointee.begin()
        unsafe slot.pointee.progressAt = now
        if let time { unsafe stamp(slot, time) }
        do throws(Errno) {
            let socket = try Kernel.openStreamSocket(family: address.family, nonBlocking: true)
            let fd = socket.rawValue
            // The only message of a connection has nothing to wait for, unless it is of several segments.
            if plan.address.isIP, !plan.isChurning || layout.count > 1024 {
                try Kernel.setOption(fd, level: Int32(IPPROTO_TCP), name: TCP_NODELAY, to: Int32(1))
            }
            if let source {
                try Kernel.setOption(fd, level: Int32(IPPROTO_IP), name: IP_BIND_ADDRESS_NO_PORT, to: Int32(1))
                let turn = unsafe slot.pointee.connection &+ slot.pointee.generation
                try Kernel.bind(fd, to: source.address(turn))
            }
            do throws(Errno) { try Kernel.connect(fd, to: address) } catch .connecting {}
            let token = unsafe UInt64(slot.pointee.generation) << 32 | UInt64(slot - slots)
            try epoll.add(fd, [.readable, .writable, .peerFinished, .edgeTriggered], token: token)
            unsafe slot.pointee.descriptor = socket.release()
        } catch {
            unsafe fail(slot, LoadFailure(ofConnect: error), "cannot connect: \(error)")
            return
        }
        unsafe slot.pointee.phase = .connecting
        connecting += 1
    }

    /// Whether a connection is made, on its first event; failed and counted if it cannot be.
    mutating func isMade(_ slot: UnsafeMutablePointer<LoadSlot>, _ event: EpollEvents) -> Bool {
        let fd = unsafe slot.pointee.descriptor
        now = MonotonicTime.now.nanoseconds
        do throws(Errno) {
            if !event.isDisjoint(with: [.error, .hangUp]), let failure = try Kernel.pendingError(fd) { throw failure }
            // A connect to a free port of this machine may meet itself; see `ConnectingSocket`. It would echo well.
            if source == nil, plan.address.isIP, SocketAddress(try Kernel.localAddress(fd)) == plan.address {
                throw .connectionRefused
            }
        } catch {
            unsafe fail(slot, LoadFailure(ofConnect: error), "cannot connect: \(error)")
            return false
        }
        connecting -= 1
        unsafe slot.pointee.phase = .open
        if schedule != nil, !plan.isChurning { unsafe enqueue(slot) }
        return true
    }

    /// Counts a failure, and empties the slot for some time, which doubles from 50 ms to a second.
    mutating func fail(
        _ slot: UnsafeMutablePointer<LoadSlot>, _ failure: LoadFailure, _ sentence: String
    ) {
        let connection = unsafe slot.pointee.connection
        failures.count(failure) { "connection \(connection): \(sentence)" }
        let lost = unsafe slot.pointee.granted &- slot.pointee.received
        counts.lost += Int(truncatingIfNeeded: lost)
        let doublings = unsafe min(slot.pointee.failures, 5)
        unsafe slot.pointee.retryAt = now + min(1_000_000_000, Self.tick << Int64(doublings))
        unsafe slot.pointee.failures += 1
        unsafe empty(slot)
    }

    /// Closes the connection of a slot.
    mutating func empty(_ slot: UnsafeMutablePointer<LoadSlot>) {
        if unsafe slot.pointee.phase == .connecting { connecting -= 1 }
        unsafe slot.pointee.phase = .empty
        unsafe slot.pointee.generation &+= 1
        let descriptor = unsafe slot.pointee.descriptor
        unsafe slot.pointee.descriptor = -1
        if descriptor >= 0 { try? Kernel.close(descriptor) }
    }

    /// The exchange of a churning connection is complete: its slot takes the next one.
    mutating func complete(_ slot: UnsafeMutablePointer<LoadSlot>) {
        unsafe empty(slot)
        if now < end { unsafe renew(slot) }
    }
}
