internal import Berth
package import BerthTesting

/// Makes the streams of the cases.
package struct StreamGenerator {
    package let setup: Setup

    package init(setup: Setup) { self.setup = setup }

    /// Frames that the codec can carry as a rule, encoded one after the other.
    ///
    /// - Parameter log: gets what decoding has to find, in the form of `FrameLog`.
    package func valid(_ random: inout SeededGenerator, log: inout FrameLog) -> [UInt8] {
        var codec = setup.framing
        var output = ByteQueue()
        for _ in 0...random.below(3) {
            let frame = Frame(head: head(&random), body: body(&random))
            let before = output.count
            do throws(FramingError) {
                try codec.encode(frame, into: &output)
                log.append(expected(frame, before, output))
            } catch {
                // All or nothing.
                if output.count != before { log.violation = "a refused frame left bytes behind" }
            }
        }
        return output.withUnsafeBytes { Array($0) }
    }

    /// What decoding makes of an encoded frame: where the encoder completes it, what it completed.
    private func expected(_ frame: Frame, _ before: Int, _ output: borrowing ByteQueue) -> Frame {
        let written = output.withUnsafeBytes { Array($0[before...]) }
        switch setup {
        case .lines(let codec) where codec.includesTerminator: return Frame(body: written)
        case .headers:
            return Frame(head: Array(written.dropLast(frame.body.count + 2)), body: frame.body)
        default: return frame
        }
    }

    private func body(_ random: inout SeededGenerator) -> [UInt8] {
        if case .fixedLength(let codec) = setup, random.below(8) > 0 {
            return (0..<codec.size.bytes).map { _ in byte(&random) }
        }
        return (0..<random.below(28)).map { _ in byte(&random) }
    }

    private func head(_ random: inout SeededGenerator) -> [UInt8] {
        guard case .headers(let codec) = setup else { return [] }
        var lines = codec.firstLine == .start ? "GET /\n" : ""
        for _ in 0..<random.below(3) { lines += ["A: 1\r\n", "b:2\n", "C:\n"][random.below(3)] }
        return Array(lines.utf8)
    }

    /// A byte of the alphabet in which this codec's marks are frequent.
    private func byte(_ random: inout SeededGenerator) -> UInt8 {
        let any = UInt8(truncatingIfNeeded: random.next())
        switch setup {
        case .lines: return [0x0A, 0x0D, 0x61, any, 0x62, 0x63, 0x64, 0x65][random.below(8)]
        case .delimiter: return [0x61, 0x62, 0x62, 0x61, 0x61, 0x62, 0x63, any][random.below(8)]
        case .headers: return [0x0A, 0x0D, 0x3A, 0x20, 0x61, 0x31, 0x62, any][random.below(8)]
        default: return any
        }
    }

    /// Bytes without a plan.
    package func garbage(_ random: inout SeededGenerator) -> [UInt8] {
        (0..<random.below(64)).map { _ in byte(&random) }
    }

    /// A frame that announces a length meant to break something.
    package func hostile(_ random: inout SeededGenerator) -> [UInt8] {
        var length: UInt64
        switch random.below(4) {
        case 0: length = UInt64(random.below(40))
        case 1: length = UInt64(1) << UInt64(random.below(64))
        case 2: length = UInt64.max - UInt64(random.below(20))
        default: length = UInt64(Int.max) - UInt64(random.below(20))
        }
        if random.below(2) == 0 { length &-= UInt64(random.below(3)) }
        let rest = garbage(&random)
        switch setup {
        case .lengthPrefix(let codec):
            let places = 0..<codec.width.rawValue
            let bytes = places.map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) }
            return (codec.endian == .big ? bytes.reversed() : bytes) + rest
        case .headers(let codec):
            let start = codec.firstLine == .start ? "G\n" : ""
            let sign = ["", "", "", "+", "-", " ", "0"][random.below(7)]
            let name = ["Content-Length", "content-length", "CONTENT-LENGTH ", "Transfer-Encoding"][random.below(4)]
            let end = ["\r\n\r\n", "\n\n", "\n\r\n", ", 1\n\n", "\nContent-Length:1\n\n"][random.below(5)]
            return Array("\(start)\(name):\(sign)\(length)\(end)".utf8) + rest
        default: return rest
        }
    }

    /// Changes some bytes of `stream`, drops some, doubles some, or cuts its end off.
    package func mutate(_ stream: inout [UInt8], _ random: inout SeededGenerator) {
        for _ in 0...random.below(3) where !stream.isEmpty {
            let index = random.below(stream.count)
            switch random.below(5) {
            case 0: stream[index] = byte(&random)
            case 1: stream[index] ^= 1 << UInt8(random.below(8))
            case 2: stream.remove(at: index)
            case 3: stream.insert(stream[index], at: index)
            default: stream.removeSubrange(index...)
            }
        }
    }
}
