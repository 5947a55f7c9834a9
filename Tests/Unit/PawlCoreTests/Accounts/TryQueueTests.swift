import PawlTesting
import Synchronization
import Testing

@testable import PawlCore

// FAULTS A1
@Suite("Tries that wait for each other", .tags(.p10))
struct TryQueueTests {
    private let queue = TryQueue()
    private let line: [UInt8] = [1]

    private final class Order: Sendable {
        private let numbers = Mutex<[Int]>([])
        var all: [Int] { numbers.withLock { $0 } }
        func append(_ number: Int) { numbers.withLock { $0.append(number) } }
    }

    @Test func `go one at a time, in the order of their arrival, and leave nothing behind`() async throws {
        let order = Order()
        try await queue.enter(line)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<10 {
                group.addTask {
                    try await queue.enter(line)
                    order.append(number)
                    queue.leave(line)
                }
                try await waitUntil("a try in the line") { queue.count(in: line) > number }
            }
            #expect(order.all.isEmpty)
            queue.leave(line)
            try await group.waitForAll()
        }
        #expect(order.all == Array(0..<10))
        try await queue.enter(line)
        queue.leave(line)
    }

    @Test func `tries that wait are told busy where the line is full, and other lines go on`() async throws {
        try await queue.enter(line)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<TryQueue.capacity {
                group.addTask {
                    try await queue.enter(line)
                    queue.leave(line)
                }
            }
            try await waitUntil("a full line") { queue.count(in: line) == TryQueue.capacity }
            await #expect(throws: SessionError.busy(retryAfter: 1)) { try await queue.enter(line) }
            try await queue.enter([2])
            queue.leave([2])
            queue.leave(line)
            try await group.waitForAll()
        }
        #expect(queue.count(in: line) == 0)
    }
}
