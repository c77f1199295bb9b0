package import BerthSockets
internal import BerthSystem

/// Does what needs an address that was just given up, and tries again for a moment while it is still in use.
///
/// Tests that run at the same time start programs. Between fork and exec a child has a copy of every descriptor of this
/// process, also of a listener that is closed here meanwhile, and holds its address for that moment.
///
/// - Parameter patience: short where the address is expected to stay in use.
package func onceNoForkHoldsIt<R: ~Copyable>(
    within patience: Duration = .seconds(2), _ body: () throws(SocketError) -> R
) throws(SocketError) -> R {
    let patience = Deadline.after(patience)
    while true {
        do { return try body() } catch {
            if error.errno != .addressInUse || patience.hasPassed { throw error }
            var nothing: [PollEntry] = []
            _ = try? Kernel.poll(&nothing, until: .after(.milliseconds(5)))
        }
    }
}
