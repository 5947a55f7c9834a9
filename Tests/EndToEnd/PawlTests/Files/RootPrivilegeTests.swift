import PawlSQLite
import PawlTerminal
import PawlTesting
import Testing

@testable import PawlCommand

@Suite("Who has a say in what stands at a path", .tags(.p12), .timeLimit(.minutes(10)))
struct RootPrivilegeTests {
    /// A file: its owner, its mode, and where it leads if it is a link.
    private struct Entry {
        var owner: UInt32 = 0
        var mode: UInt32 = 0o755
        var target: String?
    }

    private static let tree: [String: Entry] = [
        "/": Entry(), "/var": Entry(), "/var/lib": Entry(), "/var/lib/pawl": Entry(owner: 7, mode: 0o700),
        "/var/lib/pawl/p.sqlite": Entry(owner: 7, mode: 0o600), "/var/lib/pawl/owns": Entry(),
        "/own": Entry(mode: 0o700), "/own/p.sqlite": Entry(mode: 0o600), "/own/given": Entry(owner: 8, mode: 0o600),
        "/own/link": Entry(mode: 0o777, target: "/var/lib/pawl/p.sqlite"),
        "/own/up": Entry(mode: 0o777, target: "../var/./lib/pawl/../pawl/new"),
        "/own/loop": Entry(mode: 0o777, target: "loop"),
        "/own/foreign": Entry(owner: 9, mode: 0o777, target: "p.sqlite"),
        "/tmp": Entry(mode: 0o1777), "/tmp/own": Entry(mode: 0o700), "/tmp/own/p.sqlite": Entry(mode: 0o600),
        "/tmp/p.sqlite": Entry(mode: 0o600),
        "/shared": Entry(mode: 0o775), "/shared/own": Entry(mode: 0o700), "/shared/own/p.sqlite": Entry(mode: 0o600),
        "/shared/theirs": Entry(owner: 7, mode: 0o700),
    ]

    /// The owner that is found; 0 for root alone, nil if the path is refused.
    private func owner(of path: String) throws -> UInt32? {
        let any = try #require(FileStatus(path: "/"))
        do {
            return try RootPrivilege.owner(
                of: path,
                status: { path in
                    Self.tree[path].map { entry in
                        var status = any
                        status.owner = entry.owner
                        status.mode = entry.mode
                        status.kind = entry.target == nil ? .folder : .link
                        return status
                    }
                }, target: { Self.tree[$0]?.target })?.owner ?? 0
        } catch is CommandError {
            return nil
        }
    }

    // FAULTS D1
    @Test(
        arguments: [
            ("/own/p.sqlite", 0), ("/own/new", 0), ("/own/given", 8), ("/var/lib/pawl/p.sqlite", 7),
            ("/var/lib/pawl/new", 7), ("/var/lib/pawl/none/new", 7), ("/var/lib/pawl/owns", 7), ("/own/link", 7),
            ("/own/up", 7), ("/own/foreign", 9), ("/own/../var/lib/pawl/p.sqlite", 7), ("/none/new", 0),
            ("/tmp/own/p.sqlite", 0), ("/tmp/p.sqlite", nil), ("/tmp/new", nil), ("/shared/own/p.sqlite", nil),
            ("/shared/theirs/p.sqlite", 7), ("/shared/new", nil), ("/own/loop", nil),
        ] as [(String, UInt32?)])
    func `the first user but root on the way, and nobody where any user could change it`(
        path: String, expected: UInt32?
    ) throws {
        #expect(try owner(of: path) == expected)
    }
}

@Suite("Who may read a file with master secrets", .tags(.p3, .p12), .timeLimit(.minutes(10)))
struct SecretAccessTests {
    private enum Answer {
        case good, warned, refused
    }

