import BerthSystem
import Glibc
import TestSupport

/// Runs a test that blocks on a thread of its own.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await onOwnThread(body)
}

/// Whether an exec'd program would not inherit the descriptor.
func isCloseOnExec(_ fd: Int32) -> Bool {
    let flags = fcntl(fd, F_GETFD)
    return flags >= 0 && flags & FD_CLOEXEC != 0
}

/// Whether a descriptor of this number is open and belongs to the file with this inode: other tests open and close
/// descriptors meanwhile, so that the number alone says nothing.
func isOpen(_ fd: Int32, inode: UInt64) -> Bool {
    guard let status = try? Kernel.status(fd) else { return false }
    return status.inode == inode
}

/// One line of `/proc/PID/status`, the name taken off.
func processStatus(_ pid: Int32, _ name: String) throws -> String? {
    let text = String(decoding: try Kernel.contents(of: "/proc/\(pid)/status"), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
    return line.map { String($0.dropFirst(name.count + 1).drop { $0 == "\t" || $0 == " " }) }
}

func writeByte(_ byte: UInt8, to fd: Int32) throws {
    try withUnsafeBytes(of: byte) { try Kernel.writeAll(fd, $0) }
}

func readBytes(_ fd: Int32, _ count: Int = 64) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = try bytes.withUnsafeMutableBytes { try Kernel.read(fd, into: $0) }
    return Array(bytes[..<got])
}

/// An open descriptor that nobody owns.
func openDescriptor() throws -> Int32 {
    let file = try Kernel.open("/dev/null")
    return file.release()
}
