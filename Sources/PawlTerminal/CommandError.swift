/// What went wrong and what to do about it, as the last line that a command prints.
package struct CommandError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
