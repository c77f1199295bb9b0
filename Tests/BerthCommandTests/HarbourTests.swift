import BerthHarbour
import BerthServer
import BerthSockets
import BerthSystem
import TestSupport
import Testing

// One after the other: each has several processes of its own.
@Suite("A harbour and its workers", .serialized)
struct HarbourTests {
    @Test("replaces its workers without a lost connection", arguments: TestModels.workers)
    func reload(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture(["--service", "echo", "--patience", "240"], model: model)
            let before = Set(try harbour.workers())
            // One that stays: its worker goes on with it.
            let stays = try harbour.connect()
            try stays.expect("hello")
            let visits = try Visits(harbour)
            for _ in 0..<3 {
                let answer = try harbour.ask("reload")
                #expect(answer.end == .exited(code: 0), "\(answer.error)")
                #expect(visits.wait(for: 3))
            }
            #expect(visits.end() == [])
            #expect(before.isDisjoint(with: try harbour.workers()))
            try stays.sendAll(Array("again".utf8), timeout: .whole(.seconds(240)))
            try stays.expect("again")
            stays.close()
            try harbour.waitForWorkers(2)
            let said = try harbour.service.stop()
            #expect(said.contains("v4 has taken over\n"))
        }
    }

    @Test("serves what was queued when all of its workers were killed", arguments: TestModels.workers)
    func killed(model: ConcurrencyModel) async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture(model: model)
            #expect(try harbour.ask("pause").end == .exited(code: 0))
            let queued = try harbour.connect()
            let second = try harbour.connect()
            for pid in try harbour.workers() { try Kernel.signal(pid, Signal.kill.rawValue) }
            #expect(try harbour.ask("resume").end == .exited(code: 0))
            try queued.expect("hello")
            try second.expect("hello")
            queued.close()
            second.close()
            let said = try harbour.service.stop()
            #expect(said.contains(" was ended by SIGKILL; another one starts "))
        }
    }

    @Test("has its workers finish and leave when it is killed, and another one takes the address at once")
    func orphaned() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture()
            let pids = try harbour.workers()
            let open = try harbour.connect()
            try open.expect("hello")
            harbour.program.signal(.kill)
            try harbour.program.waitForEnd()
            // What was open goes on meanwhile.
            try open.sendAll(Array("more".utf8), timeout: .whole(.seconds(240)))
            try open.expect("more")
            let deadline = Deadline.after(.seconds(240))
            var next: Program?
            while next == nil, !deadline.hasPassed {
                let program = try Program.berth(
                    "serve", "127.0.0.1:\(harbour.port)", "--service", "echo", "--model", "process-pool", "--workers",
                    "1")
                if program.line(containing: "is ready") != nil { next = program }
            }
            let second = try #require(next)
            let fresh = try harbour.connect()
            try fresh.expect("hello")
            fresh.close()
            open.close()
            for pid in pids { #expect(HarbourFixture.waitForEnd(of: pid)) }
            second.signal(.terminate)
            #expect(try second.end().end == .exited(code: 0))
        }
    }

    @Test("is replaced itself at SIGUSR2 without a lost connection, and goes on when the new one fails")
    func upgrade() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture(["--service", "echo", "--patience", "60"])
            let stays = try harbour.connect()
            try stays.expect("hello")
            let visits = try Visits(harbour)
            var pids = [harbour.program.pid]
            for _ in 0..<3 {
                try Kernel.signal(try #require(pids.last), Signal.user2.rawValue)
                pids.append(try Self.waitForHarbour(harbour, after: pids))
                #expect(visits.wait(for: 3))
            }
            defer { for pid in pids.dropFirst() { try? Kernel.signal(pid, Signal.kill.rawValue) } }
            #expect(visits.end() == [])
            // The first harbour is there as long as its worker, which has a connection.
            try stays.sendAll(Array("again".utf8), timeout: .whole(.seconds(240)))
            try stays.expect("again")
            stays.close()
            #expect(try harbour.program.waitForEnd() == .exited(code: 0))
            #expect(try harbour.ask("stop").end == .exited(code: 0))
            for pid in pids.dropFirst() { #expect(HarbourFixture.waitForEnd(of: pid)) }
        }
    }

    /// Waits until another harbour answers.
    private static func waitForHarbour(_ harbour: HarbourFixture, after pids: [Int32]) throws -> Int32 {
        let deadline = Deadline.after(.seconds(240))
        while !deadline.hasPassed {
            let answer = try harbour.ask("status", "--json")
            if let pid = JSONValue(parsing: answer.standard)?["pid"]?.number, !pids.contains(Int32(pid)) {
                return Int32(pid)
            }
        }
        throw Service.Failure(text: "no other harbour comes")
    }

    @Test("is told to have more or fewer workers by a verb and by signals")
    func scale() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture(model: .reusePort(workers: 2))
            let visits = try Visits(harbour)
            #expect(try harbour.ask("scale", "--workers", "1").end == .exited(code: 0))
            try harbour.waitForWorkers(1)
            #expect(visits.wait(for: 5))
            harbour.program.signal(.terminalInput)
            try harbour.waitForWorkers(2)
            harbour.program.signal(.terminalInput)
            try harbour.waitForWorkers(3)
            harbour.program.signal(.terminalOutput)
            try harbour.waitForWorkers(2)
            #expect(visits.wait(for: 5))
            #expect(visits.end() == [])
            try harbour.service.stop()
        }
    }

    @Test("reloads at SIGHUP, tells its state at SIGUSR1, and cuts everything at SIGQUIT")
    func signals() async throws {
        try await onOwnThread {
            // On a busy machine a worker may need longer than usual; the roll-out would be given up, as it should be.
            let harbour = try HarbourFixture(["--service", "echo", "--patience", "0"])
            let open = try harbour.connect()
            try open.expect("hello")
            harbour.program.signal(.user1)
            #expect(harbour.program.line(containing: "WORKER  PID") != nil)
            harbour.program.signal(.hangUp)
            let last = try #require(harbour.program.line(containing: "v2 has taken over", "v2 was given up"))
            #expect(last == "v2 has taken over")
            let late = try harbour.connect()
            try late.expect("hello")
            harbour.program.signal(.quit)
            let (end, _, _) = try harbour.program.end()
            // 1 says that somebody was cut. On a slow machine both may have been told and acknowledged all before that.
            #expect(end == .exited(code: 1) || end == .exited(code: 0))
            open.close()
            late.close()
        }
    }

    @Test("replaces a worker that was told to drain, or that was told by a signal")
    func drainOne() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture()
            let pids = try harbour.workers()
            #expect(try harbour.ask("drain", "--worker", "1").end == .exited(code: 0))
            #expect(harbour.program.line(containing: "worker 1 leaves: an operator asked for it") != nil)
            let rest = try harbour.waitForWorkers(2)
            let other = try #require(rest.first { pids.contains($0) })
            try Kernel.signal(other, Signal.terminate.rawValue)
            #expect(harbour.program.line(containing: "leaves: it was told to") != nil)
            try harbour.waitForWorkers(2)
            let answer = try harbour.ask("drain")
            #expect(answer.end == .exited(code: 0), "\(answer.error)")
            #expect(try harbour.program.end().end == .exited(code: 0))
        }
    }

    @Test("keeps the old version when a new one fails at its start")
    func brokenVersion() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture()
            let before = try harbour.workers()
            let answer = try harbour.ask("rollout", "--to", "/bin/false", "--name", "v2")
            #expect(answer.end == .exited(code: 1))
            #expect(
                answer.error
                    == "berth: v2 was given up, the old version serves: a worker of it exited with 1 before it was ready\n"
            )
            #expect(try harbour.workers() == before)
            try harbour.service.stop()
        }
    }

    @Test("has its neighbours serve what waits at a worker that is stopped")
    func rescue() async throws {
        try await onOwnThread {
            let harbour = try HarbourFixture(model: .reusePort(workers: 2))
            let victim = try harbour.workers()[0]
            try Kernel.signal(victim, Signal.stop.rawValue)
            defer { try? Kernel.signal(victim, Signal.resume.rawValue) }
            // Some of these are at its berth.
            for _ in 0..<32 {
                let socket = try harbour.connect()
                try socket.expect("hello")
                socket.close()
            }
            #expect(harbour.program.line(containing: "while nobody accepted there; 1 neighbour docks there too") != nil)
            try Kernel.signal(victim, Signal.resume.rawValue)
            try harbour.service.stop()
        }
    }
}
