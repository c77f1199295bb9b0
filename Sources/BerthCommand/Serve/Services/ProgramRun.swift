internal import BerthEngine
internal import BerthServer
internal import BerthSystem
internal import Synchronization

/// A program that runs for a connection, from its start to its end.
///
/// Starting a program and waiting for it block. They do so on a thread of the program's own, which costs little beside a
/// process, and the handler awaits it: under event loops it must not hold up its loop, and under the other engines its own
/// thread waits meanwhile.
final class ProgramRun: Sendable {
    private let program: [String]
    private let environment: [String]
    private let connection: Int32
    private let drainSignal: Int32
    private let isCancelled = Atomic<Bool>(false)

    /// - Parameters:
    ///   - connection: the descriptor that is its standard input and output; stays open until the program has ended.
    ///   - drainSignal: readable once the service drains.
    init(program: [String], environment: [String], connection: Int32, drainSignal: Int32) {
        self.program = program
        self.environment = environment
        self.connection = connection
        self.drainSignal = drainSignal
    }

    /// Runs the program and returns when it has ended.
    ///
    /// When the service drains, the program's input ends. When the task is cancelled, the program and its children get
    /// SIGTERM, and SIGKILL two seconds later.
    func toItsEnd() async throws {
        try await withTaskCancellationHandler {
            try await onThread(named: "berth-program") { try self.runBlocking() }
        } onCancel: {
            isCancelled.store(true, ordering: .releasing)
        }
    }

    private func runBlocking() throws {
        guard let name = program.first else { return }
        let child: ChildProcess
        do throws(Errno) {
            child = try ChildProcess(
                name, arguments: program, environment: environment, input: connection, output: connection)
        } catch { throw CommandFailure(message: "cannot run \(name): \(error)") }
        try child.waitForEnd(drainSignal: drainSignal, connection: connection) {
            isCancelled.load(ordering: .acquiring)
        }
    }
}

/// A program that was started for a connection.
private struct ChildProcess {
    let pid: Int32
    /// Readable when the program has ended (`man 2 pidfd_open`).
    let ended: Int32

    init(
        _ program: String, arguments: [String], environment: [String], input: Int32, output: Int32
    ) throws(Errno) {
        pid = try Kernel.spawn(
            program, arguments: arguments, environment: environment, input: input, output: output, error: 2,
            ownGroup: true)
        do throws(Errno) { ended = try Kernel.openProcess(pid).release() } catch {
            Self.kill(pid)
            throw error
        }
    }

    /// Ends the program at once and takes note of its end, so that no zombie remains.
    private static func kill(_ pid: Int32) {
        try? Kernel.signal(group: pid, Signal.kill.rawValue)
        _ = try? Kernel.waitForEnd(of: pid)
    }

    /// Waits until the program has ended. When the service drains, the program's input ends; when the connection is cut,
    /// the program and its children get SIGTERM, and SIGKILL two seconds later.
    func waitForEnd(drainSignal: Int32, connection: Int32, isCut: () -> Bool) throws(Errno) {
        defer { try? Kernel.close(ended) }
        do throws(Errno) { try watch(drainSignal: drainSignal, connection: connection, isCut: isCut) } catch {
            Self.kill(pid)
            throw error
        }
        _ = try Kernel.waitForEnd(of: pid)
    }

    private func watch(drainSignal: Int32, connection: Int32, isCut: () -> Bool) throws(Errno) {
        var entries = [PollEntry(ended, .readable), PollEntry(drainSignal, .readable)]
        _ = try Kernel.poll(&entries, until: .never)
        if entries[0].found.isEmpty { try? Kernel.shutdown(connection, .reading) }
        while try Kernel.wait(for: .readable, on: ended, until: .after(Self.glance)).isEmpty {
            guard isCut() else { continue }
            try? Kernel.signal(group: pid, Signal.terminate.rawValue)
            if try Kernel.wait(for: .readable, on: ended, until: .after(Self.grace)).isEmpty {
                try? Kernel.signal(group: pid, Signal.kill.rawValue)
            }
        }
    }

    private static let glance: Duration = .milliseconds(100)
    private static let grace: Duration = .seconds(2)
}
