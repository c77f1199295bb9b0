import BerthSockets
import BerthSystem
import TestSupport
import Testing

@testable import BerthHarbour

@Suite("What service managers hand over and are told")
struct ActivationTests {
    private func read(_ variables: [String: String]) throws -> ListenEnvironment? {
        try ListenEnvironment(processID: 42) { variables[$0] }
    }

    @Test("descriptors are those of LISTEN_FDS, from 3 on, with their names")
    func good() throws {
        #expect(try read([:]) == nil)
        #expect(try read(["LISTEN_PID": "42", "LISTEN_FDS": "0"]) == nil)
        // A child inherits the variables of its parent, and not the descriptors.
        #expect(try read(["LISTEN_PID": "41", "LISTEN_FDS": "1"]) == nil)
        let one = try #require(try read(["LISTEN_PID": "42", "LISTEN_FDS": "1"]))
        #expect(one.descriptors == 3..<4 && one.names == nil)
        let two = try #require(try read(["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:"]))
        #expect(two.descriptors == 3..<5 && two.names == ["web", ""])
    }

    @Test("variables that contradict themselves are told in one sentence")
    func bad() {
        let cases: [([String: String], String)] = [
            (["LISTEN_PID": "me", "LISTEN_FDS": "1"], "LISTEN_PID is \"me\", not a process id"),
            (["LISTEN_PID": "-1", "LISTEN_FDS": "1"], "LISTEN_PID is \"-1\", not a process id"),
            (["LISTEN_PID": "42", "LISTEN_FDS": ""], "LISTEN_FDS is \"\", not a number of descriptors"),
            (["LISTEN_PID": "42", "LISTEN_FDS": "-3"], "LISTEN_FDS is \"-3\", not a number of descriptors"),
            (
                ["LISTEN_PID": "42", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a"],
                "LISTEN_FDNAMES has 1 names for 2 descriptors"
            ),
        ]
        for (variables, sentence) in cases {
            let error = #expect(throws: SocketError.self) { _ = try read(variables) }
            #expect(
                error?.description
                    == "cannot listen on the sockets that were handed over: \(sentence); see man 3 sd_listen_fds")
        }
    }

    @Test("states are the lines of sd_notify, and no text begins another line")
    func lines() {
        let cases: [(ServiceNotifier.State, String)] = [
            (.ready, "READY=1"), (.stopping, "STOPPING=1"), (.watchdog, "WATCHDOG=1"), (.mainProcess(7), "MAINPID=7"),
            (.reloading(MonotonicTime(nanoseconds: 5_000_000)), "RELOADING=1\nMONOTONIC_USEC=5000"),
            (.status("two workers\nMAINPID=1"), "STATUS=two workers MAINPID=1"),
        ]
        for (state, line) in cases { #expect(state.line == line) }
    }

    @Test("states reach the socket that NOTIFY_SOCKET names")
    func notifies() throws {
        let socket = try NotifySocket()
        let notifier = ServiceNotifier(processID: 1) { $0 == "NOTIFY_SOCKET" ? socket.name : nil }
        notifier.tell(.status("begins"))
        #expect(!socket.hear().contains(.ready))
        notifier.tell(.ready, .status("serves"))
        #expect(socket.hear().contains(.ready))
        #expect(!socket.hear().contains(.ready))
    }

    @Test("the watchdog is told twice in its time, and only when it is ours")
    func watchdog() {
        func interval(_ variables: [String: String]) -> Duration? {
            ServiceNotifier(processID: 42) { variables[$0] }.watchdogInterval
        }
        let socket = ["NOTIFY_SOCKET": "@x"]
        #expect(interval(socket) == nil)
        #expect(interval(socket.merging(["WATCHDOG_USEC": "3000000"]) { $1 }) == .milliseconds(1500))
        #expect(
            interval(socket.merging(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "42"]) { $1 }) == .milliseconds(1500))
        #expect(interval(socket.merging(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "41"]) { $1 }) == nil)
        #expect(interval(["WATCHDOG_USEC": "3000000"]) == nil)
    }
}
