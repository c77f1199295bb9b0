internal import BerthSystem

/// Descriptors 0, 1 and 2, which the whole command takes for its input, its output and its errors.
enum StandardDescriptors {
    /// Opens those that the command was started without (`<&-`, `2>&-`), so that no socket gets their numbers: otherwise
    /// what is said on standard error would be sent to a client.
    static func fill() {
        // The lowest free number is given first (`man 2 open`).
        for _ in 0...2 {
            guard let descriptor = try? Kernel.open("/dev/null"), descriptor.rawValue <= 2 else { return }
            _ = descriptor.release()
        }
    }
}
