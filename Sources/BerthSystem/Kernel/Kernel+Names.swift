internal import CBerth
internal import Glibc

/// Why a name could not be resolved: the code of `getaddrinfo(3)`.
package struct ResolutionFailure: Error, Sendable, Hashable {
    package let code: Int32

    package init(code: Int32) { self.code = code }

    /// What it says, for example `Name or service not known`.
    package var sentence: String { unsafe String(cString: gai_strerror(code)) }
    /// Whether trying again may help (EAI_AGAIN).
    package var isTemporary: Bool { code == EAI_AGAIN }
    /// Whether the name does not exist, or has no address of the wanted family (EAI_NONAME, and EAI_NODATA of glibc).
    package var isUnknownName: Bool { code == EAI_NONAME || code == -5 }
}

extension Kernel {
    /// The stream addresses of a host name. The corresponding C function is `getaddrinfo(3)`; it blocks for as long as
    /// the resolver takes.
    package static func addresses(
        ofHost host: String, service: String?, family: Int32 = 0, numericOnly: Bool = false
    ) throws(ResolutionFailure) -> [RawSocketAddress] {
        var hints = addrinfo()
        hints.ai_family = family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = numericOnly ? AI_NUMERICHOST : 0
        var list: UnsafeMutablePointer<addrinfo>?
        #if BERTH_FAULTS
        if case .fail = SyscallFaults.next(.resolve, -1) { throw ResolutionFailure(code: EAI_AGAIN) }
        #endif
        let result = unsafe getaddrinfo(host, service, &hints, &list)
        guard result == 0 else { throw ResolutionFailure(code: result) }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [RawSocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe entry.pointee.ai_addr {
                var raw = RawSocketAddress()
                raw.length = unsafe entry.pointee.ai_addrlen
                unsafe withUnsafeMutableBytes(of: &raw.storage) {
                    unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(raw.length)))
                }
                addresses.append(raw)
            }
            unsafe next = entry.pointee.ai_next
        }
        return addresses
    }

    /// The number of a network interface, as in a scope id. The corresponding C function is `if_nametoindex(3)`.
    package static func interfaceIndex(named name: String) -> UInt32? {
        let index = unsafe if_nametoindex(name)
        return index == 0 ? nil : index
    }

    /// The name of a network interface. The corresponding C function is `if_indextoname(3)`.
    package static func interfaceName(index: UInt32) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        guard unsafe if_indextoname(index, &buffer) != nil else { return nil }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
