import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes the log to standard error, on a queue of its own: a reader that stalls must not stop the server. What waits has a
/// bound; lines beyond it are dropped and counted.
final class LogOutput: Sendable {
    private struct State {
        /// Bytes.
        var waiting = 0
        var dropped = 0
        /// Whether the last line went out in part.
        var isTorn = false
    }

    private let queue = DispatchQueue(label: "pawl.log")
    private let state = Mutex(State())

    private static let limit = 1 << 20
    private static let newline = UInt8(ascii: "\n")

    /// - Parameters:
    ///   - line: without its end.
    ///   - notice: a line that says how many were dropped before this one.
    func append(_ line: [UInt8], notice: (Int) -> [UInt8]) {
        let dropped: Int? = state.withLock { state in
            guard state.waiting + line.count <= Self.limit else {
                state.dropped += 1
                return nil
            }
            state.waiting += line.count
            defer { state.dropped = 0 }
            return state.dropped
        }
        guard let dropped else { return }
        let gap = dropped > 0 ? notice(dropped) : nil
        queue.async { [self] in
            if let gap { emit(gap) }
            emit(line)
            state.withLock { $0.waiting -= line.count }
        }
    }

    /// Waits until all that came before is written, or `seconds` are over.
    func flush(within seconds: Double = 1) {
        let isDone = DispatchSemaphore(value: 0)
        queue.async { isDone.signal() }
        _ = isDone.wait(timeout: .now() + seconds)  // what is not written by then is lost
    }

    /// `write(2)`, because `FileHandle` traps when a disk is full or a reader has gone, and losing a line is better than
    /// losing the server.
    private func emit(_ line: [UInt8]) {
        let isTorn = state.withLock { $0.isTorn }
        var rest = ((isTorn ? [Self.newline] : []) + line + [Self.newline])[...]
        let whole = rest.count
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes {
                unsafe write(STDERR_FILENO, $0.baseAddress, $0.count)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { break }
            rest.removeFirst(written)
        }
        state.withLock { $0.isTorn = !rest.isEmpty && (isTorn || rest.count < whole) }
    }
}
