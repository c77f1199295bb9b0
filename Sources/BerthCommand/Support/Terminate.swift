internal import Glibc

/// Ends the process. In a file of its own, because the C library's names would hide those of the argument parser.
func terminate(_ code: Int32) -> Never { exit(code) }
