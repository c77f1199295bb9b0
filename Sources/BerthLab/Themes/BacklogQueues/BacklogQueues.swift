/// The backlog and its two queues.
enum BacklogQueues {
    static let all = lengths + effective + full + thirdPacket + synQueue + queued
}
