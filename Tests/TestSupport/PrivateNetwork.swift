package import BerthSystem

/// A network namespace of a test's own: its loopback, its ports, its settings.
package enum PrivateNetwork {
    /// Whether namespaces may be made here; says why not, once. For `.enabled(if:)` of a test.
    package static let isAvailable: Bool = {
        let result = Monitor<Result<Void, Errno>?>(nil)
        do {
            try Thread.start(name: "probe-netns") {
                let outcome = Result { () throws(Errno) in try NetworkNamespace.enterNew() }
                result.change { $0 = outcome }
            }
        } catch {
            print("tests of the kernel's rules are skipped: no thread could be started, \(error)")
            return false
        }
        guard case .failure(let error)? = result.wait({ $0 }) else { return true }
        print("tests of the kernel's rules are skipped: a private network namespace needs CAP_SYS_ADMIN, \(error)")
        return false
    }()

    /// Changes a setting of the namespace that the calling thread is in, for example `net/core/somaxconn`.
    package static func set(_ name: String, to value: Int) throws(Errno) {
        let file = try Kernel.open("/proc/sys/\(name)", .write)
        var text = String(value)
        let result = text.withUTF8 { bytes in
            Result { () throws(Errno) in try unsafe Kernel.writeAll(file.rawValue, UnsafeRawBufferPointer(bytes)) }
        }
        try result.get()
    }
}
