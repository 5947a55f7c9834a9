/// What went wrong and what to do about it, as the last line that a command prints.
struct CommandError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
