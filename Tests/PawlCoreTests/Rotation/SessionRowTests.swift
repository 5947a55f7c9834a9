import PawlTesting
import Testing

@testable import PawlCore

private let start = Sample.start

@Suite("Session row")
struct SessionRowTests {
    @Test(.tags(.p9))
    func `takes the same space after a thousand turns`() throws {
        let first = try Sample.session(of: try Sample.user("owner"), 1)
        var session = first
        for number in 1...1000 {
            let turn = TurnSample(of: session, successor: UInt64(number)).with { $0.attempt = UInt64(number) }.turn
            session = session.turned(by: turn)
        }
        #expect(session.generation == first.generation + 1000)
        #expect(session.hash.count == first.hash.count && session.seal.count == first.seal.count)
        #expect(session.attempts.map(\.?.value) == [1000, 999, 998, 997])
        #expect(session.currentAttempt?.value == Sample.nextName(1000))
    }

    @Test(.tags(.p3))
    func `keeps nothing to check a token against once it has ended`() throws {
        let ended = try Sample.session(of: try Sample.user("owner"), 1).ended(at: start, reason: .reused)
        #expect(ended.hash.isEmpty && ended.seal.isEmpty && ended.attempts == [nil, nil, nil, nil])
        #expect(ended.currentAttempt == nil)
        #expect(!ended.isLive(at: start) && ended.ending == Session.Ending(at: start, reason: .reused))
    }

    @Test func `is not moved by a refresh in its absolute end, nor in its proof of identity`() throws {
        let session = try Sample.session(of: try Sample.user("owner"), 1)
        let next = session.turned(by: TurnSample(of: session).turn)
        #expect(next.absoluteExpiry == session.absoluteExpiry && next.authTime == session.authTime)
        #expect(next.idleExpiry > session.idleExpiry)
    }

    @Test(arguments: [
        ("", ""), ("abc", "abc"), (String(repeating: "é", count: 40), String(repeating: "é", count: 32)),
        (String(repeating: "a", count: 63) + "é", String(repeating: "a", count: 63)),
    ])
    func `cuts a user agent to 64 bytes of whole characters`(text: String, kept: String) {
        #expect(Origin(address: "", userAgent: text).userAgent == kept)
    }
}
