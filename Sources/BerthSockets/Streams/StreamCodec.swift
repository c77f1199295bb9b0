package import BerthFraming

/// A framing that streams begin with: one for all connections of a service.
package final class SharedFraming: Sendable {
    let framing: Framing
    let layout: PrefixLayout
    /// The same for what a ``StreamOutput`` copies.
    let outputLayout: PrefixLayout

    package init(_ framing: Framing) {
        self.framing = framing
        layout = framing.layout
        outputLayout = framing.layout(upTo: StreamOutput.copyLimit)
    }
}

/// The codec of one direction of a stream. Until it has something to remember it is the one that all connections of the
/// service share, so that an idle connection has none of its own; and it never has where a ``PrefixLayout`` is asked first.
struct StreamCodec {
    private final class Own {
        var framing: Framing
        init(_ framing: Framing) { self.framing = framing }
    }

    private let shared: SharedFraming
    // An object and not memory that is freed in a deinit: that would crash the optimiser (Swift 6.3.1).
    private var own: Own?

    init(_ shared: SharedFraming) { self.shared = shared }

    /// The codec as it is now.
    var framing: Framing {
        get { own?.framing ?? shared.framing }
        _modify {
            let own = own ?? Own(shared.framing)
            self.own = own
            yield &own.framing
        }
    }
}
