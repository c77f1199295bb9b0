/// The counters of a network namespace: `/proc/net/netstat`, `snmp` and `sockstat`, named as `TcpExt.ListenDrops`,
/// `Tcp.RetransSegs`, `TCP.tw`.
package struct Counters: Sendable, Hashable {
    package private(set) var values: [String: Int]

    package init(_ values: [String: Int] = [:]) { self.values = values }

    package subscript(name: String) -> Int? { values[name] }

    /// Takes `netstat` and `snmp` apart: pairs of lines with the same first word, names and then numbers.
    package mutating func add(table text: String) {
        var names: [Substring] = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let head = fields.first, head.hasSuffix(":") else { continue }
            if names.first == head, fields.count == names.count {
                for (name, value) in zip(names, fields).dropFirst() {
                    if let value = Int(value) { values["\(head.dropLast()).\(name)"] = value }
                }
                names = []
            } else {
                names = fields
            }
        }
    }

    /// Takes `sockstat` and `sockstat6` apart: `TCP: inuse 4 orphan 0 tw 1 alloc 5 mem 2`.
    package mutating func add(sockstat text: String) {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let head = fields.first, head.hasSuffix(":") else { continue }
            var index = 1
            while index + 1 < fields.count {
                if let value = Int(fields[index + 1]) { values["\(head.dropLast()).\(fields[index])"] = value }
                index += 2
            }
        }
    }

    package mutating func set(_ name: String, _ value: Int) { values[name] = value }
}
