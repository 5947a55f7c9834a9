import Foundation
import Logging
import PawlAPI
import PawlCore
import PawlPostgres
import PawlTesting
import ServerTesting
import Synchronization
import Testing

/// A concurrent run with faults, recorded, and checked against what a single register would have done: each session's
/// acknowledged turns form one chain, and the database ends where the chain does.
@Suite("The history of a run with faults", .serialized, .timeLimit(.minutes(10)))
struct HistoryTests {
    /// One acknowledged turn.
    private struct Turn: Hashable {
        let presented: String
        let successor: String
    }

    private final class History: Sendable {
        private let turns = Mutex<[Turn]>([])
        private let over = Mutex(false)
        /// Whether the clients shall stop.
        var isOver: Bool { over.withLock { $0 } }
        /// The process that took the place of one that was killed.
        private let process = Mutex<PawlProcess?>(nil)
        var replacement: PawlProcess? { process.withLock { $0 } }
        func replace(by next: PawlProcess) { process.withLock { $0 = next } }
        func end() { over.withLock { $0 = true } }
        func add(_ turn: Turn) { turns.withLock { $0.append(turn) } }
        var all: [Turn] { turns.withLock { $0 } }
        var count: Int { turns.withLock { $0.count } }
    }

    @Test(.tags(.p4, .p5))
    func `Each session's acknowledged turns are one chain, through cuts, kills and restarts`() async throws {
        let postgres = try await PostgresServer()
        let proxy = try await Proxy(to: postgres.port)
        let cluster = try await Cluster(on: postgres, port: proxy.port)
        let (nodes, arguments) = (cluster.nodes, cluster.arguments)
        let servers = try await cluster.serve()
        var tokens: [String] = []
        for number in 0..<12 { tokens.append(try #require(try await nodes[0].register("user-\(number)").refreshToken)) }
        let history = History()
        let victim = servers[1]

        let ends = try await withThrowingTaskGroup(of: (Int, String)?.self) { group in
            for (index, token) in tokens.enumerated() {
                group.addTask {
                    var token = token
                    while !history.isOver {
                        token = try await Self.turn(token, on: nodes, history)
                    }
                    return (index, token)
                }
            }
            group.addTask {
                func wait(for count: Int) async throws {
                    let goal = history.count + count
                    try await waitUntil("\(count) more turns") { history.count >= goal }
                }
                for round in 0..<3 {
                    for moment in [Proxy.Moment.beforeAnswer, .beforeRequest] {
                        try await wait(for: 60)
                        proxy.cut(moment)
                        let goal = 2 * round + (moment == .beforeAnswer ? 1 : 2)
                        try await waitUntil("a cut connection") { proxy.cuts >= goal }
                    }
                    try await wait(for: 60)
                    try await postgres.stop("immediate")
                    try await postgres.start()
                    try await wait(for: 60)
                    try await proxy.down()
                    proxy.up()
                }
                // A server is killed as well, and another takes its place.
                try await wait(for: 60)
                await victim.killHard()
                try await wait(for: 60)
                let next = try await nodes[1].serve(arguments)
                history.replace(by: next)
                try await wait(for: 60)
                history.end()
                return nil
            }
            return try await group.reduce(into: [Int: String]()) { if let end = $1 { $0[end.0] = end.1 } }
        }

        let stopped = try #require(history.replacement)
        #expect(await [servers[0], stopped].stop() == [0, 0])
        try Self.check(history.all, from: tokens, to: ends)
        let secrets = try MasterSecrets(parsing: String(contentsOfFile: nodes[0].secretFile, encoding: .utf8))
        let store = try await PostgresStore(url: postgres.url(cluster.database), logger: Logger(label: "test"))
        for end in ends.values {
            let token = try #require(RefreshToken(authenticating: end, with: secrets))
            let session = try #require(try await store.session(token.sessionID))
            #expect(
                session.chain.generation == token.generation && session.chain.hash == token.hash
                    && session.ending == nil)
        }
        await store.close()
        try await proxy.close()
        await postgres.remove()
        print("\(history.count) acknowledged turns of \(tokens.count) sessions: each a chain of its own.")
    }

    /// One attempt, as two requests at once to both servers, repeated until one is answered.
    private static func turn(_ token: String, on nodes: [Workplace], _ history: History) async throws -> String {
        let attempt = UUID().uuidString
        var successor: String?
        while successor == nil {
            let answers = await withTaskGroup(of: (status: Int, body: Data)?.self) { group in
                for node in nodes {
                    // Whatever goes wrong on the way, the client knows nothing.
                    group.addTask { try? await node.refresh(token, attempt: attempt) }
                }
                return await group.reduce(into: [(status: Int, body: Data)]()) {
                    if let answer = $1 { $0.append(answer) }
                }
            }
            for answer in answers where answer.status != 503 {
                guard answer.status == 200,
                    let next = try JSONDecoder().decode(TokenResponse.self, from: answer.body).refreshToken
                else {
                    throw PawlProcess.Failure(
                        description: "\(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
                }
                history.add(Turn(presented: token, successor: next))
                successor = next
            }
            if successor == nil { try await Task.sleep(for: .milliseconds(10)) }
        }
        return successor ?? ""
    }

    private static func check(_ turns: [Turn], from starts: [String], to ends: [Int: String]) throws {
        var next: [String: String] = [:]
        for turn in Set(turns) {
            #expect(next.updateValue(turn.successor, forKey: turn.presented) == nil, "two successors of one token")
        }
        #expect(Set(next.values).count == next.count, "one successor of two tokens")
        for (index, start) in starts.enumerated() {
            var token = start
            while let following = next.removeValue(forKey: token) { token = following }
            #expect(token == ends[index], "the chain of session \(index) is broken")
        }
        #expect(next.isEmpty, "turns that belong to no chain")
    }
}
