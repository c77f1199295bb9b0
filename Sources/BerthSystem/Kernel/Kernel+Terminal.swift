internal import CBerth
internal import Glibc

/// A terminal whose keys arrive one by one and are not shown, until this value ends.
package struct RawTerminal: ~Copyable {
    private let descriptor: Int32
    private let before: termios

    /// The corresponding C function is `tcsetattr(3)` without ICANON and ECHO; ^C still ends the program.
    package init(_ descriptor: Int32) throws(Errno) {
        var settings = termios()
        guard unsafe tcgetattr(descriptor, &settings) == 0 else { throw .current }
        let found = settings
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
        guard unsafe tcsetattr(descriptor, TCSANOW, &settings) == 0 else { throw .current }
        self.descriptor = descriptor
        before = found
    }

    deinit {
        var settings = before
        // Nobody is left to be told when the terminal is gone.
        _ = unsafe tcsetattr(descriptor, TCSANOW, &settings)
    }
}

extension Kernel {
    /// The lines of the terminal's window; `nil` where it does not say. The corresponding C function is `ioctl(2)`
    /// with TIOCGWINSZ.
    package static func windowRows(_ fd: Int32) -> Int? {
        let rows = berth_window_rows(fd)
        return rows > 0 ? Int(rows) : nil
    }
}
