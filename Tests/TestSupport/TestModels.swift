package import BerthServer

/// The models that handlers are tested under.
package enum TestModels {
    /// Those that are there.
    package static let all: [ConcurrencyModel] = blocking + loops

    /// Those whose handlers have a thread of their own for as long as their connection lasts.
    package static let blocking: [ConcurrencyModel] = [.threads, .threadPool()]

    /// Those whose handlers share threads.
    package static let loops: [ConcurrencyModel] = [
        .eventLoops(loops: 1, io: .epoll), .eventLoops(loops: 2, io: .epoll), .eventLoops(loops: 2, io: .uring),
    ]
}
