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
        #expect(result.verdicts == [.rotate, .replay, .steady, .conflict, .stale, .reuse, .revoked(.reused)])
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

    @Test func `an owner who takes a new name after an answer that turned nothing may be signed out`() throws {
        let result = try SmallWorld(repeatsUntilTurned: false).explore()
        #expect(result.violations[.falseTheft]?.last == "the server gets a ghost")
        #expect(result.violations[.unnoticedTheft] == nil)
    }

    @Test func `one remembered name is too few: a stuck request would sign its owner out`() throws {
        let result = try SmallWorld(remembered: 1).explore()
        #expect(result.violations[.falseTheft] != nil)
        #expect(result.violations[.unnoticedTheft] == nil)
    }
}

// FAULTS B11
/// A crash that puts back any cookie of the last half minute: ``RestoredCookieWorld``.
@Suite("Every interleaving of a browser that crashes", .tags(.p5, .p6))
struct RestoredCookieWorldTests {
    @Test(arguments: [false, true])
    func `page loads and crashes, whatever is lost, never pass for theft`(isCalm: Bool) throws {
        var world = RestoredCookieWorld(names: 1, isLoadsOnly: true, isCalm: isCalm)
        if isCalm { world.givenUp = 0 }
        let result = try world.explore()
        #expect(result.holds(.noFalseTheft, .noOtherEnd, .noDeadEnd), "\(result.broken)")
        #expect(result.count > (isCalm ? 100 : 900), "a small search proves little")
    }

    /// A scale model of five page loads: a server that remembers two names.
    @Test func `more page loads than remembered names pass for theft only without the current attempt's name`() throws {
        var world = RestoredCookieWorld(names: 1, givenUp: 0, remembered: 2, isLoadsOnly: true)
        #expect(try world.explore().holds(.noFalseTheft, .noOtherEnd, .noDeadEnd))
        world.isSteady = false
        #expect(try world.explore().broken[.noFalseTheft]?.last?.hasSuffix("reuse") == true)
    }

    @Test func `no cookie is refused with a conflict for ever, and nothing ends but by a sign-out`() throws {
        for world in [
            RestoredCookieWorld(), RestoredCookieWorld(givenUp: 0), RestoredCookieWorld(hasLateAnswers: true),
            RestoredCookieWorld(givenUp: 0, isCalm: true),
        ] {
            let result = try world.explore()
            #expect(result.holds(.noOtherEnd, .noDeadEnd), "\(result.broken)")
            #expect(result.broken[.noNewSignIn] != nil, "what is left asks for a new sign-in")
        }
    }

    /// What is left, and stated in the documentation: only the newest of two names is kept.
    @Test func `two names within half a minute of a crash still pass for theft`() throws {
        let trail = try #require(try RestoredCookieWorld(givenUp: 0).explore().broken[.noFalseTheft])
        #expect(trail.contains("the page begins attempt 2") && trail.contains("a crash puts generation 0 back"))
    }

    @Test func `a thief of the cookie shows at once, and is out when the owner was refused`() throws {
        let result = try RestoredCookieWorld(thief: .token, generations: 3, givenUp: 0).explore()
        #expect(
            result.holds(.theftShows, .theftShowsATurnLater, .theftShowsTwoTurnsLater, .thiefIsOut), "\(result.broken)")
        #expect(result.count > 6000, "a small search proves little")
    }

    @Test func `a page that did not sign out when its cookie is stale would leave the session to the thief`() throws {
        let result = try RestoredCookieWorld(
            thief: .token, generations: 3, givenUp: 0, signsOutWhenStale: false
        ).explore()
        #expect(result.holds(.theftShows, .theftShowsATurnLater, .theftShowsTwoTurnsLater))
        #expect(result.broken[.thiefIsOut] != nil)
    }

    // FAULTS B12
    @Test(arguments: [false, true])
    func `a thief of the whole storage rides along with an owner who only loads pages, but not past a refusal`(
        isLoadsOnly: Bool
    ) throws {
        let result = try RestoredCookieWorld(
            thief: .storage, generations: 3, names: isLoadsOnly ? 1 : 3, givenUp: 0, isLoadsOnly: isLoadsOnly
        ).explore()
        #expect(
            result.broken[.theftShows] != nil && result.broken[.theftShowsATurnLater] != nil
                && result.broken[.theftShowsTwoTurnsLater] != nil)
        #expect(result.holds(.thiefIsOut))
    }
}
