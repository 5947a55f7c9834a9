/// The store could not do it, or does not know whether it did. Callers answer 503: nobody is signed out by this.
public struct StoreError: Error, CustomStringConvertible {
    /// For the log: never shown to a client, holds no row's content.
    public let description: String

    package init(_ description: String) {
        self.description = description
    }
}
