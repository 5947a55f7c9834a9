import Foundation
import NIOHTTP1
import PawlAPI

/// A client that keeps the rules, with its journal: written before a request leaves, and after its answer.
struct CrashClient: Sendable {
    enum Role: Sendable {
        /// Refreshes, naming its attempts.
        case refresher
        /// Signs in, refreshes, signs out.
        case visitor
        /// Sets one new password after the other.
        case changer
    }

    enum Operation: Sendable, Equatable {
        case refresh(attempt: String)
        case signIn
        case signOut
        case newPassword(String, attempt: String)
    }

    /// What was acknowledged, and what has left without an answer yet.
    struct Journal: Sendable {
        var password = "correct horse battery"
        var token: String?
        /// Tokens of sessions that this client has ended.
        var ended: [String] = []
        var pending: Operation?
    }

    struct Count: Sendable, CustomStringConvertible {
        var refreshes = 0
        var signIns = 0
        var signOuts = 0
        var passwords = 0
        var resumed = 0

        static func += (left: inout Self, right: Self) {
            left.refreshes += right.refreshes
            left.signIns += right.signIns
            left.signOuts += right.signOuts
            left.passwords += right.passwords
            left.resumed += right.resumed
        }

        var description: String {
            """
            \(refreshes) refreshes, \(signIns) sign-ins, \(signOuts) sign-outs and \(passwords) new passwords were \
            acknowledged, \(resumed) of them when repeated after a crash
            """
        }
    }

    /// An answer that an honest client must not get.
    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    let name: String
    let role: Role
    var journal = Journal()
    var count = Count()
    /// The ended sessions that a crash has gone over.
    var pastEnds: [String] = []
    private var steps = 0

    init(name: String, role: Role) {
        self.name = name
        self.role = role
    }

    /// Works until the server is gone.
    mutating func work(at place: Workplace, answered: () -> Void) async throws {
        while try await step(at: place) { answered() }
    }

    /// After the restart: finishes what was under way, and finds everything else as it was acknowledged.
    mutating func goOn(at place: Workplace) async throws {
        if journal.pending != nil { count.resumed += 1 }
        guard try await step(at: place), try await step(at: place) else {
            throw Violation(description: "The server went away by itself.")
        }
        for token in pastEnds {
            let answer = try await place.refresh(token, attempt: UUID().uuidString)
            guard answer.status == 401 else {
                throw Violation(description: "\(name): a session that was signed out lives, \(answer.status).")
            }
        }
        journal.ended = []
        pastEnds = []
        if role == .changer {
            let login = try await place.send(
                .POST, PawlPath.login, SignInRequest(identifier: name, password: journal.password, device: nil))
            guard login.status == 200 else {
                throw Violation(description: "\(name): the acknowledged password was refused, \(login.status).")
            }
        }
    }

    /// - Returns: false if the server is gone.
    private mutating func step(at place: Workplace) async throws -> Bool {
        let operation = journal.pending ?? next()
        journal.pending = operation
        guard var answer = await send(operation, at: place) else { return false }
        // Tries that died with a server hold their places for ten seconds.
        for _ in 0..<150 where operation == .signIn && answer.status == 503 {
            try await Task.sleep(for: .milliseconds(100))
            guard let next = await send(operation, at: place) else { return false }
            answer = next
        }
        let expected = operation == .signOut ? 204 : 200
        guard answer.status == expected else {
            throw Violation(
                description:
                    "\(name): \(operation) got \(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
        }
        let tokens =
            operation == .signOut ? nil : try JSONDecoder().decode(TokenResponse.self, from: answer.body).refreshToken
        switch operation {
        case .refresh: count.refreshes += 1
        case .signIn: count.signIns += 1
        case .signOut:
            count.signOuts += 1
            if let token = journal.token { journal.ended.append(token) }
        case .newPassword(let password, _):
            count.passwords += 1
            journal.password = password
        }
        journal.token = tokens
        journal.pending = nil
        return true
    }

    private mutating func next() -> Operation {
        steps += 1
        guard journal.token != nil else { return .signIn }
        switch role {
        case .refresher: return .refresh(attempt: UUID().uuidString)
        case .visitor: return steps.isMultiple(of: 4) ? .signOut : .refresh(attempt: UUID().uuidString)
        case .changer: return .newPassword("password number \(UUID().uuidString)", attempt: UUID().uuidString)
        }
    }

    /// Nil if there was no answer.
    private func send(_ operation: Operation, at place: Workplace) async -> (status: Int, body: Data)? {
        let token = journal.token ?? ""
        // Whatever went wrong, the client knows nothing: the operation stays in its journal.
        return switch operation {
        case .refresh(let attempt): try? await place.refresh(token, attempt: attempt)
        case .signIn:
            try? await place.send(
                .POST, PawlPath.login, SignInRequest(identifier: name, password: journal.password, device: nil))
        case .signOut: try? await place.send(.POST, PawlPath.logout, RefreshRequest(refreshToken: token))
        case .newPassword(let password, let attempt):
            try? await place.send(
                .PUT, PawlPath.password,
                PasswordChangeRequest(refreshToken: token, current: journal.password, new: password),
                headers: [PawlHeader.attempt: attempt])
        }
    }
}
