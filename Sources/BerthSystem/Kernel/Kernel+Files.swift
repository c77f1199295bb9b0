internal import CBerth
internal import Glibc

/// What fstat(2) tells about a file.
package struct FileStatus: Sendable, Hashable {
    package let size: Int64
    package let inode: UInt64
    package let device: UInt64
    package let isRegularFile: Bool
    package let isDirectory: Bool
    package let isSocket: Bool
    /// Nanoseconds since 1970 of the last change of the content.
    package let modified: Int64
    package let owner: UInt32
    /// Whether its group, or everyone, may write to it.
    package let isWritableByOthers: Bool

    init(_ status: stat) {
        size = Int64(status.st_size)
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        let kind = status.st_mode & S_IFMT
        isRegularFile = kind == S_IFREG
        isDirectory = kind == S_IFDIR
        isSocket = kind == S_IFSOCK
        modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        owner = status.st_uid
        isWritableByOthers = status.st_mode & 0o022 != 0
    }
}

/// The two ends of a pipe.
package struct Pipe: ~Copyable, Sendable {
    package let reading: Descriptor
    package let writing: Descriptor
}

extension Kernel {
    /// Closes a descriptor. The corresponding C function is `close(2)`. Not retried when interrupted: on Linux the
    /// descriptor is gone by then, and its number may belong to another thread.
    package static func close(_ fd: Int32) throws(Errno) {
        #if BERTH_FAULTS
        if case .fail(let errno) = SyscallFaults.next(.close, fd) {
            SyscallFaults.clear(descriptor: fd)
            _ = Glibc.close(fd)
            throw errno
        }
        // Its faults end with the descriptor: the number is someone else's a moment later.
        SyscallFaults.clear(descriptor: fd)
        #endif
        if Glibc.close(fd) < 0, Errno.current != .interrupted { throw .current }
    }

    /// A second descriptor of the same file, close-on-exec. The corresponding C function is `fcntl(2)` with
    /// F_DUPFD_CLOEXEC; numbers below `lowest` are not used.
    package static func duplicate(_ fd: Int32, lowest: Int32 = 3) throws(Errno) -> Descriptor {
        Descriptor(owning: try retrying(.duplicate, fd) { fcntl(fd, F_DUPFD_CLOEXEC, lowest) })
    }

    /// Sets whether calls on the descriptor wait, and returns whether they did not before. The corresponding C function
    /// is `fcntl(2)` with O_NONBLOCK.
    @discardableResult
    package static func setNonBlocking(_ fd: Int32, _ nonBlocking: Bool) throws(Errno) -> Bool {
        let flags = try retrying(.setOption, fd) { fcntl(fd, F_GETFL) }
        let wanted = nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
        if wanted != flags { _ = try retrying(.setOption, fd) { fcntl(fd, F_SETFL, wanted) } }
        return flags & O_NONBLOCK != 0
    }

    /// Sets whether a program that is exec'd inherits the descriptor. The corresponding C function is `fcntl(2)` with
    /// FD_CLOEXEC.
    package static func setCloseOnExec(_ fd: Int32, _ closeOnExec: Bool) throws(Errno) {
        _ = try retrying(.setOption, fd) { fcntl(fd, F_SETFD, closeOnExec ? FD_CLOEXEC : 0) }
    }

