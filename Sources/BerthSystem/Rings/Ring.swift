package import CBerth

/// A pair of queues that are shared with the kernel: requests go in, completions come out, and one call hands over many
/// of the first and waits for some of the second. See `man 7 io_uring`.
///
/// One thread uses a ring, the one that made it or ``enable()``d it; on another one it must not be entered, which
/// the kernel refuses unless that thread has rings of its own. Completions appear while the thread is in ``submitAndWait(atLeast:nanoseconds:)`` and at no other time
/// (IORING_SETUP_DEFER_TASKRUN): what a batch of them is does not change while it is looked through.
///
/// A child process that was forked keeps the ring and all that is in flight alive until it ends or executes a program,
/// but has none of its memory.
///
/// The memory that a request names belongs to the kernel until its completion is there. A ring that ends with requests in
/// flight leaves them to the kernel, which ends them some time later: until then it writes to that memory and keeps
/// their sockets, so that their ports are taken (EADDRINUSE). End them first with ``cancelAll(until:token:_:)``.
///
/// A request is never lost: what neither ring nor kernel has room for is kept aside, in order.
///
/// Unchecked: what the pointers lead to is touched by its one thread, and by the kernel by the rules of its interface
/// (each side moves one index of a queue, with release, after it wrote what lies before it).
package struct Ring: ~Copyable, @unchecked Sendable {
    /// Readable when completions are there; stays owned by this value.
    package let descriptor: Descriptor
    /// How many requests are handed over at once at most.
    package let capacity: Int
    /// How many completions can wait to be looked at before the kernel has to keep them aside.
    package let completionCapacity: Int
    /// Whether ``receiveMultishot(_:group:bundled:token:)`` may be bundled (Linux 6.10).
    package let hasBundles: Bool

    /// How many times ``submitAndWait(atLeast:nanoseconds:)`` left completions aside because they were too many for the
    /// ring. They are not lost, but cost memory and time: a sign that the ring is too small.
    package internal(set) var overflowCount = 0
    /// How many requests have not had their last completion yet.
    @usableFromInline package internal(set) var inFlightCount = 0

    // The submission queue. The tail and what is before it are ours, the head is the kernel's.
    @usableFromInline let entries: UnsafeMutablePointer<berth_ring_entry>
    @usableFromInline let mask: UInt32
    @usableFromInline var tail: UInt32 = 0
    /// Where the kernel's head was when it was last looked at.
    @usableFromInline var head: UInt32 = 0
    let sharedTail: UnsafeMutablePointer<UInt32>
    let sharedHead: UnsafeMutablePointer<UInt32>
    let sharedFlags: UnsafeMutablePointer<UInt32>
    var spill = Spill()

    // The completion queue. The head is ours, the tail and what is before it are the kernel's.
    @usableFromInline let completions: UnsafeMutablePointer<berth_ring_completion>
    @usableFromInline let completionMask: UInt32
    @usableFromInline var completionHead: UInt32 = 0
    /// Where the batch ends that is being looked through.
    @usableFromInline var completionTail: UInt32 = 0
    let sharedCompletionHead: UnsafeMutablePointer<UInt32>
    let sharedCompletionTail: UnsafeMutablePointer<UInt32>

    #if BERTH_FAULTS
    /// The requests that are to fail, by token, and the errnos as negative numbers.
    @usableFromInline var failures: [UInt64: Int32] = [:]
    #endif

    /// What the thread calls the ring: an index of its own table, or the descriptor.
    var number: Int32
    var enterFlags: UInt32
    private var registeredIndex: Int32 = -1
    private let ringMemory: MappedMemory
    private let entryMemory: MappedMemory

    /// Makes a ring.
    ///
    /// - Parameters:
    ///   - capacity: see ``capacity``; a power of two, at most 32,768.
    ///   - completions: see ``completionCapacity``; a power of two above the first, at most 65,536. Sensible is what a
    ///     thread may find at once: one for each connection.
    ///   - isDisabled: whether another thread than the calling one will use it, and ``enable()`` it first.
    package init(capacity: Int, completions: Int, isDisabled: Bool = false) throws(RingError) {
        precondition(capacity > 0 && capacity <= 32_768 && completions > capacity && completions <= 65_536)
        var parameters = berth_ring_parameters()
        let descriptor = try Self.setUp(capacity, completions, isDisabled, &parameters)
        let fd = descriptor.rawValue
        let ringSize = max(
            Int(parameters.submission.array) + Int(parameters.entries) * 4,
            Int(parameters.completion.completions) + Int(parameters.completions) * 16)
        let entriesSize = Int(parameters.entries) * 64
        let ringMemory = try RingError.asking(.map) { () throws(Errno) in
            try Kernel.mapRing(fd, offset: RingInterface.ringOffset, size: ringSize)
        }
        let entryMemory = try RingError.asking(.map) { () throws(Errno) in
            try Kernel.mapRing(fd, offset: RingInterface.entriesOffset, size: entriesSize)
        }

        // The kernel says where in the mapping each part lies, aligned for what it is.
        let ring = unsafe ringMemory.start
        func word(_ offset: UInt32) -> UnsafeMutablePointer<UInt32> {
            unsafe (ring + Int(offset)).assumingMemoryBound(to: UInt32.self)
        }
        unsafe entries = entryMemory.start.assumingMemoryBound(to: berth_ring_entry.self)
        unsafe mask = word(parameters.submission.mask).pointee
        unsafe sharedHead = word(parameters.submission.head)
        unsafe sharedTail = word(parameters.submission.tail)
        unsafe sharedFlags = word(parameters.submission.flags)
        unsafe self.completions = (ring + Int(parameters.completion.completions))
            .assumingMemoryBound(to: berth_ring_completion.self)
        unsafe completionMask = word(parameters.completion.mask).pointee
        unsafe sharedCompletionHead = word(parameters.completion.head)
        unsafe sharedCompletionTail = word(parameters.completion.tail)
        if parameters.flags & RingInterface.noArray == 0 {
            // An older kernel takes submissions in the order of an array: here always that of the queue.
            let array = unsafe word(parameters.submission.array)
            for index in 0..<parameters.entries { unsafe array[Int(index)] = index }
        }
        self.capacity = Int(parameters.entries)
        completionCapacity = Int(parameters.completions)
        hasBundles = parameters.features & RingInterface.bundles != 0
        self.descriptor = descriptor
        self.ringMemory = ringMemory
        self.entryMemory = entryMemory
        number = fd
        // A wait for requests is a server's idleness, which the kernel otherwise counts as waiting for a disk.
        enterFlags = parameters.features & RingInterface.idleWait != 0 ? RingInterface.noIOWait : 0
        if !isDisabled { register() }
    }

    deinit {
        // Fails when this is not the ring's thread: then the kernel does it when that thread ends.
        if registeredIndex >= 0 { try? Kernel.unregisterRing(descriptor.rawValue, index: registeredIndex) }
    }

    /// Makes the calling thread the one that uses a ring which was made disabled, and enables it.
    ///
    /// Requests may be made before, but not handed over; buffers may be registered.
    package mutating func enable() throws(RingError) {
        try RingError.asking(.enable) { () throws(Errno) in try Kernel.enableRing(descriptor.rawValue) }
        register()
    }

    /// Spares the kernel a look-up of the descriptor each time it is entered. A thread has a table of 16 rings: where it is
    /// full, the descriptor does.
    private mutating func register() {
        guard let index = try? Kernel.registerRing(descriptor.rawValue) else { return }
        registeredIndex = index
        number = index
        enterFlags |= RingInterface.registeredRing
    }

    /// Makes the ring with all that the kernel knows of what is of use here.
    ///
    /// What has no substitute is never left out: without DEFER_TASKRUN completions appear at any moment and interrupt the
    /// thread, which is another kind of ring.
    private static func setUp(
        _ capacity: Int, _ completions: Int, _ isDisabled: Bool, _ parameters: inout berth_ring_parameters
    ) throws(RingError) -> Descriptor {
        let needed =
            RingInterface.singleIssuer | RingInterface.deferTaskRun | RingInterface.completionCount
            | RingInterface.submitAll | (isDisabled ? RingInterface.disabled : 0)
        for flags in [needed | RingInterface.noArray, needed] {
            parameters = berth_ring_parameters()
            parameters.flags = flags
            parameters.completions = UInt32(completions)
            do throws(Errno) {
                let descriptor = try Kernel.setUpRing(entries: UInt32(capacity), &parameters)
                let features = RingInterface.singleMapping | RingInterface.noDrop | RingInterface.timedEnter
                if parameters.features & features == features { return descriptor }
            } catch {
                if error != .invalidArgument { throw RingError(asking: .setUp, error) }
            }
        }
        throw RingError(asking: .setUp, .invalidArgument)
    }
}
