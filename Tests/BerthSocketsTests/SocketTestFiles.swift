import Glibc

/// mkdir and rmdir, which Berth itself has no use for.
func makeDirectory(_ path: String) throws {
    if mkdir(path, 0o700) != 0 { throw POSIXFailure(code: errno) }
}

func removeDirectory(_ path: String) {
    if let directory = opendir(path) {
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { unlink("\(path)/\(name)") }
        }
        closedir(directory)
    }
    rmdir(path)
}

struct POSIXFailure: Error { let code: Int32 }
