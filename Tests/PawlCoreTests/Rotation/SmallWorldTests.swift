import PawlCore
import PawlTesting
import Testing

/// Every interleaving of a small world, against the real policy. The theorem holds for owners who name their attempts;
/// those who do not have the two weaknesses that the threat model states, which also shows that the checker can fail.
@Suite("Every interleaving of a small world", .tags(.p5, .p6))
struct SmallWorldTests {
    @Test(arguments: [true, false])
    func `an owner who names attempts is never signed out, and theft always shows`(ignoresLateAnswers: Bool) throws {
        let result = try SmallWorld(ignoresLateAnswers: ignoresLateAnswers).explore()
        #expect(result.violations.isEmpty)
        #expect(result.count > 30_000, "a small search proves little")
        #expect(result.verdicts == [.rotate, .replay, .conflict, .reuse, .revoked(.reused)])
    }

    @Test func `the same without any leeway`() throws {
        let result = try SmallWorld(policy: RotationPolicy(leeway: 0)).explore()
        #expect(result.violations.isEmpty)
        #expect(result.count > 30_000)
    }

    @Test func `in report-only mode nobody is ever signed out`() throws {
        let result = try SmallWorld(policy: RotationPolicy(onReuse: .report)).explore()
        #expect(result.violations[.falseTheft] == nil)
        #expect(result.violations[.unnoticedTheft] == nil, "the second to come still gets nothing")
    }

    @Test(arguments: [true, false])
    func `an owner without names has the two known weaknesses`(ignoresLateAnswers: Bool) throws {
        let result = try SmallWorld(owner: .unnamed, ignoresLateAnswers: ignoresLateAnswers).explore()
        // A lost answer repeated after the leeway signs them out.
        #expect(result.violations[.falseTheft]?.contains("the leeway runs out") == true)
        // A thief inside the leeway passes for a racing tab.
        #expect(result.violations[.unnoticedTheft]?.contains("the leeway runs out") == false)
    }

    @Test func `an owner without names and a server without leeway still see theft`() throws {
        let result = try SmallWorld(owner: .unnamed, policy: RotationPolicy(leeway: 0), generations: 2).explore()
        #expect(result.violations[.unnoticedTheft] == nil)
        #expect(result.violations[.falseTheft] != nil)
    }

    @Test func `one remembered name is too few: a stuck request would sign its owner out`() throws {
        let result = try SmallWorld(remembered: 1).explore()
        #expect(result.violations[.falseTheft] != nil)
        #expect(result.violations[.unnoticedTheft] == nil)
    }
}
