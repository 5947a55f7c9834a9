import HTTPTypes
import PawlAPI
import PawlCore
import PawlTesting
import Testing

@testable import PawlServer

@Suite("How often refused requests are logged", .timeLimit(.minutes(5)))
struct RefusalLogTests {
    // FAULTS C9
    @Test
    func
        `The first refusal of a kind is logged at once, then one line a minute with the count, also after the clock went back`()
    {
        let log = RefusalLog()
        func note(_ seconds: Int64, _ refusal: PawlMetrics.RefusedRequest = .crossSite) -> Int? {
            log.note(refusal, at: UnixTime(seconds: seconds))
        }
        #expect(note(1000) == 1)
        #expect(note(1000) == nil && note(1059) == nil)
        #expect(note(1001, .host) == 1, "kinds do not hide each other")
        #expect(note(1060) == 3)
        #expect(note(1061) == nil)
        #expect(note(900) == 2)
        #expect(note(901) == nil)
        #expect(note(5000) == 2)
    }
}
