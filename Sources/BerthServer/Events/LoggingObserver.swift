#if Logging
internal import BerthEngine
internal import BerthHarbour
internal import BerthSockets
public import Logging

/// Reports a server's events to a swift-log `Logger`. With the package trait `Logging`.
///
/// Levels: accepted and ended connections `debug` (a failed handler `warning`), the server's own life `info`, refusals,
/// accept errors and handlers that block their loop `warning`.
public struct LoggingObserver: ServerObserver {
    private let logger: Logger

    public init(_ logger: Logger) { self.logger = logger }

    public func observe(_ event: ServerEvent) {
        switch event {
        case .listening(let address, let backlog, let note):
            logger.info("listening", metadata: ["address": "\(address)", "backlog": "\(backlog)"])
            if let note { logger.notice("\(note)", metadata: ["address": "\(address)"]) }
        case .accepted(let id, let peer):
            logger.debug("accepted", metadata: ["connection": "\(id)", "peer": "\(peer)"])
        case .refused(let peer, let reason):
            logger.warning("refused", metadata: ["peer": "\(peer?.description ?? "unknown")", "reason": "\(reason)"])
        case .ended(let id, let peer, let end):
            let level: Logger.Level = end.outcome.kind == .handlerFailed ? .warning : .debug
            var metadata: Logger.Metadata = [
                "connection": "\(id)", "peer": "\(peer)", "outcome": "\(end.outcome)",
                "duration": "\(end.duration.short)",
            ]
            if let bytes = end.bytes { metadata["bytes"] = "\(bytes)" }
            logger.log(level: level, "ended", metadata: metadata)
        case .acceptFailed(let errno, let pause):
            logger.warning(
                "accept failed", metadata: ["error": "\(errno)", "pause": "\(pause?.description ?? "none")"])
        case .acceptStalled(let waiting, let time, let isFull):
            logger.warning(
                "nothing is accepted",
                metadata: ["waiting": "\(waiting)", "time": "\(time.short)", "full": "\(isFull)"])
        case .acceptResumed(let time): logger.notice("accepting again", metadata: ["time": "\(time.short)"])
        case .handlerBlocks(let id, let peer, let time):
            logger.warning("handler blocks its event loop", metadata: Self.metadata(id, peer, time))
        case .handlerBlocked(let id, let peer, let time):
            logger.warning("handler no longer blocks its event loop", metadata: Self.metadata(id, peer, time))
        case .draining(let step): logger.log(level: Self.level(of: step), "\(step)")
        case .harbour(let event): logger.log(level: Self.level(of: event), "\(event)")
        case .stopped(let report):
            for cut in report.cut { logger.warning("\(cut)") }
            logger.info("stopped", metadata: ["cut": "\(report.killed)", "duration": "\(report.duration.short)"])
        }
    }

    private static func level(of step: DrainStep) -> Logger.Level {
        switch step {
        case .announced, .telling: .info
        case .halfClosing, .resetting: .warning
        }
    }

    private static func level(of event: HarbourEvent) -> Logger.Level {
        switch event {
        case .workerLost, .workerFailed, .workerSilent, .workerKilled, .rolloutFailed, .rescued: .warning
        case .note: .notice
        default: .info
        }
    }

    private static func metadata(_ id: ConnectionID?, _ peer: SocketAddress?, _ time: Duration) -> Logger.Metadata {
        [
            "connection": "\(id?.description ?? "unknown")", "peer": "\(peer?.description ?? "unknown")",
            "time": "\(time.short)",
        ]
    }
}
#endif
