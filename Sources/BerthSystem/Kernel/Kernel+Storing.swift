internal import CBerth
internal import Glibc

// What is needed to keep received files safely: room, atomic names, early write-out.
extension Kernel {
    /// How many bytes an ordinary user may still write to the file system of an open file or directory; `nil` where the
    /// file system does not say. The corresponding C function is `fstatvfs(3)`, f_bavail × f_frsize.
    package static func freeSpace(_ fd: Int32) throws(Errno) -> Int64? {
        var status = statvfs()
        _ = try retrying(.fileStatus, fd) { unsafe fstatvfs(fd, &status) }
        if status.f_blocks == 0 { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }

    /// Renames a file within a directory to a name that nobody has: `.fileExists` otherwise. The corresponding C
    /// function is `renameat2(2)` with RENAME_NOREPLACE; `.invalidArgument` where the file system cannot do that.
    package static func rename(_ from: String, toNew to: String, in directory: Int32) throws(Errno) {
        _ = try retrying(.rename) { berth_rename_new(directory, from, to) }
    }

    /// Begins to write changed pages to the device, without waiting for the end of it. The corresponding C function is
    /// `sync_file_range(2)` with SYNC_FILE_RANGE_WRITE. A hint: nothing is durable before ``synchronise(_:)``.
    package static func beginWriteOut(_ fd: Int32, offset: Int64, count: Int64) {
        _ = berth_begin_write_out(fd, offset, count)
    }
}

// What a command needs to know of its terminal.
extension Kernel {
    /// Whether the descriptor is a terminal. The corresponding C function is `isatty(3)`.
    package static func isTerminal(_ fd: Int32) -> Bool { isatty(fd) == 1 }

    /// The columns of a terminal's window; `nil` when it is none, or does not say. The corresponding C function is
    /// `ioctl(2)` with TIOCGWINSZ (`man 2 ioctl_tty`).
    package static func windowColumns(_ fd: Int32) -> Int? {
        let columns = berth_window_columns(fd)
        return columns > 0 ? Int(columns) : nil
    }
}
