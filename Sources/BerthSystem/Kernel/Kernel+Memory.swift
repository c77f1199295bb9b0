internal import CBerth

/// Memory that processes share.
extension Kernel {
    /// A file of zeros that is nowhere but in memory. The corresponding C function is `memfd_create(2)`; memory is taken
    /// only where something is written.
    package static func openMemory(named name: String, size: Int) throws(Errno) -> Descriptor {
        Descriptor(owning: try retrying(.open) { berth_memory_file(name, Int64(size)) })
    }

    /// Maps such a file. The corresponding C function is `mmap(2)` with MAP_SHARED.
    package static func mapShared(_ fd: Int32, size: Int) throws(Errno) -> MappedMemory {
        try unsafe mapping(size) { unsafe berth_map_shared(fd, size) }
    }
}

extension MappedMemory {
    /// Makes whole pages of it zeros again and gives them back; false where the kernel cannot. The corresponding C function
    /// is `madvise(2)` with MADV_REMOVE.
    package func empty(_ range: Range<Int>) -> Bool {
        unsafe berth_empty_shared(start + range.lowerBound, range.count) == 0
    }
}
