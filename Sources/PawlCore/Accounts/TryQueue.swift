import Synchronization

/// Tries at one password, one after another in the order of their arrival: many right ones at once are no failures, and
/// many wrong ones at once are no more guesses than one by one.
final class TryQueue: Sendable {
    /// How many may wait in one line.
    static let capacity = 64

    /// Those that wait, by line. A line is there as long as one of its tries is under way.
    private let lines = Mutex<[[UInt8]: [CheckedContinuation<Bool, Never>]]>([:])

    /// Waits until no other try of this line is under way. Each try that has entered leaves again.
    /// - Throws: ``SessionError/busy(retryAfter:)`` if the line is full.
    func enter(_ line: [UInt8]) async throws(SessionError) {
        let isAdmitted = await withCheckedContinuation { continuation in
            let isAdmitted: Bool? = lines.withLock { lines in
                guard let waiting = lines[line]?.count else {
                    lines[line] = []
                    return true
                }
                guard waiting < Self.capacity else { return false }
                lines[line]?.append(continuation)
                return nil
            }
            if let isAdmitted { continuation.resume(returning: isAdmitted) }
        }
        guard isAdmitted else { throw .busy(retryAfter: 1) }
    }

    /// Lets the next one of the line in.
    func leave(_ line: [UInt8]) {
        let next: CheckedContinuation<Bool, Never>? = lines.withLock { lines in
            guard lines[line]?.isEmpty == false else {
                lines[line] = nil
                return nil
            }
            return lines[line]?.removeFirst()
        }
        next?.resume(returning: true)
    }

    /// How many wait in a line.
    func count(in line: [UInt8]) -> Int { lines.withLock { $0[line]?.count ?? 0 } }
}
