internal import BerthFraming
internal import BerthSystem

/// A directory that received files go into, and what may be done there.
///
/// Everything happens relative to the directory's descriptor, so that a directory that is renamed meanwhile, or a name
/// that was checked, stays what it was.
final class Store: Sendable {
    /// The directory as the user wrote it.
    let path: String
    /// Whether files that exist are replaced.
    let overwrites: Bool
    /// The largest file that is taken.
    let maximumFile: ByteCount
    let directory: Descriptor

    init(
        directory path: String, overwrite: Bool = false, maximumFile: ByteCount = .unlimited
    ) throws(TransferError) {
        self.path = path
        overwrites = overwrite
        self.maximumFile = maximumFile
        do throws(Errno) { directory = try Kernel.open(path, .directory) } catch {
            throw TransferError("cannot open the directory \"\(path)\": \(error)")
        }
    }

    /// What is known here about a name before its file is accepted.
    struct Facts: Sendable, Hashable {
        enum Existing: Sendable, Hashable {
            case nothing
            case file
            case directory
        }

        var existing: Existing = .nothing
        /// How many bytes of an earlier transfer there are.
        var partial: Int64 = 0
        /// How many bytes the file system can still take; `nil` when it does not say.
        var freeSpace: Int64?
    }

    /// Decides whether an offer is accepted, and from which offset on.
    static func decide(
        _ offer: FileOffer, _ facts: Facts, overwrites: Bool, maximumFile: ByteCount
    ) throws(TransferError) -> Int64 {
        if offer.size > Int64(maximumFile.bytes) {
            throw TransferError("the file has \(Amount.bytes(offer.size)), above the limit of \(maximumFile)")
        }
        switch facts.existing {
        case .nothing: break
        case .directory: throw TransferError("there is a directory of this name")
        case .file where overwrites: break
        case .file: throw TransferError("the file exists already; --overwrite on the receiving side replaces it")
        }
        // A longer partial file cannot be the beginning of this one.
        let kept = offer.wantsResume && facts.partial <= offer.size ? facts.partial : 0
        // What the partial file has now is free for the new content in any case.
        let needed = offer.size - min(facts.partial, offer.size)
        if let free = facts.freeSpace, needed > free {
            throw TransferError(
                "there is no room for it: \(Amount.bytes(needed)) are needed, \(Amount.bytes(free)) are free")
        }
        return kept
    }

    /// What exists under a name: the link itself where it is one.
    func existing(_ name: TransferName) throws(TransferError) -> Facts.Existing {
        do throws(Errno) {
            let status = try Kernel.status(of: name.text, in: directory.rawValue, followLinks: false)
            return status.isDirectory ? .directory : .file
        } catch {
            if error == .noSuchFile { return .nothing }
            throw TransferError("cannot look for \(name): \(error)")
        }
    }
}
