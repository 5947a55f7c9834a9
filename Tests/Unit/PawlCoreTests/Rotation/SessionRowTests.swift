import PawlTesting
import Testing

@testable import PawlCore

private let start = Sample.start

@Suite("Session row")
struct SessionRowTests {
    @Test(.tags(.p9))
    func `a session row takes the same space after a thousand turns`() throws {
        let first = try Sample.session(of: try Sample.user("owner"), 1)
        var session = first
        for number in 1...1000 {
            let turn = TurnSample(of: session, successor: UInt64(number)).with { $0.attempt = UInt64(number) }.turn
            session = session.turned(by: turn)
        }
        #expect(session.chain.generation == first.chain.generation + 1000)
        #expect(
            session.chain.hash.count == first.chain.hash.count && session.chain.seal.count == first.chain.seal.count)
        #expect(session.chain.attempts.map(\.?.value) == [1000, 999, 998, 997])
        #expect(session.chain.currentAttempt?.value == Sample.nextName(1000))
    }

    @Test(.tags(.p3))
    func `a session row keeps nothing to check a token against once it has ended`() throws {
        let ended = try Sample.session(of: try Sample.user("owner"), 1).ended(at: start, reason: .reused)
        #expect(ended.chain.hash.isEmpty && ended.chain.seal.isEmpty && ended.chain.attempts == [nil, nil, nil, nil])
        #expect(ended.chain.currentAttempt == nil)
        #expect(!ended.isLive(at: start) && ended.ending == Session.Ending(at: start, reason: .reused))
    }

    @Test func `a session row is not moved by a refresh in its absolute end, nor in its proof of identity`() throws {
        let session = try Sample.session(of: try Sample.user("owner"), 1)
        let next = session.turned(by: TurnSample(of: session).turn)
        #expect(next.deadlines.absolute == session.deadlines.absolute && next.proof.time == session.proof.time)
        #expect(next.deadlines.idle > session.deadlines.idle)
    }

    @Test(arguments: [
        ("", ""), ("abc", "abc"), (String(repeating: "é", count: 40), String(repeating: "é", count: 32)),
        (String(repeating: "a", count: 63) + "é", String(repeating: "a", count: 63)),
    ])
    func `cuts a user agent to 64 bytes of whole characters`(text: String, kept: String) {
        #expect(Origin(address: "", userAgent: text).userAgent == kept)
    }
}
