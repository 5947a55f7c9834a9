import Foundation
import PawlTerminal

/// The terminal as it was found, for a signal that comes while it does not echo. A global, because a signal
/// handler can capture nothing; unsafe, because no lock may be taken there. It is written before a handler is set.
nonisolated(unsafe) private var echoing = termios()

/// A password, never as an argument, where every user of the machine could read it: asked for on a terminal without
/// echo, otherwise the first line of the input.
func readPassword() throws -> String {
    let isTerminal = isatty(STDIN_FILENO) == 1
    if isTerminal {
        FileHandle.standardError.write(Data("Password: ".utf8))
        unsafe tcgetattr(STDIN_FILENO, &echoing)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                unsafe tcsetattr(STDIN_FILENO, TCSANOW, &echoing)
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        var silent = unsafe echoing
        silent.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    }
    defer {
        if isTerminal {
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &echoing)
            for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_DFL) }
            FileHandle.standardError.write(Data("\n".utf8))
        }
    }
    let line = try TextFile.firstLineOfInput()
    guard !line.isEmpty else { throw CommandError("No password was given.") }
    return line
}
