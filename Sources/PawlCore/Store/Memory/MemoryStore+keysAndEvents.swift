import Synchronization

extension MemoryStore {
    package func signingKeys() -> [SealedSigningKey] { tables.withLock { $0.keys } }
    package func addSigningKey(_ key: SealedSigningKey, ifKeysAre known: Set<String>, _ event: Event) -> Bool {
        tables.withLock { tables in
            guard Set(tables.keys.map(\.id)) == known else { return false }
            tables.keys.append(key)
            tables.record(event)
            return true
        }
    }
    package func resealSigningKey(_ key: SealedSigningKey) {
        tables.withLock { tables in
            if let index = tables.keys.firstIndex(where: { $0.id == key.id }) { tables.keys[index] = key }
        }
    }
    package func deleteSigningKey(_ id: String, _ event: Event) {
        tables.withLock { tables in
            guard let index = tables.keys.firstIndex(where: { $0.id == id }) else { return }
            tables.keys.remove(at: index)
            tables.record(event)
        }
    }

    package func append(_ event: Event) { tables.withLock { $0.record(event) } }

    package func events(since start: UnixTime, kinds: Set<Event.Kind>, limit: Int) -> [Event] {
        tables.withLock { tables in
            Array(tables.events.map(\.event).filter { $0.at >= start && kinds.contains($0.kind) }.suffix(limit))
        }
    }

    package func events(after id: Int64, limit: Int) -> [RecordedEvent] {
        tables.withLock { tables in
            Array(tables.events.filter { $0.id > id }.prefix(limit))
        }
    }

    package func latestEvents(limit: Int) -> [RecordedEvent] {
        tables.withLock { $0.events.suffix(limit) }
    }

    package func endings(
        after id: Int64, limit: Int, unless isKnown: @escaping @Sendable (Int64) -> Bool
    ) -> Endings {
        tables.withLock { tables in
            let found = tables.events.filter {
                $0.id > id && [.sessionEnded, .sessionReused].contains($0.event.kind)
            }.prefix(limit)
            return Endings(
                events: found.filter { !isKnown($0.id) }, newest: tables.events.last?.id ?? 0,
                next: found.count == limit ? found.last?.id : nil)
        }
    }

    package func masterSecretChanges(limit: Int) -> [Event] {
        tables.withLock { Array($0.events.map(\.event).filter { $0.kind == .masterSecretChanged }.suffix(limit)) }
    }

    package func deleteEvents(before cutoff: UnixTime, limit: Int) -> Bool {
        tables.withLock { tables in
            let old = tables.events.filter { $0.event.kind != .masterSecretChanged }.prefix(limit)
                .filter { $0.event.at < cutoff }
            let ids = Set(old.map(\.id))
            tables.events.removeAll { ids.contains($0.id) }
            return old.count == limit
        }
    }
}
