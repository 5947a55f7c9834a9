/// Waits until `isTrue`, and looks again at once, since most of what a test waits for takes microseconds.
///
/// - Parameters:
///   - what: what the test waits for, for the error.
///   - limit: how long at most.
/// - Throws: ``WaitedTooLong`` after the limit, so that a test which waits in vain fails and does not hang.
package func waitUntil(
    _ what: String, within limit: Duration = .seconds(60), _ isTrue: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !isTrue() {
        guard .now < deadline else { throw WaitedTooLong(what: what, limit: limit) }
        try Task.checkCancellation()
        await Task.yield()
    }
}

package struct WaitedTooLong: Error, CustomStringConvertible {
    package let what: String
    package let limit: Duration

    package init(what: String, limit: Duration) {
        self.what = what
        self.limit = limit
    }

    package var description: String { "Waited for \(what), in vain for \(limit)." }
}