    /// How a file is opened; always close-on-exec.
    package struct OpenFlags: OptionSet, Sendable {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }
        package static let write = OpenFlags(rawValue: O_WRONLY)
        package static let readWrite = OpenFlags(rawValue: O_RDWR)
        package static let create = OpenFlags(rawValue: O_CREAT)
        package static let exclusive = OpenFlags(rawValue: O_EXCL)
        package static let truncate = OpenFlags(rawValue: O_TRUNC)
        package static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
        package static let directory = OpenFlags(rawValue: O_DIRECTORY)
        package static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
    }

    /// Opens a file. The corresponding C function is `openat(2)`; a relative path starts at `directory`, or at the
    /// working directory for `nil`.
    package static func open(
        _ path: String, in directory: Int32? = nil, _ flags: OpenFlags = [], mode: UInt32 = 0o644
    ) throws(Errno) -> Descriptor {
        Descriptor(
            owning: try retrying(.open) {
                berth_openat(directory ?? AT_FDCWD, path, flags.rawValue | O_CLOEXEC, mode)
            })
    }

    /// The status of an open file. The corresponding C function is `fstat(2)`.
    package static func status(_ fd: Int32) throws(Errno) -> FileStatus {
        var status = stat()
        _ = try retrying(.fileStatus, fd) { unsafe fstat(fd, &status) }
        return FileStatus(status)
    }

    /// The status of a named file, of the link itself when `followLinks` is false. The corresponding C function is
    /// `fstatat(2)`.
    package static func status(
        of path: String, in directory: Int32? = nil, followLinks: Bool = true
    ) throws(Errno) -> FileStatus {
        var status = stat()
        _ = try retrying(.fileStatus) {
            unsafe fstatat(directory ?? AT_FDCWD, path, &status, followLinks ? 0 : AT_SYMLINK_NOFOLLOW)
        }
        return FileStatus(status)
    }

    /// Sets the length of a file. The corresponding C function is `ftruncate(2)`.
    package static func truncate(_ fd: Int32, to length: Int64) throws(Errno) {
        _ = try retrying(.truncate, fd) { ftruncate(fd, off_t(length)) }
    }

    /// Moves the position of a file to `offset` from its beginning. The corresponding C function is `lseek(2)`.
    package static func seek(_ fd: Int32, to offset: Int64) throws(Errno) {
        _ = try retrying(.seek, fd) { lseek(fd, off_t(offset), SEEK_SET) }
    }

    /// Waits until the content of a file is on its device. The corresponding C function is `fdatasync(2)`.
    package static func synchronise(_ fd: Int32) throws(Errno) {
        _ = try retrying(.synchronise, fd) { fdatasync(fd) }
    }

    /// Renames a file within a directory, replacing the target. The corresponding C function is `renameat(2)`.
    package static func rename(_ from: String, to: String, in directory: Int32) throws(Errno) {
        _ = try retrying(.rename) { renameat(directory, from, directory, to) }
    }

    /// Removes a file's name. The corresponding C function is `unlinkat(2)`.
    package static func unlink(_ path: String, in directory: Int32? = nil) throws(Errno) {
        _ = try retrying(.unlink) { unlinkat(directory ?? AT_FDCWD, path, 0) }
    }

    /// A pipe: what is written to the second end is read from the first. The corresponding C function is `pipe2(2)`.
    package static func pipe(nonBlocking: Bool = false) throws(Errno) -> Pipe {
        var ends: (Int32, Int32) = (-1, -1)
        _ = try retrying(.pipe) {
            unsafe withUnsafeMutablePointer(to: &ends) { pointer in
                unsafe pointer.withMemoryRebound(to: Int32.self, capacity: 2) {
                    unsafe berth_pipe2($0, O_CLOEXEC | (nonBlocking ? O_NONBLOCK : 0))
                }
            }
        }
        return Pipe(reading: Descriptor(owning: ends.0), writing: Descriptor(owning: ends.1))
    }

    /// Reads a small file whole, at most `limit` bytes: for files of /proc and /sys.
    package static func contents(of path: String, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
        let file = try open(path)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < limit {
            // Array's own closure methods rethrow untyped.
            let result = chunk.withUnsafeMutableBytes { memory in
                let room = unsafe UnsafeMutableRawBufferPointer(rebasing: memory.prefix(limit - bytes.count))
                return Result { () throws(Errno) in try unsafe read(file.rawValue, into: room) }
            }
            let count = try result.get()
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    /// What a symbolic link points to. The corresponding C function is `readlink(2)`.
    package static func linkTarget(_ path: String) throws(Errno) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try retrying(.read) {
            unsafe buffer.withUnsafeMutableBytes {
                unsafe readlink(path, $0.bindMemory(to: CChar.self).baseAddress!, $0.count)  // 4096 bytes: not nil
            }
        }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// Calls `body` with each numbered symbolic link of a directory and what it points to, as bytes that are valid
    /// during the call: for `/proc/PID/fd`. Links that go away meanwhile are left out. The corresponding C functions
    /// are `readdir(3)` and `readlinkat(2)`.
    package static func links(
        inDirectory path: String, _ body: (_ number: Int32, _ target: Span<UInt8>) -> Void
    ) throws(Errno) {
        guard let directory = unsafe opendir(path) else { throw .current }
        defer { unsafe closedir(directory) }
        let fd = unsafe dirfd(directory)
        var buffer = [UInt8](repeating: 0, count: 256)
        while true {
            errno = 0
            guard let entry = unsafe readdir(directory) else { break }
            // In place, see names(inDirectory:). A target that is cut at 256 bytes is no number in brackets.
            let (number, count) = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                let text = unsafe UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self)
                let number = unsafe atoi(text)
                guard unsafe text[0] != CChar(bitPattern: UInt8(ascii: ".")) else { return (number, -1) }
                return unsafe buffer.withUnsafeMutableBytes { memory in
                    let room = unsafe memory.bindMemory(to: CChar.self)
                    // 256 bytes: not nil.
                    return unsafe (number, readlinkat(fd, text, room.baseAddress!, room.count))  // never empty
                }
            }
            if count > 0 { body(number, buffer.span.extracting(first: count)) }
        }
        if errno != 0 { throw .current }
    }

    /// The names in a directory, without `.` and `..`. The corresponding C function is `readdir(3)`.
    package static func names(inDirectory path: String) throws(Errno) -> [String] {
        guard let directory = unsafe opendir(path) else { throw .current }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while true {
            // Only errno tells an error from the end.
            errno = 0
            guard let entry = unsafe readdir(directory) else { break }
            // In place: an entry is shorter than its structure, so that copying d_name would read beyond it.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe String(cString: UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
            }
            if name != ".", name != ".." { names.append(name) }
        }
        if errno != 0 { throw .current }
        return names
    }
}
