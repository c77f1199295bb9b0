internal import CBerth

extension Ring {
    /// Requests that the submission queue had no room for and the kernel did not take either: a queue that grows.
    struct Spill: ~Copyable {
        private var memory: UnsafeMutablePointer<berth_ring_entry>?
        private var capacity = 0
        private var first = 0
        private var end = 0

        init() { unsafe memory = nil }

        deinit { unsafe memory?.deallocate() }

        var isEmpty: Bool { first == end }

        /// A place for one more, valid until the next call.
        mutating func append() -> UnsafeMutablePointer<berth_ring_entry> {
            if end == capacity { grow() }
            end += 1
            return unsafe memory! + (end - 1)  // there since it grew
        }

        /// Takes the first; not when there is none.
        mutating func removeFirst() -> berth_ring_entry {
            precondition(!isEmpty)
            first += 1
            defer { if first == end { (first, end) = (0, 0) } }
            return unsafe memory![first - 1]  // there, since something is in it
        }

        private mutating func grow() {
            let more = max(64, capacity * 2)
            let larger = UnsafeMutablePointer<berth_ring_entry>.allocate(capacity: more)
            if let old = unsafe memory {
                unsafe larger.update(from: old + first, count: end - first)
                unsafe old.deallocate()
            }
            unsafe memory = larger
            (capacity, first, end) = (more, 0, end - first)
        }
    }
}
