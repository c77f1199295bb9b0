package import BerthSockets
internal import Synchronization

// How many connections each address has: a table at each place, of a fixed size, open-addressed within buckets of sixteen.
// An entry is a key and a count. One whose count is nought may get another key; others never move, so that who looks
// without a lock finds them.
extension Board {
    /// What an address is counted as: an IPv6 address by its /64, which is what one subscriber gets (RFC 6177); `nil` for
    /// what has no address.
    package static func key(of address: SocketAddress) -> UInt64? {
        switch address.unmapped {
        // Of these 64 bits no IPv6 address begins that one could receive from: ff00::/8 is multicast.
        case .ipv4(let address, _): 0xFFFF_0000_0000_0000 | UInt64(address.bits)
        case .ipv6(let address, _): address.high == 0 ? 1 : address.high
        case .unix, .abstract, .unnamed: nil
        }
    }

    /// The first word of the bucket of a key at a place.
    private func bucket(of key: UInt64, at place: Int) -> Int {
        // The mixer of SplitMix64. The seed is drawn for each service, so that nobody can fill a bucket on purpose.
        var mixed = key ^ self[Layout.seedAt]
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        mixed ^= mixed >> 31
        let bucket = Int(mixed & UInt64(size.addresses / Self.bucket - 1))
        return start(of: place) + Layout.place + bucket * Self.bucket * 2
    }

    /// The entry of a key at a place.
    func find(_ key: UInt64, at place: Int) -> Int? {
        let first = bucket(of: key, at: place)
        for entry in stride(from: first, to: first + Self.bucket * 2, by: 2) {
            let found = self[entry]
            if found == key { return entry }
            if found == 0 { return nil }
        }
        return nil
    }

    /// The same, made where there is none; `nil` when its bucket is full. By the one who changes the place.
    func entry(for key: UInt64, at place: Int) -> Int? {
        if let entry = find(key, at: place) { return entry }
        let first = bucket(of: key, at: place)
        for entry in stride(from: first, to: first + Self.bucket * 2, by: 2)
        where self[entry] == 0 || self[entry + 1] == 0 {
            self[entry] = key
            return entry
        }
        return nil
    }

    /// How many connections an address has, in all processes.
    package func count(of key: UInt64) -> Int {
        var sum = 0
        for place in 0..<used {
            if let entry = find(key, at: place) { sum += Int(self[entry + 1]) }
        }
        return sum
    }
}
