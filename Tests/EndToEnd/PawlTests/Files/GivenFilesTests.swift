import Foundation
import Glibc
import NIOHTTP1
import PawlAPI
import ServerTesting
import Testing

@Suite("Passwords, settings and secrets that are given to the binary", .timeLimit(.minutes(10)))
struct GivenFilesTests {
    private func add(_ printed: String, to place: Workplace) async throws -> (status: Int32, output: String) {
        let script = """
            printf '\(printed)' | '\(PawlProcess.binaries.path)/pawl' user add bob \
                \(place.operating.joined(separator: " "))
            """
        let shell = try PawlProcess(URL(filePath: "/bin/bash"), ["-c", script])
        return (await shell.end(), shell.printed)
    }

    // FAULTS A9
    @Test
    func `A password that nobody can type is refused in words; one that ends in CR LF is taken without`() async throws {
        let place = try Workplace()
        #expect(await (try place.serve()).stop() == 0)
        for (printed, words) in [
            (#"\xef\xbb\xbfcorrect horse battery\n"#, "byte order mark"),
            (#"\xff\xfec\x00o\x00r\x00r\x00e\x00c\x00t\x00\n\x00"#, "byte order mark"),
            (#"c\x00o\x00r\x00r\x00e\x00c\x00t\x00\n\x00"#, "UTF-16"), (#"correct \xe9 horse battery\n"#, "UTF-8"),
            ("", "No password was given"), (#"\r\n"#, "No password was given"),
        ] {
            let run = try await add(printed, to: place)
            #expect(run.status == 1 && run.output.contains(words), "\(printed): \(run.output)")
            #expect(!run.output.contains("horse"))
        }
        #expect(try await add(#"correct horse battery\r\nsecond line\n"#, to: place).status == 0)
        let server = try await place.serve()
        let login = try await place.send(
            .POST, PawlPath.login, SignInRequest(identifier: "bob", password: "correct horse battery", device: nil))
        #expect(login.status == 200)
        #expect(await server.stop() == 0)
    }

    // FAULTS A9
    @Test
    func `Settings and secrets in another encoding, too large, or from a pipe are refused in words, without waiting`()
        async throws
    {
        let place = try Workplace()
        let secret = Data(repeating: 9, count: 32).base64EncodedString()
        let pipe = place.folder.path + "/pipe"
        try #require(unsafe mkfifo(pipe, 0o600) == 0)
        let marked = try place.write("\u{FEFF}{}", to: "marked.json")
        let wide = place.folder.path + "/wide.json"
        try #require("{}".data(using: .utf16LittleEndian)).write(to: URL(filePath: wide))
        let markedSecret = try place.write("\u{FEFF}" + secret, to: "marked")
        let large = try place.write(String(repeating: " ", count: 65_537), to: "large")
        for (option, path, words) in [
            ("--config", marked, "byte order mark"), ("--config", wide, "UTF-16"),
            ("--config", pipe, "not a plain file"),
            ("--config", large, "too large"), ("--master-secret-file", markedSecret, "byte order mark"),
            ("--master-secret-file", pipe, "not a plain file"), ("--master-secret-file", large, "too large"),
            ("--master-secret-file", place.folder.path, "not a plain file"),
        ] {
            let run = try await PawlProcess.run(["serve", "--database", place.database, option, path])
            #expect(run.status == 1 && run.output.contains(words), "\(option) \(path): \(run.output)")
        }
    }

    // FAULTS D2
    @Test
    func `A secret as container platforms mount it is taken: root's, for a group, or for all where it is read-only`()
        async throws
    {
        let place = try Workplace()
        let folder = place.folder.path
        let secret = try place.write(Data(repeating: 9, count: 32).base64EncodedString(), to: "secret")
        guard getuid() == 0 else {
            // Not root's, so it can be mended, and is refused.
            for mode in [0o440, 0o444] {
                unsafe chmod(secret, mode_t(mode))
                let run = try await PawlProcess.run(["serve", "--master-secret-file", secret] + place.operating)
                #expect(run.status == 1 && run.output.contains("chmod 600"))
            }
            return
        }
        let script = """
            set -e
            mkdir '\(folder)/data' '\(folder)/mount' && chown 1234:1234 '\(folder)/data' && mv '\(secret)' '\(folder)/mount/'
            chown 0:1234 '\(folder)/mount/secret'
            doctor() {
                chmod $1 '\(folder)/mount/secret' && shift
                setpriv --reuid 1234 --regid 1234 --clear-groups '\(PawlProcess.binaries.path)/pawl' "$@" \\
                    --database sqlite:'\(folder)/data/p.sqlite' --master-secret-file '\(folder)/mount/secret' \\
                    --ops-port \(place.opsPort) || true
            }
            chmod 755 '\(folder)'
            echo GROUP; doctor 440 status
            echo ALL; doctor 444 status
            echo SET; doctor 444 status --master-secret-access shared
            mount --bind '\(folder)/mount' '\(folder)/mount'
            chmod 444 '\(folder)/mount/secret'; mount -o remount,ro,bind '\(folder)/mount'
            chmod() { true; }
            echo READONLY; doctor 444 status
            echo END
            """
        let shell = try PawlProcess(
            URL(filePath: "/usr/bin/unshare"), ["--mount", "/bin/bash", "-c", script])
        #expect(await shell.end() == 0, "\(shell.printed)")
        func part(_ from: String, _ to: String) throws -> Substring {
            let start = try #require(shell.printed.range(of: from + "\n"), "\(shell.printed)")
            return shell.printed[start.upperBound...].prefix(upTo: try #require(shell.printed.range(of: to)).lowerBound)
        }
        // The secret is taken where the complaint is about the database, which is not there.
        for (from, to) in [("GROUP", "ALL"), ("SET", "READONLY"), ("READONLY", "END")] {
            #expect(try part(from, to).contains("there is no database"), "\(from): \(shell.printed)")
        }
        #expect(try part("ALL", "SET").contains("--master-secret-access shared"), "\(shell.printed)")
    }

    // FAULTS A10, C8
    @Test
    func `Settings that work and should not stay so are warned of at the start and by the doctor`() async throws {
        let place = try Workplace()
        let arguments = [
            "--password-memory", "7168", "--password-passes", "1", "--trusted-proxies", "10.0.0.0/8,0.0.0.0/0",
        ]
        let secret = try place.write(Data(repeating: 9, count: 32).base64EncodedString(), to: "secret", mode: 0o644)
        let shared = ["--master-secret-file", secret, "--master-secret-access", "shared"]
        let server = try await place.serve(arguments + shared)
        #expect(server.printed.contains("less than OWASP's minimum"))
        #expect(server.printed.contains("0.0.0.0/0 is very wide"))
        #expect(server.printed.contains("can read the master secret"))
        for isServed in [true, false] {
            if !isServed { #expect(await server.stop() == 0) }
            let doctor = try await PawlProcess.run(
                ["doctor"] + place.operating + shared,
                environment: isServed
                    ? [:]
                    : [
                        "PAWL_PASSWORD_MEMORY": "7168", "PAWL_PASSWORD_PASSES": "1", "PAWL_TRUSTED_PROXIES": "::/0",
                    ])
            #expect(doctor.output.contains("less than OWASP's minimum"), "\(doctor.output)")
            #expect(doctor.output.contains("is very wide"))
            #expect(doctor.output.contains("can read the master secret"))
        }
    }

    // FAULTS D6
    @Test
    func `A release takes the recorded versions of its packages and no others, and says how to accept new ones`()
        async throws
    {
        let place = try Workplace()
        func resolved(_ version: String) -> String {
            """
            { "pins" : [
                { "identity" : "swift-nio", "kind" : "remoteSourceControl", "location" : "https://example.com/nio",
                  "state" : {
                    "revision" : "abc",
                    "version" : "\(version)"
                  } },
                {
                  "identity" : "a-fork",
                  "state" : { "branch" : "main", "revision" : "def" } } ],
              "version" : 3 }
            """.replacing(", \"", with: ",\n\"").replacing("{ \"", with: "{\n\"")
        }
        let recorded = try place.write("# Head.\n", to: "versions.txt")
        func run(_ command: String, _ version: String) async throws -> (status: Int32, output: String) {
            let file = try place.write(resolved(version), to: "Package.resolved")
            let script = PawlProcess.repository.appending(path: "scripts/versions")
            let process = try PawlProcess(script, [command, file, recorded])
            return (await process.end(), process.printed)
        }
        #expect(try await run("accept", "2.0.0").status == 0)
        #expect(
            try String(contentsOfFile: recorded, encoding: .utf8) == "# Head.\na-fork unversioned\nswift-nio 2.0.0\n")
        #expect(try await run("check", "2.0.0") == (0, ""))
        let other = try await run("check", "2.0.1")
        #expect(other.status == 1)
        #expect(
            other.output.contains("< swift-nio 2.0.0\n> swift-nio 2.0.1\n") && other.output.contains("make versions"))
        #expect(!other.output.contains("a-fork"))
        let build = try String(
            contentsOf: PawlProcess.repository.appending(path: "packaging/build"), encoding: .utf8)
        #expect(build.contains("\nscripts/versions check\n"))
    }

    // FAULTS F7
    @Test(arguments: ["port", "ops-port"])
    func `A port that is taken is the one thing that the start complains of, and nothing has been made`(setting: String)
        async throws
    {
        let (one, two) = (try Workplace(), try Workplace())
        let server = try await one.serve()
        let refused = try two.start(["--\(setting)", String(one.port)])
        #expect(await refused.end() == 1)
        #expect(refused.printed.contains("Cannot listen on 127.0.0.1:\(one.port): Address already in use"))
        #expect(refused.printed.contains("--\(setting)"))
        #expect(refused.printed.split(separator: "\n").count == 1, "\(refused.printed)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: two.folder.path).isEmpty)
        #expect(await server.stop() == 0)
    }

    // FAULTS D8
    @Test(arguments: ["user", "session", "key", "event"])
    func `The help of commands that work without a server says so`(command: String) async throws {
        let help = try await PawlProcess.run([command, "--help"]).output.replacing(/\s+/, with: " ")
        #expect(help.contains("Where no server runs, it works on the database itself"))
        #expect(!help.contains("of a running server") && !help.contains("on a running server"))
    }
}
