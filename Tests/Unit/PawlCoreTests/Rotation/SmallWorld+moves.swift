import PawlCore

extension SmallWorld {
    /// Everything that can happen next.
    func moves(from state: State, _ server: SmallServer, _ found: (String, State) -> Void) {
        /// A move of the world: names outlive their answers, and a crash may put back the token of before.
        func next(_ what: String, _ change: (inout State) -> Void) {
            var after = state
            change(&after)
            if after.pending != Self.noName { after.kept = after.pending }
            if after.jar != state.jar { after.before = state.jar }
            found(what, after)
        }
        for index in state.ghosts.indices {
            next("the server gets a ghost") { after in
                let ghost = after.ghosts.remove(at: index)
                after.row = server.receive(ghost.generation, ghost.name, on: state.row).row
            }
        }
        if state.row.isFresh { next("the leeway runs out") { $0.row.isFresh = false } }
        if state.row.isYoung && !state.row.isFresh { next("the minute after the turn ends") { $0.row.isYoung = false } }
        for index in 0...1 { ownersMoves(index, state, server, next) }
        thiefsMoves(state, server, next)
        faults(state, found)
    }

    private typealias Next = (String, (inout State) -> Void) -> Void

    private func ownersMoves(_ index: Int, _ state: State, _ server: SmallServer, _ next: Next) {
        let slot = state.slots[index]
        switch slot.kind {
        case .none:
            guard state.row.generation < generations, state.namesUsed < attempts else { return }
            switch owner {
            case .unnamed:
                next("the owner refreshes without a name") { $0.slots[index] = .request($0.jar, Self.noName) }
            case .named:
                // The lock: one request of this jar at a time.
                guard state.slots[1 - index].isNone else { return }
                next("the owner refreshes or retries") { after in
                    if after.pending == Self.noName {
                        if !after.isToBeRepeated { after.namesUsed += 1 }
                        after.pending = after.isToBeRepeated ? after.kept : after.namesUsed
                    }
                    after.slots[index] = .request(after.jar, after.pending)
                }
            }
        case .request:
            next("the server gets the owner's request for generation \(slot.generation)") { after in
                let answer = server.receive(slot.generation, slot.name, on: state.row)
                after.row = answer.row
                after.slots[index] = .answer(answer, slot.name)
            }
            next("the request is lost") { $0.slots[index] = .none }
            if state.ghosts.count < 2 {
                next("the owner gives up waiting") { after in
                    after.slots[index] = .none
                    after.ghosts.append(slot)
                    after.ghosts.sort { ($0.generation, $0.name) < ($1.generation, $1.name) }
                }
            }
        case .answer:
            next("the answer is lost") { $0.slots[index] = .none }
            guard slot.generation != Self.noGeneration else { return }
            next("the owner gets generation \(slot.generation)") { after in
                after.slots[index] = .none
                after.jar = ignoresLateAnswers ? max(after.jar, slot.generation) : slot.generation
                if after.pending == slot.name { after.pending = Self.noName }
                after.isToBeRepeated = repeatsUntilTurned && owner == .named && slot.isRepeated
                if state.news > 0 && slot.generation >= state.news { after.ownerGotNews = true }
            }
        }
    }

    private func thiefsMoves(_ state: State, _ server: SmallServer, _ next: Next) {
        if state.news == 0 && !state.row.isDead {
            next("the thief copies generation \(state.jar)") { after in
                after.stolen = state.jar
                after.news = state.jar + 1
            }
        }
        if state.stolen != Self.noGeneration && state.thiefsRequest.isNone && state.row.generation <= generations {
            for name in [Self.noName, Self.thiefsName] {
                next("the thief sends generation \(state.stolen)") { after in
                    after.thiefsRequest = .request(state.stolen, name)
                    after.hasThiefSent = true
                }
            }
        }
        if !state.thiefsRequest.isNone {
            next("the server gets the thief's request") { after in
                let answer = server.receive(
                    state.thiefsRequest.generation, state.thiefsRequest.name, on: state.row)
                after.row = answer.row
                after.thiefsRequest = .none
                guard answer.given != Self.noGeneration else { return }
                after.stolen = answer.given
                if answer.given >= state.news { after.thiefGotNews = true }
            }
        }
    }

    /// Two faults at once, such as a crash while a refresh is under way, are out of scope.
    private func faults(_ state: State, _ found: (String, State) -> Void) {
        guard owner == .named, !state.row.isDead, state.kept != Self.noName, state.pending == Self.noName,
            state.slots.allSatisfy(\.isNone)
        else { return }
        var after = state
        after.pending = state.kept
        found("the page dies, and the next one repeats the kept name", after)
        guard state.before != Self.noGeneration else { return }
        after.jar = state.before
        after.before = Self.noGeneration
        found("a crash puts generation \(state.before) back", after)
    }

    struct Result {
        var count = 0
        var verdicts: Set<Verdict> = []
        /// How each violation comes about, by the shortest way.
        var violations: [Violation: [String]] = [:]
    }

    /// Breadth first through all states; stops early only when both violations are found.
    func explore() throws -> Result {
        let server = try SmallServer(policy, remembered: remembered)
        var result = Result()
        var search = Search(from: State())
        while let state = search.next(), result.violations.count < 2 {
            if let violation = Self.violation(in: state) {
                if result.violations[violation] == nil { result.violations[violation] = search.trail }
                continue
            }
            moves(from: state, server) { what, after in search.found(what, after) }
        }
        result.count = search.count
        result.verdicts = server.verdicts
        return result
    }
}

/// A walk through all states that can be reached, the nearest first.
struct Search<State: Hashable> {
    private var states: [State]
    private var arrivals: [(from: Int, what: String)] = [(-1, "")]
    private var seen: Set<State>
    private var index = -1

    init(from start: State) {
        states = [start]
        seen = [start]
    }

    var count: Int { states.count }

    /// The next state, or nil after the last.
    mutating func next() -> State? {
        index += 1
        return index < states.count ? states[index] : nil
    }

    /// A state that follows from the one at hand.
    mutating func found(_ what: String, _ state: State) {
        guard seen.insert(state).inserted else { return }
        states.append(state)
        arrivals.append((index, what))
    }

    /// How the state at hand comes about, by the shortest way.
    var trail: [String] {
        var trail: [String] = []
        var place = index
        while arrivals[place].from >= 0 {
            trail.append(arrivals[place].what)
            place = arrivals[place].from
        }
        return trail.reversed()
    }
}