    // FAULTS D2
    @Test(
        arguments: [
            (1234, 0o600, false, false, .good), (1234, 0o400, false, false, .good), (0, 0o440, false, false, .good),
            (0, 0o440, true, false, .good), (0, 0o640, false, false, .good), (1234, 0o640, false, false, .refused),
            (1234, 0o440, true, false, .refused), (0, 0o444, false, false, .refused), (0, 0o444, true, false, .warned),
            (0, 0o644, true, false, .warned), (1234, 0o444, true, false, .refused), (0, 0o444, false, true, .warned),
            (1234, 0o644, false, true, .warned), (1234, 0o640, false, true, .warned), (0, 0o666, true, true, .refused),
            (0, 0o620, true, true, .refused), (1234, 0o602, false, true, .refused), (0, 0o550, false, false, .good),
        ] as [(UInt32, UInt32, Bool, Bool, Answer)])
    private func
        `a file with master secrets may be read by its owner, by a group of root's, and by all where it is so mounted or set`(
            owner: UInt32, mode: UInt32, isFixed: Bool, isShared: Bool, expected: Answer
        ) throws
    {
        var status = try #require(FileStatus(path: "/"))
        status.owner = owner
        status.mode = mode
        let answer: Answer
        do {
            let warning = try MasterSecretSource.warning(
                of: status, at: "/run/secret", isFixed: isFixed, isShared: isShared)
            answer = warning == nil ? .good : .warned
        } catch {
            #expect("\(error)".contains("chmod 600 /run/secret"))
            answer = .refused
        }
        #expect(answer == expected)
    }
}

@Suite("Text that somebody gives", .tags(.p12), .timeLimit(.minutes(10)))
struct TextTests {
    // FAULTS A9
    @Test(
        arguments: [
            ([0xEF, 0xBB, 0xBF, 0x61], "byte order mark"), ([0xFF, 0xFE, 0x61, 0x00], "byte order mark"),
            ([0xFE, 0xFF, 0x00, 0x61], "byte order mark"), ([0xFF, 0xFE, 0x00, 0x00], "byte order mark"),
            ([0x61, 0x00, 0x62, 0x00], "UTF-16"), ([0x00, 0x61], "UTF-16"), ([0x61, 0xE9], "not text in UTF-8"),
            ([0xC0, 0xAF], "not text in UTF-8"), ([0xED, 0xA0, 0x80], "not text in UTF-8"),
        ] as [([UInt8], String)])
    func `a text that somebody gives is refused in words unless it is plain UTF-8`(bytes: [UInt8], words: String) {
        let error = #expect(throws: CommandError.self) { try TextFile.text(bytes, of: "The input") }
        #expect(error?.description.contains(words) == true)
    }

    @Test(arguments: ["", "hunter2", "zoë\u{1F600}", " a\tb "])
    func `a text that somebody gives is taken to the letter otherwise`(text: String) throws {
        #expect(try TextFile.text(Array(text.utf8), of: "The input") == text)
    }
}

@Suite("Where the data are", .tags(.p3), .timeLimit(.minutes(10)))
struct DatabaseLocationTests {
    // FAULTS D4
    @Test(arguments: [
        ("postgres://pawl:pa?ssword@host/db", "postgres://host/db"),
        ("postgres://pawl:pa#ss@host:5433,other:5434/db?sslmode=require", "postgres://host:5433,other:5434/db"),
        ("postgres://pawl:secret@[::1]:5432/db", "postgres://[::1]:5432/db"),
        ("postgres:///db?host=/run/pg&password=secret", "postgres:///run/pg/db"),
        ("postgres://pawl:pa/ssword@host/db", "postgres://…"), ("postgres://pawl:12/secret@host/db", "postgres://…"),
        ("postgres://pawl:pa@ssword@host/db", "postgres://…"), ("postgres://h/db?password=secret&x=1", "postgres://…"),
    ])
    func `the place of the data is described by hosts, ports and database, never by a part of a password`(
        url: String, expected: String
    )
        throws
    {
        #expect("\(try DatabaseLocation(url, setting: "database"))" == expected)
    }

    // FAULTS D4
    @Test(arguments: ["host=db password=secret", "secret", "pawl:secret@host", "mysql://pawl:secret@host/db"])
    func `the place of the data is not repeated where it cannot be read`(text: String) {
        let error = #expect(throws: CommandError.self) { try DatabaseLocation(text, setting: "database") }
        #expect(error?.description.contains("secret") == false)
    }
}
