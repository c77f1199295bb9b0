package import BerthSockets
package import BerthSystem

/// Who holds a socket: copies of descriptors, other programs, and Berth.
extension Stage {
    /// A second descriptor of the same socket, as `dup(2)` and `fork(2)` make them.
    package func duplicate(_ socket: LabSocket, _ name: String) throws -> LabSocket {
        let number = try step(socket.side, "\(name) = dup(\(socket.name))") { () throws(Errno) in
            try Kernel.duplicate(socket.descriptor).release()
        }
        let copy = LabSocket(Descriptor(owning: number), name: name, side: socket.side)
        copy.learnAddresses(remote: socket.remote)
        // In front, so that states and packets, which both share, keep the name of the first.
        sockets.insert(copy, at: 0)
        return copy
    }

    /// Whether a program that is executed from now on inherits the descriptor. Those of the lab are close-on-exec from
    /// their birth, as all of Berth's are.
    package func setCloseOnExec(_ socket: LabSocket, _ closeOnExec: Bool) throws {
        try step(socket.side, "fcntl(\(socket.name), F_SETFD, \(closeOnExec ? "FD_CLOEXEC" : "0"))") {
            () throws(Errno) in try Kernel.setCloseOnExec(socket.descriptor, closeOnExec)
        }
    }

    /// Executes a program of the system, which has every descriptor that is not close-on-exec and does nothing.
    package func program() throws -> LabProgram {
        try step(.server, "a program is executed", atEnd: true) { () throws(Errno) in try LabProgram() }
    }

    /// Ends it, and waits until it is gone.
    package func end(_ program: LabProgram) {
        program.end()
        note("the program ends")
        look()
    }

    /// Has Berth do something, and records how that went.
    package func berth<R: ~Copyable>(
        _ text: String, on side: Trace.Side = .server, _ body: () throws -> R
    ) throws -> R {
        do {
            let result = try body()
            tell(.call(side, "Berth: \(text)"))
            look()
            return result
        } catch {
            tell(.call(side, "Berth: \(text): \(error)"))
            look()
            throw error
        }
    }
}

/// A program that is no part of an experiment, and inherits what it is not kept from.
package final class LabProgram {
    private let pid: Int32
    /// What it reads, which ends with this object and with the lab.
    private let input: Descriptor
    private var isEnded = false

    init() throws(Errno) {
        let input = try Kernel.pipe()
        pid = try Kernel.spawn(
            "cat", arguments: ["cat"], environment: Kernel.environment, input: input.reading.rawValue, output: 1,
            error: 2, closesOthers: false)
        self.input = try input.writing.duplicate()
    }

    deinit { end() }

    func end() {
        if isEnded { return }
        isEnded = true
        try? Kernel.signal(pid, Signal.kill.rawValue)
        _ = try? Kernel.waitForEnd(of: pid)
    }
}

extension LabSocket {
    /// Gives the socket to Berth, which owns it from then on.
    package func takenByBerth() throws(Errno) -> TCPSocket {
        guard let remote, let number = release() else { throw .badDescriptor }
        return TCPSocket(descriptor: Descriptor(owning: number), peer: remote)
    }

    /// Gives its descriptor away; `nil` when it has none.
    private func release() -> Int32? {
        state.withLock { state in
            defer { state.descriptor = nil }
            return state.descriptor
        }
    }
}
