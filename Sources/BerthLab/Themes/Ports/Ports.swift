/// Ports and reuse.
enum Ports {
    static let all = restarts + remnants + rule + table + dualStack + sharing + datagrams + timeWait + finWait + clients
}

extension Stage {
    /// A connection that the server closed first: its TIME_WAIT is all that is left of it.
    @discardableResult
    func leaveTimeWait(
        on address: String = address, _ options: [LabOption] = [], to target: String? = nil
    ) throws -> LabSocket {
        let listener = try listener(on: address, options)
        let client = try connect(to: target ?? address)
        let server = try accept(listener)
        try close(server)
        _ = receive(client)
        try close(client)
        try close(listener)
        try expect(server, is: "TIME_WAIT")
        return server
    }
}
