package import BerthServer

/// The models that handlers are tested under.
package enum TestModels {
    /// Those that are there.
    package static let all: [ConcurrencyModel] = [
        .threads, .threadPool(), .eventLoops(loops: 1), .eventLoops(loops: 2),
    ]

    /// Those whose handlers have a thread of their own for as long as their connection lasts.
    package static let blocking: [ConcurrencyModel] = [.threads, .threadPool()]
}
