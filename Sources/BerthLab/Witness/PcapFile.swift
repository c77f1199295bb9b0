package import BerthSystem

/// The file format of libpcap, which Wireshark, tshark and tcpdump read.
///
/// Source: draft-ietf-opsawg-pcap.
package enum PcapFile {
    /// A file with these packets of Ethernet, with times in nanoseconds.
    package static func bytes(_ packets: [CapturedPacket]) -> [UInt8] {
        var bytes: [UInt8] = []
        // The magic number of files with nanoseconds; version 2.4; no time zone; the longest packet; LINKTYPE_ETHERNET.
        append(0xa1b2_3c4d, to: &bytes)
        bytes += [2, 0, 4, 0]
        for number: UInt32 in [0, 0, 262_144, 1] { append(number, to: &bytes) }
        for packet in packets {
            append(UInt32(truncatingIfNeeded: packet.time / 1_000_000_000), to: &bytes)
            append(UInt32(truncatingIfNeeded: packet.time % 1_000_000_000), to: &bytes)
            append(UInt32(packet.bytes.count), to: &bytes)
            append(UInt32(packet.length), to: &bytes)
            bytes += packet.bytes
        }
        return bytes
    }

    /// In little-endian order, which the magic number tells.
    private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
        for shift in [UInt32(0), 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}
