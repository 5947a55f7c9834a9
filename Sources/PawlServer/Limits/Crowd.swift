import NIOCore
import Synchronization

/// All connections of a listener. When their number reaches the limit, it closes those that wait for their client, so that
/// a client which opens connections and leaves them idle keeps nobody else out: first those that never sent a request, then
/// the others, and of each kind those that have waited longest.
final class Crowd: Sendable {
    /// One connection. Its own event loop writes it; any thread may read it.
    final class Member: Sendable {
        fileprivate let channel: any Channel
        /// When the connection began to wait for its client, in nanoseconds of the monotonic clock; 0 while the server works.
        fileprivate let start: Atomic<UInt64>
        fileprivate let hasSentRequest = Atomic(false)

        fileprivate init(_ channel: any Channel) {
            self.channel = channel
            start = Atomic(NIODeadline.now().uptimeNanoseconds)
        }
    }

    private let limit: Int
    private let members = Mutex<[ObjectIdentifier: Member]>([:])
    /// Their number, for a look without the lock.
    private let count = Atomic(0)

    /// Nanoseconds in which a new connection may send its first request.
    private static let grace: UInt64 = 2_000_000_000

    /// - Parameter limit: the number of connections at which some are closed.
    init(limit: Int) {
        self.limit = limit
    }

    /// Counts a connection until it is closed.
    func join(_ channel: any Channel) -> Member {
        let member = Member(channel)
        change { $0[ObjectIdentifier(member)] = member }
        channel.closeFuture.whenComplete { [self] _ in change { $0[ObjectIdentifier(member)] = nil } }
        makeRoom(besides: member)
        return member
    }

    /// - Parameters:
    ///   - waitingSince: since when the connection waits for its client; nil while the server works.
    ///   - isReceiving: whether a request has begun to arrive on it.
    func update(_ member: Member, waitingSince: NIODeadline?, isReceiving: Bool) {
        if isReceiving { member.hasSentRequest.store(true, ordering: .relaxed) }
        let before = member.start.exchange(waitingSince?.uptimeNanoseconds ?? 0, ordering: .relaxed)
        // Only a connection that has been served makes room. One that is new or sends is not cut in its own place.
        if waitingSince != nil, before == 0, !isReceiving { makeRoom(besides: nil) }
    }

    /// Closes as many connections as it takes to be below the limit, as far as enough of them wait.
    private func makeRoom(besides spared: Member?) {
        guard count.load(ordering: .relaxed) >= limit else { return }
        let leaving = change { members in
            let all = members.values.filter { $0 !== spared }.map(Waiting.init).filter { $0.start > 0 }
            // One that has just come has had no time to send: it gives way only where nobody else can.
            let grace = NIODeadline.now().uptimeNanoseconds - Self.grace
            let others = all.filter { $0.hasSentRequest || $0.start < grace }
            let waiting = others.isEmpty ? all : others
            // A few more than needed, since finding them takes a look at all.
            let number = max(members.count - limit + 1, waiting.count / 64)
            let leaving = waiting.sorted(by: <).prefix(members.count < limit ? 0 : number).map(\.member)
            for member in leaving { members[ObjectIdentifier(member)] = nil }
            return leaving
        }
        for member in leaving { member.channel.close(promise: nil) }
    }

    /// A look at a connection that waits, in the order in which they are closed.
    private struct Waiting: Comparable {
        let member: Member
        let start: UInt64
        let hasSentRequest: Bool

        init(_ member: Member) {
            self.member = member
            start = member.start.load(ordering: .relaxed)
            hasSentRequest = member.hasSentRequest.load(ordering: .relaxed)
        }

        static func == (one: Self, other: Self) -> Bool { one.member === other.member }

        static func < (one: Self, other: Self) -> Bool {
            one.hasSentRequest == other.hasSentRequest ? one.start < other.start : !one.hasSentRequest
        }
    }

    private func change<Result>(_ body: (inout [ObjectIdentifier: Member]) -> sending Result) -> Result {
        members.withLock { members in
            defer { count.store(members.count, ordering: .relaxed) }
            return body(&members)
        }
    }
}
