import TestSupport
import Testing

@testable import BerthSystem

@Suite("Descriptors")
struct DescriptorTests {
    @Test("a descriptor is closed when its owner ends")
    func closesAtEnd() throws {
        let pipe = try Kernel.pipe()
        let inode = try Kernel.status(pipe.reading.rawValue).inode
        var number: Int32 = -1
        do {
            let copy = try pipe.reading.duplicate()
            number = copy.rawValue
            #expect(isOpen(number, inode: inode))
            _ = consume copy
        }
        #expect(!isOpen(number, inode: inode))
        #expect(isOpen(pipe.reading.rawValue, inode: inode))
    }

    #if BERTH_FAULTS
    @Test("closing explicitly closes once, and reports what close(2) says")
    func closesOnce() throws {
        let one = try openDescriptor()
        let two = try openDescriptor()
        // A second close of `one` would meet the fault, and nobody would see it.
        let error = #expect(throws: Errno.self) {
            try SyscallFaults.onThisThread(.close, after: 1, .fail(.ioError)) { () throws(Errno) in
                try Descriptor(owning: one).close()
                try Descriptor(owning: two).close()
            }
        }
        #expect(error == .ioError)
    }
    #endif

    @Test("a released descriptor stays open, and is the caller's")
    func release() throws {
        let pipe = try Kernel.pipe()
        let inode = try Kernel.status(pipe.reading.rawValue).inode
        let number = try pipe.reading.duplicate().release()
        #expect(isOpen(number, inode: inode))
        try Kernel.close(number)
        #expect(!isOpen(number, inode: inode))
    }

    @Test("every descriptor is close-on-exec, whatever made it")
    func closeOnExec() throws {
        var made: [(String, Int32)] = []
        let socket = try Kernel.openStreamSocket(family: 2, nonBlocking: false)
        let nonBlocking = try Kernel.openStreamSocket(family: 2, nonBlocking: true)
        try Kernel.listen(socket.rawValue, backlog: 1)
        let address = try Kernel.localAddress(socket.rawValue)
        let client = try Kernel.openStreamSocket(family: 2, nonBlocking: false)
        try Kernel.connect(client.rawValue, to: address)
        var peer = RawSocketAddress()
        let accepted = try Kernel.accept(socket.rawValue, nonBlocking: false, peer: &peer)
        let duplicate = try accepted.duplicate()
        let foreign = try Kernel.duplicate(descriptor: accepted.rawValue, ofProcess: Kernel.processID)
        let pipe = try Kernel.pipe()
        let wakeUp = try WakeUp()
        let file = try Kernel.open("/dev/null")
        let directory = try Kernel.open("/proc", .directory)
        let process = try Kernel.openProcess(Kernel.processID)
        made.append(("socket", socket.rawValue))
        made.append(("non-blocking socket", nonBlocking.rawValue))
        made.append(("accept", accepted.rawValue))
        made.append(("duplicate", duplicate.rawValue))
        made.append(("pidfd_getfd", foreign.rawValue))
        made.append(("pipe, reading", pipe.reading.rawValue))
        made.append(("pipe, writing", pipe.writing.rawValue))
        made.append(("eventfd", wakeUp.descriptor.rawValue))
        made.append(("open", file.rawValue))
        made.append(("open in a directory", directory.rawValue))
        made.append(("pidfd_open", process.rawValue))
        for (maker, number) in made {
            #expect(isCloseOnExec(number), "\(maker)")
            let flags = String(decoding: try Kernel.contents(of: "/proc/self/fdinfo/\(number)"), as: UTF8.self)
                .split(separator: "\n").first { $0.hasPrefix("flags:") }?.split(separator: "\t").last
            let bits = try #require(flags.flatMap { Int($0, radix: 8) })
            #expect(bits & 0o2000000 != 0, "O_CLOEXEC in fdinfo: \(maker)")
        }
    }

    @Test("a duplicate does not use the numbers of standard input, output and error")
    func duplicateNumbers() throws {
        let pipe = try Kernel.pipe()
        let high = try Kernel.duplicate(pipe.reading.rawValue, lowest: 700)
        #expect(try pipe.reading.duplicate().rawValue >= 3)
        #expect(high.rawValue >= 700)
    }

    @Test("the blocking mode is set and reset, and the old one is returned")
    func blockingMode() throws {
        let pipe = try Kernel.pipe()
        let number = pipe.reading.rawValue
        #expect(try Kernel.setNonBlocking(number, true) == false)
        #expect(throws: Errno.wouldBlock) { try readBytes(number) }
        #expect(try Kernel.setNonBlocking(number, false) == true)
        #expect(try Kernel.setNonBlocking(number, false) == false)
    }

    @Test("a small file is read whole, and never more than the limit")
    func contents() throws {
        #expect(try Kernel.contents(of: "/proc/self/comm").last == 0x0A)
        #expect(try Kernel.contents(of: "/dev/zero", limit: 10).count == 10)
        #expect(try Kernel.contents(of: "/dev/zero", limit: 40_000).count == 40_000)
        #expect(throws: Errno.noSuchFile) { try Kernel.contents(of: "/proc/none") }
        #expect(throws: Errno.isADirectory) { try Kernel.contents(of: "/proc") }
    }

    @Test("the names in a directory are complete, without . and ..")
    func names() throws {
        let names = try Kernel.names(inDirectory: "/proc/self")
        #expect(names.contains("fd") && names.contains("status"))
        #expect(!names.contains(".") && !names.contains(".."))
        #expect(throws: Errno.noSuchFile) { try Kernel.names(inDirectory: "/proc/none") }
        #expect(throws: Errno.notADirectory) { try Kernel.names(inDirectory: "/proc/self/status") }
    }
}
