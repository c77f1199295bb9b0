import BerthFraming
import BerthSystem
import Testing

@testable import BerthSockets

@Suite("Socket errors")
struct SocketErrorTests {
    static let sentences: [(SocketError, String)] = [
        (.init(.open, address: "a"), "cannot open a socket for a"),
        (.init(.resolve, address: "a"), "cannot resolve a"),
        (.init(.connect, address: "a"), "cannot connect to a"),
        (.init(.bind, address: "a"), "cannot bind a"),
        (.init(.listen, address: "a"), "cannot listen on a"),
        (.init(.accept, address: "a"), "cannot accept a connection on a"),
        (.init(.send, address: "a"), "cannot send to a"),
        (.init(.receive, address: "a"), "cannot receive from a"),
        (.init(.shutdown, address: "a"), "cannot shut down the connection with a"),
        (.init(.close, address: "a"), "cannot close the connection with a"),
        (.init(.duplicate, address: "a"), "cannot duplicate the socket of a"),
        (.init(.option("SO_X"), address: "a"), "cannot use the option SO_X on a"),
        (
            .init(.bind, address: "127.0.0.1:80", errno: .permissionDenied, hint: "be root"),
            "cannot bind 127.0.0.1:80: permission is denied (EACCES); be root"
        ),
        (.init(.bind, errno: .addressInUse, detail: "it is taken"), "cannot bind: it is taken (EADDRINUSE)"),
        (.init(.resolve, address: "a", detail: "it has no address"), "cannot resolve a: it has no address"),
        (
            .init(.send, address: "a", errno: .brokenPipe, bytesTaken: 0),
            "cannot send to a: the peer closed the connection, or sending was shut down (EPIPE)"
        ),
        (
            .init(.send, address: "a", errno: .connectionReset, bytesTaken: 1),
            "cannot send to a: the peer reset the connection (ECONNRESET), after the kernel had taken 1 byte"
        ),
        (
            .init(.send, address: "a", errno: .timedOut, hint: "look", bytesTaken: 12),
            "cannot send to a: it timed out (ETIMEDOUT), after the kernel had taken 12 bytes; look"
        ),
        (
            .deadline(.receive, address: "a", nothingHappened: "byte", within: .milliseconds(1500)),
            "cannot receive from a: no byte within 1.5 s"
        ),
        (
            .deadline(.send, address: "a", nothingHappened: "room", within: nil, bytesTaken: 3),
            "cannot send to a: no room before the deadline, after the kernel had taken 3 bytes"
        ),
    ]

    @Test("an error is one sentence: what was tried, where, why, and what to do", arguments: sentences)
    func sentence(_ error: SocketError, _ text: String) {
        #expect(error.description == text)
        #expect(StreamError.socket(error).description == text)
    }

    @Test("only a deadline of Berth says that it is one, and it is no reset")
    func isDeadline() {
        let ours = SocketError.deadline(.receive, address: nil, nothingHappened: "byte", within: nil)
        let kernels = SocketError(.receive, errno: .timedOut)
        #expect(ours.isDeadline && !ours.isPeerGone)
        #expect(!kernels.isDeadline && kernels.isPeerGone)
    }

    @Test("the errors of a peer that is gone are told from our own")
    func isPeerGone() {
        for errno in [Errno.connectionReset, .brokenPipe, .timedOut, .hostUnreachable, .networkUnreachable] {
            #expect(SocketError(.send, errno: errno).isPeerGone)
        }
        for errno in [Errno.badDescriptor, .notConnected, .wouldBlock, .outOfMemory] {
            #expect(!SocketError(.send, errno: errno).isPeerGone)
        }
        #expect(!SocketError(.send).isPeerGone)
    }

    static let durations: [(Duration, String)] = [
        (.zero, "0 ms"), (.microseconds(499), "0 ms"), (.microseconds(500), "1 ms"), (.milliseconds(250), "250 ms"),
        (.microseconds(999_499), "999 ms"), (.microseconds(999_500), "1 s"), (.seconds(1), "1 s"),
        (.milliseconds(1004), "1 s"), (.milliseconds(1010), "1.01 s"), (.milliseconds(1500), "1.5 s"),
        (.milliseconds(1994), "1.99 s"), (.milliseconds(1996), "2 s"), (.seconds(90), "90 s"),
        (.seconds(Int64.max), "9223372036.86 s"),
    ]

    @Test("durations are written for people", arguments: durations)
    func short(_ duration: Duration, _ text: String) {
        #expect(duration.short == text)
    }

    @Test("a stream error reads like its cause")
    func streamErrors() {
        #expect(
            StreamError.framing(FramingError(.truncated(have: 3, need: 10))).description
                == "the stream ended within a frame, after 3 of its 10 bytes")
        #expect(
            StreamError.ended.description
                == "the stream was ended before: nothing can be read or written any more")
    }
}
