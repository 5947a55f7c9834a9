import Foundation
import PawlTerminal

/// A password, never as an argument, where every user of the machine could read it: asked for on a terminal without
/// echo, otherwise the first line of the input.
func readPassword() throws -> String {
    let isTerminal = isatty(STDIN_FILENO) == 1
    var settings = termios()
    if isTerminal {
        FileHandle.standardError.write(Data("Password: ".utf8))
        unsafe tcgetattr(STDIN_FILENO, &settings)
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
    }
    defer {
        if isTerminal {
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            FileHandle.standardError.write(Data("\n".utf8))
        }
    }
    let line = try TextFile.firstLineOfInput()
    guard !line.isEmpty else { throw CommandError("No password was given.") }
    return line
}
