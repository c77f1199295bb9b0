/// One description of a value's fields, for writing and for reading: each type lists its fields once.
///
/// A field that is missing keeps what the new value has, and one that is not known is passed over, so that files of
/// other versions can be read as long as the meaning of a field stays.
final class SnapshotCoder {
    /// The bytes written so far.
    private(set) var written: [UInt8] = []
    /// The first thing that is wrong with what is read; nothing is read after it.
    private(set) var mistake: JSONScanner.Mistake?
    private let scanner: JSONScanner?
    /// Reading: the member that is next, and whether it was asked for.
    private var member = ""
    private var wasTaken = false
    private var needsComma = false

    init() { scanner = nil }
    init(reading bytes: [UInt8]) { scanner = JSONScanner(bytes) }

    /// Reads with the scanner, or writes.
    private func code(
        _ read: (JSONScanner) throws(JSONScanner.Mistake) -> Void, _ write: (SnapshotCoder) -> Void
    ) {
        guard let scanner else { return write(self) }
        guard mistake == nil else { return }
        do throws(JSONScanner.Mistake) { try read(scanner) } catch { mistake = mistake ?? error }
    }

    private func write(_ text: String) { written += text.utf8 }

    /// An object: `body` lists all fields; when reading it is called for each member.
    func object(_ body: () -> Void) {
        code { scanner throws(JSONScanner.Mistake) in
            try scanner.object { name throws(JSONScanner.Mistake) in
                let outer = (member, wasTaken)
                (member, wasTaken) = (name, false)
                body()
                if let mistake { throw mistake }
                if !wasTaken { try scanner.skip() }
                (member, wasTaken) = outer
            }
        } _: { coder in
            let outer = coder.needsComma
            coder.needsComma = false
            coder.write("{")
            body()
            coder.write("}")
            coder.needsComma = outer
        }
    }

    /// Whether the field of this name is to be coded now.
    private func isAt(_ name: String) -> Bool {
        if scanner != nil {
            guard member == name, !wasTaken, mistake == nil else { return false }
            wasTaken = true
            return true
        }
        write(needsComma ? ",\"\(name)\":" : "\"\(name)\":")
        needsComma = true
        return true
    }

    /// Ends the reading: nothing may follow.
    func finish() {
        code { scanner throws(JSONScanner.Mistake) in
            try scanner.end()
        } _: {
            $0.write("\n")
        }
    }

    /// Says that what was read is no snapshot, for example because of its version.
    func refuse(_ expected: String) {
        if let scanner, mistake == nil { mistake = scanner.mistake(expected) }
    }

    // MARK: Fields

    func field<Number: FixedWidthInteger>(_ name: String, _ value: inout Number) {
        guard isAt(name) else { return }
        number(&value)
    }

    func field<Number: FixedWidthInteger>(_ name: String, _ value: inout Number?) {
        guard isAt(name) else { return }
        optional(&value, Number(0)) { number(&$0) }
    }

    func field(_ name: String, _ value: inout Bool) {
        guard isAt(name) else { return }
        truth(&value)
    }

    func field(_ name: String, _ value: inout Bool?) {
        guard isAt(name) else { return }
        optional(&value, false) { truth(&$0) }
    }

    func field(_ name: String, _ value: inout String) {
        guard isAt(name) else { return }
        text(&value)
    }

    func field(_ name: String, _ value: inout String?) {
        guard isAt(name) else { return }
        optional(&value, "") { text(&$0) }
    }

    /// A list, each element by `element`.
    func field<Element>(
        _ name: String, _ values: inout [Element], new: @autoclosure () -> Element, _ element: (inout Element) -> Void
    ) {
        guard isAt(name) else { return }
        list(&values, new: new(), element)
    }

    /// A value that is an object of its own.
    func field<Value>(_ name: String, _ value: inout Value, _ body: (inout Value) -> Void) {
        guard isAt(name) else { return }
        body(&value)
    }

    // MARK: Values

