internal import BerthSystem
internal import Crypto

/// A file that is being received: `NAME.part` in the store's directory, locked against every other receiver, until it
/// is complete and gets its name.
///
/// A transfer that is cut leaves it there, so that it can be continued.
final class PartialFile {
    let name: TransferName
    private let store: Store
    private let file: Descriptor
    /// From where on the pages were not yet handed to the device.
    private var writtenOut: Int64 = 0
    private(set) var position: Int64 = 0

    /// How much is written before the device is asked to begin: the final wait is then short, and the pages of one
    /// transfer do not fill the memory.
    private static let writeOutStep: Int64 = 32 << 20

    /// Opens the file, or makes it, and locks it.
    init(_ name: TransferName, in store: Store) throws(TransferError) {
        self.name = name
        self.store = store
        file = try Self.open(name, store.directory.rawValue)
    }

    /// How many bytes there are.
    var size: Int64 {
        get throws(TransferError) {
            do throws(Errno) { return try Kernel.status(file.rawValue).size } catch { throw Self.failure(error, name) }
        }
    }

    /// The file system's free bytes.
    var freeSpace: Int64? { (try? Kernel.freeSpace(file.rawValue)) ?? nil }

    private static func open(_ name: TransferName, _ directory: Int32) throws(TransferError) -> Descriptor {
        do throws(Errno) {
            // Between opening and locking, another receiver may give the file its name: then this is another file.
            for _ in 0..<8 {
                let file = try Kernel.open(name.part, in: directory, [.readWrite, .create, .noFollow, .nonBlocking])
                let status = try Kernel.status(file.rawValue)
                guard status.isRegularFile else { throw Errno.invalidArgument }
                try Kernel.lock(file.rawValue)
                let named = try? Kernel.status(of: name.part, in: directory, followLinks: false)
                if named?.inode == status.inode, named?.device == status.device { return file }
            }
            throw .wouldBlock
        } catch {
            switch error {
            case .wouldBlock: throw TransferError("another sender is sending a file of this name")
            case .invalidArgument: throw TransferError("\(name.part) exists and is not a regular file")
            case .tooManyLinks: throw TransferError("\(name.part) exists and is a symbolic link")
            default: throw TransferError("cannot open \(name.part): \(error)")
            }
        }
    }

    /// Takes the first `count` bytes into `hash` and goes on behind them; anything further is cut off.
    func keep(_ count: Int64, into hash: inout SHA256) throws(TransferError) {
        do throws(Errno) {
            let reached = try hash.update(file: file.rawValue, 0..<count)
            guard reached == count else { throw Errno.ioError }
            try Kernel.truncate(file.rawValue, to: count)
            try Kernel.seek(file.rawValue, to: count)
            position = count
            writtenOut = count
        } catch { throw Self.failure(error, name) }
    }

    /// Begins again with an empty file.
    func restart() throws(TransferError) {
        do throws(Errno) {
            try Kernel.truncate(file.rawValue, to: 0)
            try Kernel.seek(file.rawValue, to: 0)
            position = 0
            writtenOut = 0
        } catch { throw Self.failure(error, name) }
    }

    /// Appends bytes.
    func write(_ bytes: UnsafeRawBufferPointer) throws(TransferError) {
        do throws(Errno) { try unsafe Kernel.writeAll(file.rawValue, bytes) } catch { throw Self.failure(error, name) }
        position += Int64(bytes.count)
        if position - writtenOut >= Self.writeOutStep {
            Kernel.beginWriteOut(file.rawValue, offset: writtenOut, count: position - writtenOut)
            writtenOut = position
        }
    }

    /// Waits until the content is on the device, and gives the file its name.
    func complete() throws(TransferError) {
        let directory = store.directory.rawValue
        do throws(Errno) {
            try Kernel.synchronise(file.rawValue)
            if store.overwrites {
                try Kernel.rename(name.part, to: name.text, in: directory)
            } else {
                try renameToNew(in: directory)
            }
            // The name is on the device only with its directory (`man 2 fsync`).
            try Kernel.synchronise(directory)
        } catch {
            if error == .fileExists {
                throw TransferError("a file of this name was made meanwhile; \(name.part) is kept")
            }
            throw Self.failure(error, name)
        }
    }

    private func renameToNew(in directory: Int32) throws(Errno) {
        do throws(Errno) { try Kernel.rename(name.part, toNew: name.text, in: directory) } catch {
            // Network file systems cannot do it in one step; the lock keeps other receivers away, if nobody else.
            guard error == .invalidArgument else { throw error }
            if (try? Kernel.status(of: name.text, in: directory, followLinks: false)) != nil { throw .fileExists }
            try Kernel.rename(name.part, to: name.text, in: directory)
        }
    }

    /// Removes the file: its content is wrong.
    func discard() { try? Kernel.unlink(name.part, in: store.directory.rawValue) }

    /// Removes the file when there is nothing in it.
    func discardIfEmpty() { if position == 0 { discard() } }

    private static func failure(_ errno: Errno, _ name: TransferName) -> TransferError {
        TransferError("cannot write \(name.part): \(errno)")
    }
}

extension Errno {
    /// ELOOP: what O_NOFOLLOW makes of a symbolic link.
    fileprivate static let tooManyLinks = Errno(rawValue: 40)
}
