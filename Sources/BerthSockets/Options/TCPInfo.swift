public import BerthFraming
internal import BerthSystem
package import CBerth

/// What the kernel knows about a TCP connection: TCP_INFO.
///
/// On kernels before 5.5 some of the later figures are 0. Sources: `man 7 tcp`, `linux/tcp.h`.
public struct TCPInfo: Sendable, Hashable {
    public var state: TCPState
    /// The smoothed round-trip time, and how much it varies.
    public var roundTrip: Duration
    public var roundTripVariance: Duration
    /// The shortest round trip of the last minutes; `nil` before the first measurement.
    public var minimumRoundTrip: Duration?
    /// The round trip as the receiving side sees it; zero when it sees none.
    public var receiverRoundTrip: Duration
    /// When an unacknowledged segment is sent again.
    public var retransmissionTimeout: Duration

    /// Retransmissions of the segment that is due now, without an answer so far.
    public var retransmissionsNow: Int
    /// Segments retransmitted during the whole connection.
    public var retransmissions: Int
    /// Probes of keep-alive or of a closed window, without an answer so far.
    public var probes: Int
    /// How often the timer was doubled.
    public var backoff: Int

    /// Segments that may be under way, and the largest segment.
    public var congestionWindow: Int
    public var sendSegmentSize: ByteCount
    public var receiveSegmentSize: ByteCount
    public var pathMTU: ByteCount
    /// Segments under way that are not acknowledged; on a listener the connections that wait.
    public var unacknowledgedSegments: Int
    public var lostSegments: Int
    /// How much the peer's window takes.
    public var sendWindow: ByteCount
    /// How much of the own receive buffer is offered.
    public var receiveSpace: ByteCount
    /// What was handed to the kernel and not sent yet.
    public var notSent: ByteCount

    public var bytesSent: ByteCount
    public var bytesAcknowledged: ByteCount
    public var bytesReceived: ByteCount
    public var bytesRetransmitted: ByteCount

    /// How long ago data was sent and received, and an acknowledgement received. A bare FIN counts only as the latter.
    public var lastDataSent: Duration
    public var lastDataReceived: Duration
    public var lastAckReceived: Duration

    /// Bytes a second, as last measured, and whether the application rather than the network limited it.
    public var deliveryRate: ByteCount
    public var deliveryRateIsLimitedByApplication: Bool
    /// How long there was something to send, and how much of that time the peer's window or the own send buffer held
    /// it up.
    public var busy: Duration
    public var limitedByPeerWindow: Duration
    public var limitedBySendBuffer: Duration

    /// Reads the kernel's structure, for example one that came with a sock_diag answer.
    package init(_ info: berth_tcp_info) {
        func count(_ number: some BinaryInteger) -> ByteCount { ByteCount(Int(clamping: number)) }
        func micro(_ number: some BinaryInteger) -> Duration { .microseconds(Int64(clamping: number)) }
        func milli(_ number: some BinaryInteger) -> Duration { .milliseconds(Int64(clamping: number)) }
        // A state that this version does not know cannot be in use: it is taken as closed.
        state = TCPState(rawValue: info.state) ?? .closed
        roundTrip = micro(info.rtt)
        roundTripVariance = micro(info.rttvar)
        minimumRoundTrip = info.min_rtt == .max || info.min_rtt == 0 ? nil : micro(info.min_rtt)
        receiverRoundTrip = micro(info.rcv_rtt)
        retransmissionTimeout = micro(info.rto)
        retransmissionsNow = Int(info.retransmits)
        retransmissions = Int(info.total_retrans)
        probes = Int(info.probes)
        backoff = Int(info.backoff)
        congestionWindow = Int(info.snd_cwnd)
        sendSegmentSize = count(info.snd_mss)
        receiveSegmentSize = count(info.rcv_mss)
        pathMTU = count(info.pmtu)
        unacknowledgedSegments = Int(info.unacked)
        lostSegments = Int(info.lost)
        sendWindow = count(info.snd_wnd)
        receiveSpace = count(info.rcv_space)
        notSent = count(info.notsent_bytes)
        bytesSent = count(info.bytes_sent)
        bytesAcknowledged = count(info.bytes_acked)
        bytesReceived = count(info.bytes_received)
        bytesRetransmitted = count(info.bytes_retrans)
        lastDataSent = milli(info.last_data_sent)
        lastDataReceived = milli(info.last_data_recv)
        lastAckReceived = milli(info.last_ack_recv)
        deliveryRate = count(info.delivery_rate)
        deliveryRateIsLimitedByApplication = info.delivery_rate_app_limited != 0
        busy = micro(info.busy_time)
        limitedByPeerWindow = micro(info.rwnd_limited)
        limitedBySendBuffer = micro(info.sndbuf_limited)
    }
}

extension TCPSocket {
    /// What the kernel knows about the connection.
    ///
    /// - Throws: operation `.option("TCP_INFO")`, also for Unix sockets, which have none.
    public var tcpInfo: TCPInfo {
        get throws(SocketError) {
            do { return TCPInfo(try Kernel.tcpInfo(fileDescriptor)) } catch {
                throw SocketError(
                    .option("TCP_INFO"), address: peer.description, errno: error,
                    hint: peer.isIP ? nil : "only TCP sockets have it")
            }
        }
    }
}

/// How full the accept queue of a listener is: the connections that the kernel has made and nobody has accepted.
public struct AcceptQueue: Sendable, Hashable {
    /// The connections that wait.
    public var waiting: Int
    /// The effective backlog. The queue holds one more than that; then the kernel drops new connections silently, and
    /// clients wait and try again.
    public var limit: Int

    public init(waiting: Int, limit: Int) {
        self.waiting = waiting
        self.limit = limit
    }

    /// Whether the kernel drops new connections now.
    public var isFull: Bool { waiting > limit }
}
