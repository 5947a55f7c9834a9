import ArgumentParser
import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import PawlAPI
import PawlCore
import PawlSQLite
import PawlTerminal

/// The command line as a client of the operations listener; where no server runs, of the same routes in this process.
struct OperationsClient {
    /// For the help of commands.
    static let whereItWorks = """
        Asks the server through its operations listener. Where no server runs, it works on the database itself. Needs the \
        master secret: give the options that the server has.
        """

    private let settings: CommonSettings
    private let reader: SettingsReader
    private let secrets: MasterSecrets
    private var installation: OfflineServer?

    init(_ options: CommonOptions) async throws {
        reader = try await SettingsReader(common: options)
        settings = try await CommonSettings(reader)
        try settings.giveUpRoot()
        secrets = try MasterSecretSource.load(settings, for: .command, logger: Logger(label: "pawl"))
    }

    /// Whether a server is asked.
    private var isServed: Bool { installation == nil }

    /// Throws `message` if no server runs.
    func requireServer(_ message: String) async throws {
        try await together { client in
            guard client.isServed else { throw CommandError(message) }
        }
    }

    /// Requests that belong together: a database that no server serves stays open between them.
    func together<Result>(_ work: (OperationsClient) async throws -> Result) async throws -> Result {
        guard isServed, let installation = try await OfflineServer(settings, reader, secrets: secrets) else {
            return try await work(self)
        }
        var client = self
        client.installation = installation
        do {
            let result = try await work(client)
            try await installation.close()
            return result
        } catch {
            try await installation.close()
            throw error
        }
    }

    /// A path with one part that may hold any character.
    static func path(_ base: String, _ part: String, _ rest: String = "") throws -> String {
        guard !part.isEmpty else { throw CommandError("An empty name names nothing.") }
        return "\(base)/\(try escape(part))\(rest)"
    }

    /// ASCII letters and digits stay; all else is percent-encoded.
    static func escape(_ text: String) throws -> String {
        guard let escaped = text.addingPercentEncoding(withAllowedCharacters: plain) else {
            throw CommandError("\(text) cannot be percent-encoded.")
        }
        return escaped
    }

    private static let plain = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    func get<Answer: Decodable>(_ path: String, answer: Answer.Type) async throws -> Answer {
        try JSONDecoder().decode(answer, from: try await send(.GET, path, []))
    }

    func send<Answer: Decodable>(
        _ method: HTTPMethod, _ path: String, _ body: (some Encodable)? = EmptyBody?.none, answer: Answer.Type,
        patience: TimeAmount = .seconds(30)
    ) async throws -> Answer {
        let bytes = try body.map { [UInt8](try JSONEncoder().encode($0)) } ?? []
        return try JSONDecoder().decode(answer, from: try await send(method, path, bytes, patience: patience))
    }

    /// The body of requests that have none.
    struct EmptyBody: Encodable {}

    /// Asks, and returns the answer's body.
    /// - Parameter patience: how long a server may take.
    @discardableResult
    func send(
        _ method: HTTPMethod, _ path: String, _ bytes: [UInt8], patience: TimeAmount = .seconds(30)
    ) async throws -> Data {
        let (status, data) = try await together { client in
            try await client.answer(method, path, bytes, patience: patience)
        }
        guard status < 300 else {
            let problem = try? JSONDecoder().decode(Problem.self, from: data)  // else there is only the status
            throw CommandError(problem?.detail ?? "The server answered \(status).")
        }
        return data
    }

    private func answer(
        _ method: HTTPMethod, _ path: String, _ bytes: [UInt8], patience: TimeAmount
    ) async throws -> (status: Int, body: Data) {
        let subject = try OperationsCredential.Subject(method: method.rawValue, path: path, body: bytes)
            .sealed(by: secrets)
        let credential = OperationsCredential.header(
            for: subject, secrets: secrets, at: installation?.now ?? WallClock.system.now)
        var fields = [("Authorization", credential)]
        if !bytes.isEmpty { fields.append(("Content-Type", OperationsCredential.sealedType)) }
        if let installation {
            return try await installation.respond(method.rawValue, path, fields, subject.body)
        }

        var request = HTTPClientRequest(url: base + path)
        request.method = method
        for (name, value) in fields { request.headers.add(name: name, value: value) }
        request.body = .bytes(subject.body)
        let (status, answer, proof): (Int, [UInt8], String)
        do {
            let response = try await OperationsListener.client.execute(request, timeout: patience)
            status = Int(response.status.code)
            answer = [UInt8](buffer: try await response.body.collect(upTo: Self.answerLimit))
            proof = response.headers.first(name: "Authentication-Info") ?? ""
        } catch let error as HTTPClientError where error == .deadlineExceeded {
            throw CommandError("The server on \(base) did not answer in time. Look at its log.")
        } catch is NIOTooManyBytesError {
            throw CommandError(
                "The answer is larger than \(Self.answerLimit >> 20) MiB. Ask for less at once: give a smaller --limit."
            )
        } catch {
            throw unanswered
        }
        guard OperationsCredential.isProof(proof, status: status, body: answer, to: credential, secrets: secrets)
        else { throw unproven(status) }
        return (status, Data(answer))
    }

    /// Nothing that came with such an answer is shown: anybody may have written it.
    private func unproven(_ status: Int) -> CommandError {
        CommandError(
            """
            What answers on \(base) (status \(status)) does not prove that it has this master secret, and was told no \
            password. It may be another program. If it is Pawl, give the master secret, --ops-host and --ops-port as \
            the server has them, keep the clocks of both machines within a minute, and restart a server of an older \
            version.
            """)
    }

    /// Bytes. A page of a thousand users with all that they may have takes a few mebibytes.
    private static let answerLimit = 16 << 20

    private var base: String { OperationsListener(settings).url }

    private var unanswered: CommandError {
        guard let database = settings.database.path else {
            return CommandError(
                "No server answers on \(base). Give --ops-host and --ops-port as the server has them.")
        }
        guard FileManager.default.fileExists(atPath: database) else {
            return CommandError(
                """
                No server answers on \(base), and there is no database at \(database). Give --database and --ops-port \
                as the server has them.
                """)
        }
        let holder = ProcessLock.holder(of: database).map { "process \($0)" } ?? "a process"
        return CommandError(
            """
            No server answers on \(base), but \(holder) holds \(database), or this user may not open it. Give --ops-host \
            and --ops-port as the server has them, and run this as its user.
            """)
    }
}
