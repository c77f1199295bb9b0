internal import BerthSockets
internal import BerthSystem

/// What parts of experiments do besides talking.
extension Part {
    /// Where the experiment's orders arrive: readable when there is one.
    static let orders: Int32 = 3

    /// The first of the sockets that were inherited.
    static let firstSocket: Int32 = 5

    /// How an attempt ends: `OK`, or the name of its error.
    static func outcome(_ attempt: () throws(Errno) -> Void) -> String {
        do throws(Errno) {
            try attempt()
            return "OK"
        } catch { return error.name }
    }

    /// Lowers the limit of descriptors to those that are open: what is opened next fails with EMFILE, until one of them
    /// is closed.
    ///
    /// - Returns: the limit before.
    @discardableResult
    static func useUpDescriptors() throws -> Int {
        let before = Kernel.descriptorLimit
        // The lowest number that is free: all below it are taken.
        let free = try Kernel.open("/dev/null").rawValue
        try Kernel.setDescriptorLimit(Int(free))
        return before
    }

    /// A client from an address of the machine.
    static func connect(from source: String, to target: String = Stage.address) throws -> LabSocket {
        let (source, target) = (try Stage.parse(source), try Stage.parse(target))
        let descriptor = try Kernel.openStreamSocket(family: target.family, nonBlocking: false)
        let socket = LabSocket(descriptor, name: "client", side: .client)
        try LabOption.bindAddressWithoutPort.apply(to: socket.descriptor)
        try Kernel.bind(socket.descriptor, to: source.raw)
        try Kernel.connect(socket.descriptor, to: target.raw)
        return socket
    }
}
