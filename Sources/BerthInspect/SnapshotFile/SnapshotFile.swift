internal import BerthSockets
internal import BerthSystem

/// Snapshots as files: JSON, with a version. A file holds one snapshot, or the two between which counters are compared.
package enum SnapshotFile {
    /// The version that is written; files of others are refused.
    package static let version = 1

    /// Why a file is no snapshot, as one sentence without the file's name.
    package struct Mistake: Error, Sendable, Hashable, CustomStringConvertible {
        package var description: String
    }

    /// The bytes of a file.
    package static func encoded(_ snapshots: [Snapshot]) -> [UInt8] {
        let coder = SnapshotCoder()
        var content = Content(version: version, snapshots: snapshots)
        content.code(coder)
        coder.finish()
        return coder.written
    }

    /// - Throws: what is wrong with the bytes, and at which of them.
    package static func decoded(_ bytes: [UInt8]) throws(Mistake) -> [Snapshot] {
        let coder = SnapshotCoder(reading: bytes)
        var content = Content(version: 0, snapshots: [])
        content.code(coder)
        if content.version != 0, content.version != version {
            throw Mistake(
                description: "it is a snapshot of version \(content.version); this berth reads version \(version)")
        }
        coder.finish()
        if let mistake = coder.mistake {
            throw Mistake(description: bytes.isEmpty ? "it is empty" : "it is not a whole snapshot: \(mistake)")
        }
        guard content.version == version, !content.snapshots.isEmpty else {
            throw Mistake(description: "it is JSON, but not a snapshot of berth check --save")
        }
        return content.snapshots
    }

    private struct Content {
        var version: Int
        var snapshots: [Snapshot]

        mutating func code(_ coder: SnapshotCoder) {
            var (version, snapshots) = (version, snapshots)
            coder.object {
                coder.field("berthSnapshot", &version)
                if version != 0, version != SnapshotFile.version { return coder.refuse("another version") }
                coder.field("snapshots", &snapshots, new: Snapshot()) { $0.code(coder) }
            }
            (self.version, self.snapshots) = (version, snapshots)
        }
    }
}
