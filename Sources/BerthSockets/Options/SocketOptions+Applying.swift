/// One option with the value it is to have, ready to be set on a descriptor.
struct OptionSetting: Sendable, CustomStringConvertible {
    /// The C name and the value, for example `TCP_NODELAY on`.
    let description: String
    let apply: @Sendable (_ fd: Int32, _ address: SocketAddress) throws(SocketError) -> Void

    init<Value: Sendable>(_ option: SocketOption<Value>, _ value: Value) {
        description = "\(option.name) \(option.describe(value))"
        apply = { (fd, address) throws(SocketError) in try option.write(value, to: fd, address: address) }
    }
}

extension SocketOptions {
    /// When options are set.
    enum Stage: Sendable, Hashable, CaseIterable {
        /// On a listener, before bind.
        case listening
        /// On a connection that a listener gave, as far as it did not inherit them.
        case accepted
        /// On a socket before it connects.
        case connecting
        /// On a connection that was just made, for what connecting turns back.
        case connected
    }

    /// What has to be set at `stage` on a socket of the kind of `address`.
    ///
    /// On Linux an accepted TCP socket is a copy of its listener and has all its options, so that an accept costs no
    /// further system call. TCP_QUICKACK is the exception: it is a state of the connection, which the handshake sets.
    /// An accepted Unix socket was made by the peer's connect and inherits nothing.
    func settings(at stage: Stage, for address: SocketAddress) -> [OptionSetting] {
        if stage == .connected || (stage == .accepted && address.isIP) {
            return address.isIP ? quickAck.map { [OptionSetting(.quickAck, $0)] } ?? [] : []
        }
        var list: [OptionSetting] = []
        func add<Value>(_ option: SocketOption<Value>, _ value: Value?) {
            if let value, option.scope.contains(address) { list.append(OptionSetting(option, value)) }
        }
        add(.sendBuffer, sendBuffer)
        add(.receiveBuffer, receiveBuffer)
        // SO_KEEPALIVE and SO_LINGER can be set on Unix sockets, but mean nothing there.
        guard address.isIP else { return list }
        add(.noDelay, noDelay)
        if let keepAlive {
            add(.keepAlive, true)
            add(.keepAliveIdle, keepAlive.idle)
            add(.keepAliveInterval, keepAlive.interval)
            add(.keepAliveCount, keepAlive.count)
        }
        add(.userTimeout, userTimeout)
        if let linger { list.append(OptionSetting(.linger, linger)) }
        add(.notSentLowWater, notSentLowWater)
        add(.congestionControl, congestionControl)
        switch stage {
        case .listening:
            add(.deferAccept, deferAccept)
            add(.fastOpen, fastOpen)
            add(.incomingCPU, incomingCPU)
        case .connecting:
            add(.fastOpenConnect, fastOpenConnect)
        case .accepted, .connected:
            break
        }
        return list
    }
}

extension [OptionSetting] {
    func apply(to fd: Int32, address: SocketAddress) throws(SocketError) {
        for setting in self { try setting.apply(fd, address) }
    }
}
