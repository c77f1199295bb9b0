internal import BerthSockets
public import BerthSystem

/// Why a connection was accepted and not served. Each is counted and reported.
public enum Refusal: Sendable, Hashable {
    /// There are as many connections as there may be.
    case maximum(Int)
    /// There are as many connections from this address as there may be.
    case address(limit: Int)
    /// Connections come faster than they may.
    case rate(perSecond: Int)
    /// The address is on the list of those that are denied, or not on that of those that are allowed. `network` is the
    /// entry that says so.
    case denied(network: String?)
    /// It has waited for its turn for as long as it may.
    case waited(Duration)
    /// The address cannot be counted: too many others are.
    case addressesFull
    /// No descriptor was left for it.
    case descriptors(Errno)
    /// No thread could be started for it.
    case thread(Errno)
    /// The service ends.
    case ending

    /// The reason without its evidence, for counting.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case maximum = "maximum"
        case address = "address limit"
        case rate = "rate"
        case denied = "denied"
        case waited = "waited too long"
        case addressesFull = "address table full"
        case descriptors = "descriptors"
        case thread = "thread"
        case ending = "ending"
    }

    public var kind: Kind {
        switch self {
        case .maximum: .maximum
        case .address: .address
        case .rate: .rate
        case .denied: .denied
        case .waited: .waited
        case .addressesFull: .addressesFull
        case .descriptors: .descriptors
        case .thread: .thread
        case .ending: .ending
        }
    }
}

extension Refusal: CustomStringConvertible {
    /// The reason, as it reads behind "refused 10.0.0.7:4711: ".
    public var description: String {
        switch self {
        case .maximum(let maximum): "there are \(maximum) connections, the maximum"
        case .address(let limit): "there are \(limit) connections from its address, the limit"
        case .rate(let rate): "connections come faster than \(rate) a second, the limit"
        case .denied(let network?): "connections from \(network) are denied"
        case .denied(nil): "its address is not among those that are allowed"
        case .waited(let time): "there was no place for it within \(time.short)"
        case .addressesFull: "there are too many other addresses to count its own"
        case .descriptors(let errno): "no descriptor is left: \(errno)"
        case .thread(let errno): "no thread could be started: \(errno)"
        case .ending: "the service ends"
        }
    }
}
