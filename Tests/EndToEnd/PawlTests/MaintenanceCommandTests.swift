import Foundation
import GRDB
import NIOHTTP1
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

@Suite("Backup, status, migrations and the doctor, as an operator uses them", .serialized, .timeLimit(.minutes(10)))
struct MaintenanceCommandTests {
    private func pawl(_ place: Workplace, _ arguments: String...) async throws -> (status: Int32, output: String) {
        try await PawlProcess.run(
            arguments + ["--database", place.database, "--ops-port", String(place.opsPort)])
    }

    private func decode<Answer: Decodable>(_ output: String, as type: Answer.Type) throws -> Answer {
        try JSONDecoder().decode(type, from: Data(output.utf8))
    }

    /// Rows enough for a copy to take many steps.
    private func fill(_ place: Workplace) throws {
        let queue = try DatabaseQueue(path: place.folder.path + "/p.sqlite")
        try queue.write { db in
            for _ in 0..<40_000 {
                try db.execute(
                    sql: "INSERT INTO events (at, kind, details) VALUES (0, 'filler', ?)",
                    arguments: [String(repeating: "x", count: 500)])
            }
        }
        try queue.close()
    }

    @Test(.tags(.p4))
    func `A backup under load: refreshes go on, and a server on the copy knows all that was acknowledged before it`()
        async throws
    {
        let place = try Workplace()
        #expect(await (try place.serve()).stop() == 0)
        try fill(place)
        let server = try await place.serve()
        let still = try await place.register("still")
        var tokens: [String] = []
        for number in 0..<4 { tokens.append(try #require(try await place.register("user-\(number)").refreshToken)) }

        let file = place.folder.appending(path: "backup.sqlite").path
        let (backup, refreshes) = try await withThrowingTaskGroup(of: [ContinuousClock.Instant].self) { group in
            for (number, token) in tokens.enumerated() {
                group.addTask { try await Self.refreshUntilCancelled(place, token, number) }
            }
            let start = ContinuousClock.now
            let backup = try await pawl(place, "backup", file, "--json")
            let span = start...ContinuousClock.now
            group.cancelAll()
            var times: [ContinuousClock.Instant] = []
            for try await answered in group { times += answered }
            return (backup, times.count { span.contains($0) })
        }
        #expect(backup.status == 0, "\(backup.output)")
        let report = try decode(backup.output, as: BackupReport.self)
        #expect(report.file == file && report.sessions == 5)
        #expect(report.bytes > 20 << 20)
        #expect(refreshes > 20, "refreshes went on meanwhile")
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
        #expect(try await pawl(place, "backup", file).output.contains("is there already"))
        #expect(await server.stop() == 0)

        let other = try Workplace()
        try FileManager.default.copyItem(atPath: file, toPath: other.folder.path + "/p.sqlite")
        try FileManager.default.copyItem(atPath: place.secretFile, toPath: other.secretFile)
        let restored = try await other.serve(["--public-url", "http://localhost:\(place.port)"])
        let next = try await other.refresh(try #require(still.refreshToken), attempt: "the-attempt-after-it")
        #expect(next.status == 200)
        let status = try decode(try await pawl(other, "status", "--json").output, as: StatusReport.self)
        #expect(status.database.sessions == 5 && status.database.users == 5)
        #expect(await restored.stop() == 0)
    }

    /// Refreshes as a client does, until it is cancelled.
    /// - Returns: when each answer came.
    private static func refreshUntilCancelled(
        _ place: Workplace, _ token: String, _ number: Int
    ) async throws -> [ContinuousClock.Instant] {
        var token = token
        var times: [ContinuousClock.Instant] = []
        while !Task.isCancelled {
            // A task of its own, so that none is cut in the middle.
            let attempt = "attempt-\(number)-\(times.count)-of-many"
            let answer = try await Task { [token] in try await place.refresh(token, attempt: attempt) }.value
            #expect(answer.status == 200)
            token = try JSONDecoder().decode(TokenResponse.self, from: answer.body).refreshToken ?? ""
            times.append(.now)
        }
        return times
    }

    @Test
    func `Where no server runs, the commands serve themselves, and leave one whole file behind`() async throws {
        let place = try Workplace()
        #expect(await (try place.serve()).stop() == 0)
        let shell = try PawlProcess(
            URL(filePath: "/bin/bash"),
            [
                "-c",
                """
                echo 'correct horse battery' | '\(PawlProcess.binaries.path)/pawl' user add bob --role admin \
                    --database \(place.database) --ops-port \(place.opsPort)
                """,
            ])
        #expect(await shell.end() == 0, "\(shell.printed)")
        #expect(try await pawl(place, "user", "list").output.contains("bob"))
        #expect(try await pawl(place, "event", "list").output.contains("registered"))
        #expect(try await pawl(place, "user", "show", "nobody").output.contains("There is no such user."))
        let status = try await pawl(place, "status")
        #expect(status.output.contains("stopped"))
        #expect(try await pawl(place, "event", "list", "--follow").output.contains("leave out --follow"))
        let file = place.folder.appending(path: "backup.sqlite").path
        #expect(try await pawl(place, "backup", file).status == 0)
        let wal = try FileManager.default.attributesOfItem(atPath: place.folder.path + "/p.sqlite-wal")
        #expect((wal[.size] as? NSNumber)?.intValue == 0)

        let server = try await place.serve()
        let login = try await place.send(
            .POST, PawlPath.login, SignInRequest(identifier: "bob", password: "correct horse battery", device: nil))
        #expect(login.status == 200)
        #expect(await server.stop() == 0)
    }

    @Test
    func `A key that leaked is retired before the server starts again`() async throws {
        let place = try Workplace()
        #expect(await (try place.serve()).stop() == 0)
        let keys = try decode(try await pawl(place, "key", "list", "--json").output, as: KeyList.self).keys
        let leaked = try #require(keys.first)
        let left = try decode(
            try await pawl(place, "key", "retire", leaked.id, "--json").output, as: KeyList.self
        ).keys
        #expect(left.count == 1 && left[0].id != leaked.id && left[0].signs)
        let server = try await place.serve()
        let published = try await place.send(.GET, PawlPath.keys)
        #expect(String(decoding: published.body, as: UTF8.self).contains(left[0].id))
        #expect(await server.stop() == 0)
    }

    @Test
    func `A misspelt path makes no database, a server that does not answer is named, and a wrong secret is refused`()
        async throws
    {
        let place = try Workplace()
        let secret = Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
        for command in [["user", "list"], ["status"], ["backup", "x"], ["migrate", "up"], ["migrate", "status"]] {
            let run = try await PawlProcess.run(
                command + ["--database", place.database, "--ops-port", String(place.opsPort)],
                environment: ["PAWL_MASTER_SECRET": secret])
            #expect(run.status != 0)
            #expect(run.output.contains("there is no database at"), "\(command): \(run.output)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.folder.path).isEmpty)

        let server = try await place.serve()
        let elsewhere = String(try Workplace.freePort())
        let away = try await PawlProcess.run(["status", "--database", place.database, "--ops-port", elsewhere])
        #expect(away.status != 0)
        #expect(away.output.contains("No server answers") && away.output.contains("holds"))
        #expect(await server.stop() == 0)

        let wrong = try await PawlProcess.run(
            ["user", "list", "--database", place.database], environment: ["PAWL_MASTER_SECRET": secret])
        #expect(wrong.status != 0)
        #expect(wrong.output.contains("None of the configured master secrets opens"), "\(wrong.output)")
    }

    @Test
    func `Migrations are listed and applied by hand, and by the server`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        let served = try decode(
            try await pawl(place, "migrate", "status", "--json").output, as: [String: [StatusReport.Migration]].self)
        let names = try #require(served["migrations"]).map(\.name)
        #expect(names.first == "0001-initial")
        #expect(try await pawl(place, "migrate", "up").output.contains("0001-initial"))
        #expect(await server.stop() == 0)

        let other = try Workplace()
        try FileManager.default.copyItem(atPath: place.secretFile, toPath: other.secretFile)
        _ = try other.write("", to: "p.sqlite")
        let outdated = try await pawl(other, "user", "list")
        #expect(outdated.status != 0)
        #expect(outdated.output.contains("pawl migrate up"))
        #expect(try await pawl(other, "doctor").output.contains("Still to be applied: 0001-initial"))
        #expect(try await pawl(other, "migrate", "status").output.contains("pending"))
        let up = try await pawl(other, "migrate", "up", "--json")
        let applied = try #require(try decode(up.output, as: [String: [StatusReport.Migration]].self)["migrations"])
        #expect(applied.map(\.name) == names && applied.allSatisfy { $0.appliedAt != nil })
        #expect(try await pawl(other, "user", "list").status == 0)
    }

    @Test
    func `The doctor finds nothing wrong in a fresh installation, and names what is, with and without a server`()
        async throws
    {
        let place = try Workplace()
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: place.folder.path)
        let server = try await place.serve()
        for isServed in [true, false] {
            if !isServed { #expect(await server.stop() == 0) }
            let well = try await pawl(place, "doctor", "--json")
            #expect(well.status == 0, "\(well.output)")
            let findings = try decode(well.output, as: DoctorReport.self).findings
            #expect(findings.filter { $0.level != .ok }.map(\.check) == ["master secret"], "it is beside the database")
            #expect(findings.contains { $0.check == "crash reports" } == isServed)
            #expect(findings.allSatisfy { $0.level == .ok || $0.advice != nil })

            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: place.folder.path)
            let database = place.folder.path + "/p.sqlite"
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: database)
            let ill = try await pawl(place, "doctor")
            #expect(ill.status == 1)
            #expect(ill.output.contains("chmod 600") && ill.output.contains("chmod 700"), "\(ill.output)")
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: place.folder.path)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: database)
        }
        let misspelt = try await PawlProcess.run(
            ["doctor", "--database", place.database], environment: ["PAWL_LEEWAY": "9000"])
        #expect(misspelt.status == 1)
        #expect(misspelt.output.contains("leeway takes a number"))
    }
}
