/// Which process holds which socket, by which descriptor: sorted numbers, so that a hundred thousand sockets cost two
/// megabytes and a look-up costs a few steps.
package struct OwnerIndex: Sendable, Hashable {
    package struct Entry: Sendable, Hashable, Comparable {
        package var inode: UInt32
        package var pid: Int32
        package var descriptor: Int32

        package init(inode: UInt32, pid: Int32, descriptor: Int32) {
            self.inode = inode
            self.pid = pid
            self.descriptor = descriptor
        }

        package static func < (left: Entry, right: Entry) -> Bool {
            (left.inode, left.pid, left.descriptor) < (right.inode, right.pid, right.descriptor)
        }
    }

    package private(set) var entries: [Entry]

    /// A process that holds one socket by several descriptors is listed once, with the lowest.
    package init(_ unsorted: [Entry] = []) {
        entries = []
        entries.reserveCapacity(unsorted.count)
        for entry in unsorted.sorted() where entries.last?.inode != entry.inode || entries.last?.pid != entry.pid {
            entries.append(entry)
        }
    }

    /// Who holds a socket, in the order of their process numbers.
    package subscript(inode: UInt32) -> ArraySlice<Entry> {
        guard inode != 0 else { return [] }
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].inode < inode { low = middle + 1 } else { high = middle }
        }
        var end = low
        while end < entries.count, entries[end].inode == inode { end += 1 }
        return entries[low..<end]
    }
}
