@testable import PawlCore

/// A browser that comes back from a crash with a cookie that is more than one generation old: every interleaving, against
/// the real ``RotationPolicy``.
///
/// A page of `pawl.js` has one refresh under way at a time. Its name is on disk before it leaves, and stays until the
/// next replaces it. The first refresh of a page's life repeats the kept name, later ones take a new one, and an open
/// attempt is repeated. Any page may be left at any moment; a request under way is then given up, and may still reach the
/// server at any time. The browser may crash at any moment and puts back any cookie of the last half minute; names come
/// back as they were. On `stale` the page signs the session out with the same cookie and the kept name.
struct RestoredCookieWorld {
    typealias Name = SmallWorld.Name

    enum Thief {
        /// Copies the cookie alone.
        case token
        /// Copies the cookie and the name that is kept beside it.
        case storage
    }

    var thief: Thief?
    /// Whether answers arrive at any time, or inside the leeway or not at all.
    var hasLateAnswers = false
    var generations: UInt8 = 4
    var names: UInt8 = 3
    /// How many requests may linger that were given up.
    var givenUp = 1
    /// How many rotations' names the server remembers.
    var remembered = Session.Chain.rememberedAttempts
    /// Whether pages do nothing but load.
    var isLoadsOnly = false
    /// Whether nothing is lost and no page is left in the middle of a refresh.
    var isCalm = false
    /// Whether the server knows the name of the attempt that made the current token.
    var isSteady = true
    /// Whether pages sign the session out when they are told that their cookie is stale.
    var signsOutWhenStale = true

    /// What the page waits for.
    enum Slot: Hashable {
        case nothing
        case request(UInt8, Name)
        case answer(UInt8, isRepeated: Bool)
        /// The answer `stale`.
        case stale
    }

    /// A cookie that was overwritten; `isLate` if the leeway of the last turn had run out by then.
    struct Old: Hashable, Comparable {
        let generation: UInt8
        var isLate = false

        static func < (left: Self, right: Self) -> Bool {
            (left.generation, left.isLate ? 1 : 0) < (right.generation, right.isLate ? 1 : 0)
        }
    }

    struct Request: Hashable {
        let generation: UInt8
        let name: Name
    }

    struct State: Hashable {
        var row = SmallWorld.Row()
        var jar: UInt8 = 0
        /// What a crash may put back, in order.
        var olds: [Old] = []
        var kept = SmallWorld.noName
        /// Whether the outcome of the kept attempt is not known.
        var isOpen = false
        /// Whether the next refresh repeats the kept name, because no request of it has turned the session so far.
        var isToBeRepeated = false
        /// Whether this page has had its first answer.
        var hasSettled = false
        var namesUsed: UInt8 = 0
        var slot = Slot.nothing
        var ghosts: [Request] = []
        var theft = Theft()
    }

    struct Theft: Hashable {
        /// The generation that was copied; none before.
        var copied = SmallWorld.noGeneration
        /// The newest generation that the thief holds.
        var held = SmallWorld.noGeneration
        var name = SmallWorld.noName
        var hasSent = false
        /// How much newer than the copied generation is what each side got since.
        var ownerGot: UInt8 = 0
        var thiefGot: UInt8 = 0
        /// Whether the owner was refused, the leeway over, and the session lives on in the thief's hands.
        var keepsSession = false

        var isDone: Bool { copied != SmallWorld.noGeneration }
        func news(_ generation: UInt8) -> UInt8 { generation > copied ? generation - copied : 0 }
    }

    /// What may be broken.
    enum Property: String, CaseIterable {
        /// F: while no thief has sent anything, the session is never ended as stolen.
        case noFalseTheft
        /// E: nor does it end in any other way that the owner did not ask for.
        case noOtherEnd
        /// D: no token of the jar is refused with 409 for ever.
        case noDeadEnd
        /// D401: nor with a 401 that asks for a sign-in. What is left of dead ends heals so, and so it does happen.
        case noNewSignIn
        /// T1: owner and thief do not both get something newer than the copied token while the session lives.
        case theftShows
        /// T2: nor something newer by two generations.
        case theftShowsATurnLater
        /// T3: nor by three.
        case theftShowsTwoTurnsLater
        /// S: the session does not live on with the thief once the owner was refused, the leeway over.
        case thiefIsOut
    }

    func broken(in state: State, _ server: SmallServer) -> [Property] {
        if let ending = state.row.ending {
            guard !state.theft.hasSent else { return [] }
            return [ending == .reused ? .noFalseTheft : ending == .signedOut ? .noNewSignIn : .noOtherEnd]
        }
        var broken: [Property] = []
        let isAtRest = state.ghosts.isEmpty && state.slot == .nothing && !state.row.isFresh
        if isAtRest && !state.theft.hasSent && state.jar < state.row.generation && state.kept != SmallWorld.noName {
            switch server.receive(state.jar, state.kept, on: state.row).verdict {
            case .conflict: broken.append(.noDeadEnd)
            case .stale: broken.append(.noNewSignIn)
            default: break
            }
        }
        let shared = min(state.theft.ownerGot, state.theft.thiefGot)
        let shows: [Property] = [.theftShows, .theftShowsATurnLater, .theftShowsTwoTurnsLater]
        broken += shows.prefix(Int(shared))
        return state.theft.keepsSession ? broken + [.thiefIsOut] : broken
    }

    struct Result {
        var count = 0
        /// How each property breaks, by the shortest way.
        var broken: [Property: [String]] = [:]

        func holds(_ properties: Property...) -> Bool { properties.allSatisfy { broken[$0] == nil } }
    }

    func explore() throws -> Result {
        let server = try SmallServer(RotationPolicy(), remembered: remembered, isSteady: isSteady)
        var result = Result()
        var search = Search(from: State())
        while let state = search.next() {
            for property in broken(in: state, server) where result.broken[property] == nil {
                result.broken[property] = search.trail
            }
            moves(from: state, server) { what, after in search.found(what, after) }
        }
        result.count = search.count
        return result
    }
}
