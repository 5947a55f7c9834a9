@testable import PawlCore

extension RestoredCookieWorld {
    private typealias Next = (String, (inout State) -> Void) -> Void

    /// Everything that can happen next.
    func moves(from state: State, _ server: SmallServer, _ found: (String, State) -> Void) {
        guard !state.row.isDead else { return }
        func next(_ what: String, _ change: (inout State) -> Void) {
            var after = state
            change(&after)
            // The minute counts anew from each turn: at its end all that came before is on disk.
            if after.row.generation > state.row.generation {
                after.olds = Self.generations(of: after.olds).map { Old(generation: $0) }
            }
            found(what, after)
        }
        time(state, next)
        for index in state.ghosts.indices {
            next("the server gets a request that was given up") { after in
                let ghost = after.ghosts.remove(at: index)
                after.row = server.receive(ghost.generation, ghost.name, on: state.row).row
            }
        }
        thiefsMoves(state, server, next)
        faults(state, next)
        pagesMoves(state, server, next)
    }

    private static func generations(of olds: [Old]) -> [UInt8] { Set(olds.map(\.generation)).sorted() }

    private func time(_ state: State, _ next: Next) {
        let mayPass: Bool =
            switch state.slot {
            case .nothing, .request: true
            case .answer, .stale: hasLateAnswers
            }
        guard mayPass else { return }
        if state.row.isFresh {
            next("the leeway runs out") { $0.row.isFresh = false }
        } else if state.row.isYoung {
            next("the minute after the turn ends") { after in
                after.row.isYoung = false
                after.olds.removeAll { !$0.isLate }
            }
        }
    }

    private func thiefsMoves(_ state: State, _ server: SmallServer, _ next: Next) {
        guard let thief else { return }
        guard state.theft.isDone else {
            next("the thief copies generation \(state.jar)") { after in
                after.theft.copied = state.jar
                after.theft.held = state.jar
                if thief == .storage { after.theft.name = state.kept }
            }
            return
        }
        guard state.row.generation <= generations else { return }
        for generation in Set([state.theft.copied, state.theft.held]).sorted() {
            for name in Set([SmallWorld.noName, SmallWorld.thiefsName, state.theft.name]).sorted() {
                next("the thief sends generation \(generation)") { after in
                    let answer = server.receive(generation, name, on: state.row)
                    after.row = answer.row
                    after.theft.hasSent = true
                    guard answer.given != SmallWorld.noGeneration else { return }
                    after.theft.held = max(state.theft.held, answer.given)
                    after.theft.thiefGot = max(state.theft.thiefGot, state.theft.news(answer.given))
                }
            }
        }
    }

    private func faults(_ state: State, _ next: Next) {
        func end(_ after: inout State) {
            if case .request(let generation, let name) = state.slot, state.ghosts.count < givenUp {
                after.ghosts.append(Request(generation: generation, name: name))
                after.ghosts.sort { ($0.generation, $0.name) < ($1.generation, $1.name) }
            }
            after.hasSettled = false
            after.slot = .nothing
        }
        if state.slot == .nothing ? state.hasSettled : !isCalm { next("a new page", end) }
        for old in Self.generations(of: state.olds) where old != state.jar {
            next("a crash puts generation \(old) back") { after in
                end(&after)
                after.jar = old
                after.olds = []
            }
        }
    }

    private func pagesMoves(_ state: State, _ server: SmallServer, _ next: Next) {
        switch state.slot {
        case .nothing:
            guard state.row.generation < generations else { return }
            let isLoaded = isLoadsOnly && state.hasSettled
            let isToBeRepeated = state.isOpen || !state.hasSettled || (state.isToBeRepeated && !isLoaded)
            if state.kept != SmallWorld.noName && isToBeRepeated {
                next("the page repeats attempt \(state.kept)") { after in
                    after.isOpen = true
                    after.slot = .request(state.jar, state.kept)
                }
            } else if state.namesUsed < names && !isLoaded {
                next("the page begins attempt \(state.namesUsed + 1)") { after in
                    after.namesUsed += 1
                    after.kept = after.namesUsed
                    after.isOpen = true
                    after.slot = .request(state.jar, after.kept)
                }
            }
        case .request(let generation, let name):
            judge(generation, name, state, server, next)
        case .stale:
            next("the page reads that its cookie is stale and signs out") { after in
                after.row.ending = .signedOut
                after.slot = .nothing
            }
            lose("the answer is lost", next)
        case .answer(let generation, let isRepeated):
            lose("the answer is lost", next)
            next("the answer with generation \(generation) arrives") { after in
                if generation != state.jar {
                    after.olds = Set(state.olds + [Old(generation: state.jar, isLate: !state.row.isFresh)]).sorted()
                }
                after.jar = generation
                after.isOpen = false
                after.isToBeRepeated = isRepeated
                after.hasSettled = true
                after.slot = .nothing
                if state.theft.isDone {
                    after.theft.ownerGot = max(state.theft.ownerGot, state.theft.news(generation))
                }
            }
        }
    }

    private func judge(_ generation: UInt8, _ name: Name, _ state: State, _ server: SmallServer, _ next: Next) {
        let answer = server.receive(generation, name, on: state.row)
        let what = "the server judges generation \(generation) of attempt \(name): \(answer.verdict)"
        if answer.verdict == .stale && signsOutWhenStale {
            next(what) { $0.slot = .stale }
            return
        }
        next(what) { after in
            after.row = answer.row
            after.slot = .nothing
            if answer.given != SmallWorld.noGeneration {
                after.slot = .answer(answer.given, isRepeated: answer.isRepeated)
            } else if state.theft.thiefGot > 0 && !state.row.isFresh && !answer.row.isDead {
                after.theft.keepsSession = true
            }
        }
        lose("the request is lost", next)
    }

    private func lose(_ what: String, _ next: Next) {
        guard !isCalm else { return }
        next(what) { $0.slot = .nothing }
    }
}
