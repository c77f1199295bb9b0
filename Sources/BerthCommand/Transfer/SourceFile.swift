internal import BerthSystem

/// A file that is to be sent: opened, and remembered as it was then.
final class SourceFile {
    /// The path as the user wrote it.
    let path: String
    let name: TransferName
    let size: Int64
    let file: Descriptor
    private let modified: Int64

    /// Opens a regular file.
    ///
    /// - Parameter name: what it is called on the other side; by default the last part of its path.
    init(path: String, name: String? = nil) throws(TransferError) {
        self.path = path
        if path == "-" {
            throw TransferError(
                "standard input has no size that could be announced: write it to a file first, or send it with "
                    + "`berth connect`")
        }
        do throws(Errno) {
            // Not waiting: opening a named pipe would wait for its writer.
            file = try Kernel.open(path, .nonBlocking)
            let status = try Kernel.status(file.rawValue)
            if status.isDirectory { throw .isADirectory }
            guard status.isRegularFile else { throw .invalidArgument }
            size = status.size
            modified = status.modified
        } catch {
            switch error {
            case .isADirectory:
                throw TransferError("\"\(path)\" is a directory: send its files, or an archive of it")
            case .invalidArgument: throw TransferError("\"\(path)\" is not a regular file")
            default: throw TransferError("cannot open \"\(path)\": \(error)")
            }
        }
        do throws(TransferError) { self.name = try TransferName(name ?? Self.lastPart(of: path)) } catch {
            throw TransferError("\(error.sentence); --name gives it another one")
        }
    }

    /// Why what was sent is not what the file is now; `nil` when the file did not change.
    var change: String? {
        do throws(Errno) {
            let now = try Kernel.status(file.rawValue)
            if now.size != size {
                return "the file changed while it was sent: it had \(size) bytes and has \(now.size) now"
            }
            return now.modified == modified ? nil : "the file changed while it was sent"
        } catch { return "the file cannot be looked at any more: \(error)" }
    }

    private static func lastPart(of path: String) -> String {
        String(path.split(separator: "/", omittingEmptySubsequences: true).last ?? "")
    }
}
