public import ArgumentParser
public import BerthFraming
public import BerthServer
public import BerthSockets

// How values of the library are written as arguments.

extension ByteCount: ExpressibleByArgument {
    public init?(argument: String) { self.init(parsing: argument) }
}

extension ConcurrencyModel: ExpressibleByArgument {
    public init?(argument: String) { self.init(named: argument) }

    public static var allValueStrings: [String] { all.map(\.name) }

    public var defaultValueDescription: String { name }
}

extension ConcurrencyModel.IOMethod: ExpressibleByArgument {}

extension Endpoint: ExpressibleByArgument {
    /// Never fails here: a mistake is carried along, so that `validate` can say what is wrong.
    public init?(argument: String) { self.init(stringLiteral: argument) }

    public var defaultValueDescription: String { description }
}

extension ReusePolicy: ExpressibleByArgument {
    private static let names: KeyValuePairs<String, ReusePolicy> = [
        "exclusive": .exclusive, "after-time-wait": .afterTimeWait, "shared": .shared,
    ]

    public init?(argument: String) {
        guard let policy = Self.names.first(where: { $0.key == argument })?.value else { return nil }
        self = policy
    }

    public static var allValueStrings: [String] { names.map(\.key) }

    public var defaultValueDescription: String { Self.names.first { $0.value == self }?.key ?? "" }
}
