package import BerthServer

/// The models that handlers are tested under.
package enum TestModels {
    /// Those that are there.
    package static let all: [ConcurrencyModel] = blocking + loops

    /// Those with worker processes, which only a program of its own can run.
    package static let workers: [ConcurrencyModel] = [
        .processPool(workers: 2), .processPool(workers: 2, engine: .threads),
        .processPool(workers: 2, engine: .threadPool(threads: 4)), .reusePort(workers: 2),
        .reusePort(workers: 2, engine: .eventLoops(loops: 2, io: .uring)), .processes(reserve: 2),
    ]

    /// All of them, for tests of programs.
    package static let everywhere: [ConcurrencyModel] = all + workers

    /// Those whose handlers have a thread of their own for as long as their connection lasts.
    package static let blocking: [ConcurrencyModel] = [.threads, .threadPool()]

    /// Those whose handlers share threads.
    package static let loops: [ConcurrencyModel] = [
        .eventLoops(loops: 1, io: .epoll), .eventLoops(loops: 2, io: .epoll), .eventLoops(loops: 2, io: .uring),
    ]
}
