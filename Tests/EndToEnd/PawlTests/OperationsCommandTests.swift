import Foundation
import NIOHTTP1
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

@Suite("The command line as an operator uses it", .timeLimit(.minutes(10)))
struct OperationsCommandTests {
    @Test
    func `Users, sessions, keys and events, as tables and as JSON`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        func pawl(_ arguments: String...) async throws -> (status: Int32, output: String) {
            try await PawlProcess.run(
                arguments + ["--database", place.database, "--ops-port", String(place.opsPort)])
        }
        let alice = try await place.register("alice@example.com")

        let roles = try await pawl("user", "roles", "alice@example.com", "editor", "admin")
        #expect(roles.output.contains("editor,admin"))
        let list = try await pawl("user", "list", "--json")
        #expect(try JSONDecoder().decode(UserList.self, from: Data(list.output.utf8)).users.count == 1)
        let sessions = try await pawl("session", "list", "alice@example.com")
        #expect(sessions.output.contains(alice.sessionID))
        #expect(try await pawl("session", "show", alice.sessionID).output.contains("generation  0"))
        #expect(try await pawl("session", "revoke", alice.sessionID).output.contains("ended"))
        #expect(try await place.refresh(try #require(alice.refreshToken), attempt: "alices-attempt-01").status == 401)
        #expect(try await pawl("session", "revoke", "--user", "alice@example.com").output.contains("0 sessions ended"))

        let keys = try await pawl("key", "list", "--json")
        let key = try #require(try JSONDecoder().decode(KeyList.self, from: Data(keys.output.utf8)).keys.first)
        #expect(try await pawl("key", "rotate").output.contains("verifies"))
        #expect(try await !pawl("key", "retire", key.id).output.contains(key.id))
        // FAULTS F7
        let gone = try await pawl("key", "retire", key.id)
        #expect(gone.status == 1 && gone.output.contains("There is no such key."))
        let events = try await pawl("event", "list").output
        for kind in ["registered", "session_started", "roles_changed", "session_ended"] {
            #expect(events.contains(kind))
        }

        let unknown = try await pawl("user", "show", "nobody")
        #expect(unknown.status != 0)
        #expect(unknown.output.contains("There is no such user."))
        #expect(await server.stop() == 0)
    }

    // FAULTS F8
    @Test(.tags(.p12))
    func `An identifier with characters that nobody sees is refused in words`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        let common = "--database \(place.database) --ops-port \(place.opsPort)"
        for (name, number) in [
            ("li\u{3164}am", "U+3164"), ("li\u{2028}am", "U+2028"), ("liam\u{FFFF}", "U+FFFF"),
            ("liam\u{E0041}", "U+E0041"), ("li\u{34F}am", "U+034F"),
        ] {
            let script =
                "echo 'correct horse battery' | '\(PawlProcess.binaries.path)/pawl' user add '\(name)' \(common)"
            let shell = try PawlProcess(URL(filePath: "/bin/bash"), ["-c", script])
            #expect(await shell.end() != 0)
            #expect(shell.printed.contains("invisible character (\(number))"), "\(shell.printed)")
        }
        let list = try await PawlProcess.run(["user", "list"] + place.operating)
        #expect(list.status == 0 && !list.output.contains("am"))
        #expect(await server.stop() == 0)
    }

    @Test
    func `A password for an operator's command comes by the input, and its user can sign in`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        let common = "--database \(place.database) --ops-port \(place.opsPort)"
        let script =
            "echo 'correct horse battery' | '\(PawlProcess.binaries.path)/pawl' user add bob --role admin \(common)"
        let shell = try PawlProcess(URL(filePath: "/bin/bash"), ["-c", script])
        #expect(await shell.end() == 0)
        #expect(shell.printed.contains("bob"))
        let login = try await place.send(
            .POST, PawlPath.login, SignInRequest(identifier: "bob", password: "correct horse battery", device: nil))
        #expect(login.status == 200)
        #expect(await server.stop() == 0)
    }
}
