import Crypto
import PawlTesting
import Testing

@testable import PawlCore

@Suite("Ids")
struct IDTests {
    @Test(
        .tags(.p12),
        arguments: [
            "", "0", "00", String(repeating: "0", count: 31), String(repeating: "0", count: 33),
            "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcdeg", "' OR 1=1 --",
            " 0123456789abcdef0123456789abcdef",
        ])
    func `ids have one spelling`(text: String) {
        #expect(SessionID(text) == nil)
        #expect(SubjectID(text) == nil)
    }

    @Test func `come back from their text`() throws {
        let id = SubjectID(randomness: SeededRandomness().randomness)
        #expect(SubjectID(id.description) == id)
        #expect(id.description.utf8.count == 32)
    }

    @Test func `ids of sessions sort by time and hold 80 random bits`() {
        let randomness = SeededRandomness().randomness
        let (early, late) = (
            SessionID(at: Sample.start, randomness: randomness), SessionID(at: Sample.start + 1, randomness: randomness)
        )
        #expect(early < late)
        let twin = SessionID(at: Sample.start, randomness: randomness)
        #expect(twin.bytes[..<6] == early.bytes[..<6] && twin.bytes[6...] != early.bytes[6...])
    }
}
