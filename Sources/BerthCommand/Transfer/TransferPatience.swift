/// How long one side waits for the other. A pure table, so that both sides can be told the same.
enum TransferPatience {
    /// For an answer that takes no work, and for the peer to take or send a byte.
    static let plain: Duration = .seconds(60)

    /// For an answer before which the peer reads, hashes or syncs `count` bytes: as long again as a slow disk of
    /// 20 MB/s takes.
    static func work(on count: Int64) -> Duration { plain + .seconds(count / 20_000_000) }
}
