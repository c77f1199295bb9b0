internal import BerthSystem

/// What standard output or standard error leads to.
struct Terminal: Sendable {
    /// Whether it is a terminal, where a line may be drawn again.
    let isTerminal: Bool
    /// Whether colours may be used: on a terminal, unless `NO_COLOR` is set (https://no-color.org) or `TERM` is `dumb`.
    let hasColour: Bool
    private let descriptor: Int32

    static let output = Terminal(1)
    static let error = Terminal(2)

    init(_ descriptor: Int32, environment: [String] = Kernel.environment) {
        self.descriptor = descriptor
        isTerminal = Kernel.isTerminal(descriptor)
        let forbidden = environment.contains { text in
            // Set to anything but nothing: what the agreement says.
            text == "TERM=dumb" || (text.hasPrefix("NO_COLOR=") && text.utf8.count > "NO_COLOR=".utf8.count)
        }
        hasColour = isTerminal && !forbidden
    }

    /// The columns of the window, now; 80 where the terminal does not say.
    var columns: Int { Kernel.windowColumns(descriptor) ?? 80 }
}
