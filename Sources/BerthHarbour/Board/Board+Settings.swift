internal import Synchronization

// What is allowed: settings that all processes of a service look at, so that changing one changes it for all at once.
extension Board {
    /// One of them. Times are in nanoseconds, all others are counts. The raw value is its place, for good.
    package enum Setting: Int, Sendable, Hashable, CaseIterable {
        case maximum = 0
        /// Connections from one address; 0 for a quarter of the maximum, and any number from this machine.
        case perAddress = 1
        /// What is done beyond the maximum and the rate: an ``Overload``.
        case overload = 2
        /// Connections a second.
        case rate = 3
        case burst = 4
        case firstByte = 5
        case frame = 6
        /// Bytes a second.
        case minimumRate = 7
        case idle = 8
        case writeStall = 9
        case age = 10
        case unreadOutput = 11
        /// How long connections may wait for room, and how many of a process, where they do.
        case queue = 12
        case queueLength = 13
        /// Bytes; `nil` for what the framing says.
        case largestFrame = 14
    }

    /// What is done with connections beyond what is allowed. What it is called is what people write.
    package enum Overload: Int, Sendable, CaseIterable {
        case wait, refuse, farewell, queue

        package var name: String { "\(self)" }
    }

    package var overload: Overload {
        get { self[.overload].flatMap { Overload(rawValue: $0) } ?? .wait }
        set { self[.overload] = newValue.rawValue }
    }

    /// `nil` for no limit.
    package subscript(setting: Setting) -> Int? {
        get {
            let value = unsafe word(Layout.settings + setting.rawValue).pointee.load(ordering: .relaxed)
            return value == .max ? nil : Int(value)
        }
        set {
            unsafe word(Layout.settings + setting.rawValue).pointee.store(
                newValue.map { UInt64(max(0, $0)) } ?? .max, ordering: .relaxed)
        }
    }
}