    func list<Element>(
        _ values: inout [Element], new: @autoclosure () -> Element, _ element: (inout Element) -> Void
    ) {
        var coded = values
        code { scanner throws(JSONScanner.Mistake) in
            coded = []
            try scanner.array { () throws(JSONScanner.Mistake) in
                var value = new()
                element(&value)
                if let mistake { throw mistake }
                coded.append(value)
            }
        } _: { coder in
            coder.write("[")
            for index in coded.indices {
                if index > 0 { coder.write(",") }
                element(&coded[index])
            }
            coder.write("]")
        }
        values = coded
    }

    func optional<Value>(_ value: inout Value?, _ initial: Value, _ body: (inout Value) -> Void) {
        var coded = value
        code { scanner throws(JSONScanner.Mistake) in
            if scanner.isNull() { return coded = nil }
            var inner = initial
            body(&inner)
            coded = inner
        } _: { coder in
            guard var inner = coded else { return coder.write("null") }
            body(&inner)
        }
        value = coded
    }

    /// Figures (`Int`) are held within ``Snapshot/largestFigure``: rules multiply and subtract them.
    func number<Number: FixedWidthInteger>(_ value: inout Number) {
        guard let scanner else { return write(String(value)) }
        guard mistake == nil else { return }
        do throws(JSONScanner.Mistake) { value = try scanner.integer(Number.self) } catch { mistake = error }
        guard Number.self == Int.self else { return }
        let most = Number(clamping: Snapshot.largestFigure)
        value = min(max(value, 0 - most), most)
    }

    func truth(_ value: inout Bool) {
        guard let scanner else { return write(value ? "true" : "false") }
        guard mistake == nil else { return }
        do throws(JSONScanner.Mistake) { value = try scanner.bool() } catch { mistake = error }
    }

    func text(_ value: inout String) {
        guard let scanner else { return write(JSONWords.quoted(value)) }
        guard mistake == nil else { return }
        do throws(JSONScanner.Mistake) { value = try scanner.string() } catch { mistake = error }
    }

    /// A row of numbers: a hundred thousand sockets are written without their fields' names.
    func row(_ body: (NumberRow) -> Void) {
        let row = NumberRow(isReading: scanner != nil)
        if let scanner {
            guard mistake == nil else { return }
            do throws(JSONScanner.Mistake) {
                try scanner.array { () throws(JSONScanner.Mistake) in
                    row.numbers.append(try scanner.integer(Int128.self))
                }
            } catch {
                mistake = error
                return
            }
            body(row)
            if row.isOutOfRange { mistake = scanner.mistake("a row of a socket") }
        } else {
            body(row)
            write("[\(row.numbers.map { String($0) }.joined(separator: ","))]")
        }
    }
}

/// The numbers of one row, in the order in which its fields are listed. Those that are missing at the end keep what the
/// new value has.
final class NumberRow {
    fileprivate(set) var numbers: [Int128] = []
    private(set) var isOutOfRange = false
    private let isReading: Bool
    private var next = 0

    fileprivate init(isReading: Bool) { self.isReading = isReading }

    func number<Number: FixedWidthInteger>(_ value: inout Number) {
        guard isReading else { return numbers.append(Int128(value)) }
        defer { next += 1 }
        guard next < numbers.count else { return }
        guard let read = Number(exactly: numbers[next]) else { return isOutOfRange = true }
        value = read
    }

    /// False, true and unknown are 0, 1 and 2.
    func truth(_ value: inout Bool?) {
        var code: UInt8 = value.map { $0 ? 1 : 0 } ?? 2
        number(&code)
        value = code == 2 ? nil : code == 1
    }

    func truth(_ value: inout Bool) {
        var code: UInt8 = value ? 1 : 0
        number(&code)
        value = code == 1
    }

    /// A case by its number.
    func kind<Kind: RawRepresentable>(_ value: inout Kind) where Kind.RawValue == UInt8 {
        var code = value.rawValue
        number(&code)
        guard let kind = Kind(rawValue: code) else { return isOutOfRange = true }
        value = kind
    }
}
