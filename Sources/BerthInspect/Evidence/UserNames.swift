internal import BerthSystem

/// The names of users, from `/etc/passwd`. Users of other sources (LDAP, …) are known by number only: asking for them
/// could wait for a network that is the very thing that is broken.
public struct UserNames: Sendable, Hashable {
    private let names: [UInt32: String]

    public init(names: [UInt32: String]) { self.names = names }

    /// Takes the text of a `passwd` file apart (`man 5 passwd`); lines that are none are skipped.
    public init(passwd text: String) {
        var names: [UInt32: String] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 3, !fields[0].isEmpty, let user = UInt32(fields[2]) else { continue }
            // The first line of a number counts, as for getpwuid(3).
            if names[user] == nil { names[user] = String(fields[0]) }
        }
        self.names = names
    }

    /// Reads `/etc/passwd`; no names when it cannot be read.
    public static func read() -> UserNames {
        guard let bytes = try? Kernel.contents(of: "/etc/passwd") else { return UserNames(names: [:]) }
        return UserNames(passwd: String(decoding: bytes, as: UTF8.self))
    }

    /// The name of a user, or the number as text.
    public subscript(user: UInt32) -> String { names[user] ?? String(user) }
}
