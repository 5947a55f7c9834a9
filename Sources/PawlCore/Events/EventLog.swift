/// The record of what happened, for operators.
package struct EventLog: Sendable {
    let environment: PawlEnvironment

    /// The newest events, oldest first; or those after the event of a number.
    package func list(after id: Int64?, limit: Int) async throws(SessionError) -> [RecordedEvent] {
        try await environment.stored { () async throws(StoreError) in
            if let id {
                try await environment.store.events(after: id, limit: limit)
            } else {
                try await environment.store.latestEvents(limit: limit)
            }
        }
    }
}
