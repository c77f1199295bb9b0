internal import BerthFraming
internal import BerthSockets
internal import BerthSystem

/// How much a send takes.
extension Limits {
    /// More than the buffers of both sides hold together.
    private static let message = 16 << 20

    static let sending = [
        Experiment(
            "send-takes-a-part",
            "A send that does not wait takes a part of the data and says how much.",
            belief: "send may return less than the data has.", .onlyIf("it does not wait, or not for ever"),
            hasDiagram: false,
            because: """
                The kernel takes what fits into the send buffer (man 2 send). The rest is the program's to send again: a \
                loop over send, or sendAll. Once the buffer is full the answer is EAGAIN.
                """
        ) { lab in
            let (_, _, server) = try lab.connection()
            let taken = try lab.send(server, count: message)
            lab.expect("bytes that the send took", taken, in: 1...(message - 1))
            try lab.settle()
            var more = 0
            let end = try lab.outcome { while true { more += try lab.untold { try lab.send(server, count: message) } } }
            lab.figure("bytes that further sends took", more)
            lab.expect("the send after the buffer is full", end, is: "EAGAIN")
        },
        Experiment(
            "send-waits-for-all",
            "A plain blocking send returns when the kernel has taken everything, however long the reader needs.",
            belief: "send may return less than the data has.", .onlyIf("it does not wait, or not for ever"),
            hasDiagram: false,
            because: """
                A blocking send waits for room until all is in the buffer; only a signal, an error or a timeout makes it \
                return early. It is a habit of Linux and no promise of POSIX, and says nothing about what was delivered.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let sending = try lab.background("the send") { () throws(Errno) in
                try server.send([UInt8](repeating: 0, count: message))
            }
            try lab.waitUntilBlocked(sending, on: server)
            var count = 0
            while count < message {
                let received = lab.untold { lab.receive(client, 1 << 20) }
                if received.bytes.isEmpty { break }
                count += received.bytes.count
            }
            lab.expect("what the send says", "\(try sending.value()) bytes", is: "\(message) bytes")
            lab.expect("what the client got", "\(count) bytes", is: "\(message) bytes")
        },
        Experiment(
            "send-timeout-takes-a-part",
            "With SO_SNDTIMEO a blocking send whose time is over returns what it has taken, and no error.",
            .answered, hasDiagram: false,
            because: """
                An error would hide that a part is on its way. Only a send that could take nothing at all says EAGAIN \
                (man 7 socket). After such a part the stream is in the middle of a message: Berth's errors say how many \
                bytes the kernel has taken.
                """
        ) { lab in
            let (_, _, server) = try lab.connection()
            try lab.step(.server, "setsockopt(server, SO_SNDTIMEO=0.1 s)") { () throws(Errno) in
                try Kernel.setSendWaitLimit(server.descriptor, to: .milliseconds(100))
            }
            let first = try lab.background("the first send") { () throws(Errno) in
                try server.send([UInt8](repeating: 0, count: message))
            }
            lab.expect("bytes that the first send took", try first.value(), in: 1...(message - 1))
            let further = try lab.background("further sends") { () throws(Errno) in
                while true { _ = try server.send([UInt8](repeating: 0, count: message)) }
            }
            lab.expect("the first send that takes nothing", further.outcome(), is: "EAGAIN")
        },
        Experiment(
            "send-timeout-whole-or-each",
            "A timeout for each send never ends a message to a slow reader; one for the whole message does.",
            belief: "sendall does not reset the timeout between its sends; tsend_all applies it to each.", .isTrue,
            hasDiagram: false,
            because: """
                Each send of a loop has its whole time again, so that a reader who takes a little now and then keeps the \
                sender for ever. Python's sendall bounds the whole since 3.5. Berth has both, named for what they bound, \
                and both say how much was taken.
                """
        ) { lab in
            let (_, client, server) = try lab.connection(client: [.receiveBuffer(4096)])
            try lab.set(server, .sendBuffer(16_384))
            let data = [UInt8](repeating: 0, count: 400_000)
            // Reads a little every few milliseconds: about a second for everything.
            let reading = try lab.background("the slow reader") { () throws(Errno) in
                var count = 0
                while true {
                    let bytes = try client.receive(8192)
                    if bytes.isEmpty { return count }
                    count += bytes.count
                    try Kernel.pause(.milliseconds(10))
                }
            }
            let socket = try server.takenByBerth()
            let each = try lab.berth("sendAll(timeout: .perCall(10 s))") {
                sendAll(data, on: socket, .perCall(.seconds(10)))
            }
            lab.expect("the send with a timeout for each call", each, is: "OK")
            let whole = try lab.berth("sendAll(timeout: .whole(0.1 s))") {
                sendAll(data, on: socket, .whole(.milliseconds(100)))
            }
            lab.expect("the send with one for the whole", whole, is: "its time is over, after a part")
            socket.close()
            lab.expect("what the reader got", try reading.value(), in: data.count...(2 * data.count - 1), unit: "bytes")
        },
        Experiment(
            "send-worked-nobody-read",
            "A send that worked says that the kernel has the data, not that anybody gets it.",
            belief: "When send returns, the data was sent.", .isFalse, pages: ["rst"], hasDiagram: false,
            because: """
                send copies into a buffer. What becomes of it is only known by what the other side says: an answer of its \
                protocol, or its FIN after ours. TCP's acknowledgement goes to the kernel, and not even that one says that \
                the program there has read anything.
                """
        ) { lab in
            let (_, client, server) = try lab.connection()
            let taken = try lab.send(server, count: message)
            try lab.close(client)
            lab.figure("bytes that the send took", taken)
            try lab.expect(server, is: "gone")
            try lab.expect("the next send", is: "ECONNRESET") { try lab.send(server, "more") }
        },
    ]

    private static func sendAll(_ data: [UInt8], on socket: borrowing TCPSocket, _ timeout: SendTimeout) -> String {
        do throws(SocketError) {
            try socket.sendAll(data, timeout: timeout)
            return "OK"
        } catch {
            let taken = error.bytesTaken ?? 0
            let part = taken == 0 ? "nothing" : taken < data.count ? "a part" : "all"
            return error.isDeadline ? "its time is over, after \(part)" : "\(error)"
        }
    }
}
