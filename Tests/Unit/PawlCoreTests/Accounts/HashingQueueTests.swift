import PawlTesting
import Synchronization
import Testing

@testable import PawlCore

/// Whose password is looked at next. FAULTS A4
@Suite("Passwords wait in turn", .tags(.p10), .timeLimit(.minutes(1)))
struct HashingQueueTests {
    private func origin(_ address: String) -> Origin { Origin(address: address, userAgent: "") }

    @Test func `a flood from one network makes another network wait for one hash of it, not for all`() async throws {
        let queue = HashingQueue(width: 1, metrics: PawlMetrics())
        let (done, gate) = (Order(), AsyncStream<Void>.makeStream())
        // Twenty tries of three people in one network, and then somebody who is alone in another one.
        let people =
            [("first", "198.51.100.1")] + (1...20).map { ("flood \($0 % 3)", "198.51.100.\($0)") }
            + [("alone", "203.0.113.9")]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (name, address) in people {
                let (share, before) = (HashingShare(origin(address), name), queue.length)
                group.addTask {
                    try await queue.run(for: share) { () async throws(SessionError) in
                        if name == "first" { for await _ in gate.stream { break } }
                        done.add(name)
                    }
                }
                try await waitUntil("the queue") { queue.length > before }
            }
            gate.continuation.finish()
            try await group.waitForAll()
        }
        let order = done.names
        #expect(order.count == 22)
        #expect(try #require(order.firstIndex(of: "alone")) <= 2, "\(order)")
        #expect(Set(order[1...4]).count == 4, "people of one network take turns, too: \(order)")
        #expect(queue.length == 0)
    }

    @Test func `one network cannot fill the queue for the others`() async throws {
        let queue = HashingQueue(width: 1, metrics: PawlMetrics())
        let gate = AsyncStream<Void>.makeStream()
        let (here, there) = (HashingShare(origin("198.51.100.1"), "a"), HashingShare(origin("203.0.113.9"), "b"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0...HashingQueue.siteCapacity {
                let before = queue.length
                group.addTask {
                    try await queue.run(for: here) { () async throws(SessionError) in
                        for await _ in gate.stream { break }
                    }
                }
                try await waitUntil("the queue") { queue.length > before }
            }
            #expect(queue.isFull(for: here) && !queue.isFull(for: there))
            await #expect(throws: SessionError.busy(retryAfter: 1)) {
                try await queue.run(for: here) { () async throws(SessionError) in }
            }
            gate.continuation.finish()
            try await group.waitForAll()
        }
        #expect(queue.length == 0)
    }

    @Test func `a full queue drops a waiter of the busiest person or network for a new one`() async throws {
        let queue = HashingQueue(width: 1, metrics: PawlMetrics())
        let (refused, gate) = (Order(), AsyncStream<Void>.makeStream())
        try await withThrowingTaskGroup(of: Void.self) { group in
            func share(_ number: Int) -> HashingShare {
                // One who waits often, from many networks, each of them full.
                number == 0
                    ? HashingShare(origin("192.0.2.1"), "first")
                    : HashingShare(origin("198.51.\((number - 1) / HashingQueue.siteCapacity).1"), "flood")
            }
            for number in 0...HashingQueue.capacity {
                let (share, before) = (share(number), queue.length)
                group.addTask {
                    do throws(SessionError) {
                        try await queue.run(for: share) { () async throws(SessionError) in
                            for await _ in gate.stream { break }
                        }
                    } catch {
                        refused.add("flood")
                    }
                }
                try await waitUntil("the queue") { queue.length > before }
            }
            for newcomer in [
                HashingShare(origin("198.51.0.1"), "colleague"), HashingShare(origin("203.0.113.9"), "alone"),
            ] {
                #expect(!queue.isFull(for: newcomer))
                let before = refused.names.count
                group.addTask { try await queue.run(for: newcomer) { () async throws(SessionError) in } }
                try await waitUntil("one gives way") { refused.names.count > before }
            }
            #expect(queue.length == HashingQueue.capacity + 1)
            queue.close()
            gate.continuation.finish()
            // The newcomers wait when the queue is closed, and are turned away with all others.
            while let result = await group.nextResult() { _ = result }
        }
        #expect(queue.length == 0)
        await #expect(throws: SessionError.busy(retryAfter: 1)) {
            try await queue.run(for: HashingShare(nil, "late")) { () async throws(SessionError) in }
        }
    }

    @Test func `nobody waits for much longer than the patience, however many others have a turn before`() async throws {
        let time = Mutex(ContinuousClock.now)
        let queue = HashingQueue(width: 1, metrics: PawlMetrics()) { time.withLock { $0 } }
        let (done, refused) = (Order(), Order())
        let gates = (first: AsyncStream<Void>.makeStream(), second: AsyncStream<Void>.makeStream())
        try await withThrowingTaskGroup(of: Void.self) { group in
            func send(_ name: String, from address: String, until gate: AsyncStream<Void>? = nil) async throws {
                let (share, before) = (HashingShare(origin(address), name), queue.length)
                group.addTask {
                    do throws(SessionError) {
                        try await queue.run(for: share) { () async throws(SessionError) in
                            if let gate { for await _ in gate { break } }
                            done.add(name)
                        }
                    } catch {
                        refused.add(name)
                    }
                }
                try await waitUntil("the queue") { queue.length > before }
            }
            try await send("under way", from: "198.51.100.1", until: gates.first.stream)
            for number in 1...3 { try await send("early", from: "203.0.113.\(number)") }
            time.withLock { $0 += .seconds(HashingQueue.patience) + .milliseconds(1) }
            // Its turn comes after that of the first early one: the others are too late wherever they stand.
            try await send("fresh", from: "203.0.113.9", until: gates.second.stream)
            gates.first.continuation.finish()
            try await waitUntil("those who waited too long are refused") { refused.names.count == 3 }
            #expect(queue.length == 1, "the fresh one is under way")
            gates.second.continuation.finish()
            try await group.waitForAll()
        }
        #expect(refused.names == ["early", "early", "early"])
        #expect(done.names == ["under way", "fresh"])
        #expect(queue.length == 0)
    }

    private final class Order: Sendable {
        private let list = Mutex<[String]>([])
        var names: [String] { list.withLock { $0 } }
        func add(_ name: String) { list.withLock { $0.append(name) } }
    }
}
