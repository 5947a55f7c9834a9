import Foundation
import Glibc
import PawlAPI
import PawlSQLite
import PawlTesting
import ServerTesting
import Testing

/// A folder that a service's user has prepared against root, and a folder of root's that nothing may happen to. Without
/// root's rights both are this user's own; what is in the second must stay as it is all the same.
private struct PreparedFolder {
    /// `nobody` of Debian, or this user.
    static let user: UInt32 = getuid() == 0 ? 65534 : getuid()

    let place: Workplace
    let treasure: String
    let folder: String
    var database: String { folder + "/p.sqlite" }
    private let before: [String]

    /// - Parameter traps: links, pipes and folders by the name of the file in whose place they stand. `TREASURE/…` in a
    ///   target is root's folder.
    init(_ traps: [String: Trap]) async throws {
        place = try Workplace()
        folder = place.folder.path + "/service"
        treasure = place.folder.path + "/treasure"
        for name in ["service", "treasure"] {
            try FileManager.default.createDirectory(
                atPath: place.folder.path + "/" + name, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        }
        _ = try place.write(String(repeating: "secret\n", count: 9), to: "treasure/file")
        let server = try place.start(["--database", "sqlite:\(place.folder.path)/service/p.sqlite"])
        try await server.waitUntilPrinted("Pawl is ready")
        #expect(await server.stop() == 0)
        for (name, trap) in traps { try trap.set(at: folder + "/" + name, treasure: treasure) }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            unsafe lchown("\(folder)/\(name)", Self.user, Self.user)
        }
        unsafe lchown(folder, Self.user, Self.user)
        // A hard link shares its owner with root's file: only root can have made it, or a system that lets anybody.
        unsafe chown(treasure + "/file", getuid(), getgid())
        before = try Self.description(of: treasure)
    }

    /// What is in a folder, and whose.
    private static func description(of folder: String) throws -> [String] {
        // Without root's rights a link to a database is its user's own, and a lock comes to stand beside the database.
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            .filter { getuid() == 0 || $0 != "file.lock" }
        return names.map { name in
            var status = stat()
            unsafe lstat("\(folder)/\(name)", &status)
            let content = FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data()
            return
                "\(name) \(status.st_mode) \(status.st_uid):\(status.st_gid) \(status.st_mtim.tv_sec) \(content.count)"
        }
    }

    func expectNothingHappened(_ comment: Comment) throws {
        #expect(try Self.description(of: treasure) == before, comment)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let status = try #require(FileStatus(path: "\(folder)/\(name)"))
            let isTreasure = status.links > 1 && status.kind == .file
            #expect(isTreasure || status.owner == Self.user, "\(comment): \(name) is the service's user's")
        }
    }
}

private enum Trap: CustomStringConvertible {
    case link(String), hardLink, pipe, folder

    func set(at path: String, treasure: String) throws {
        unsafe unlink(path)
        let done =
            switch self {
            case .link(let target): unsafe symlink(target.replacing("TREASURE", with: treasure), path)
            case .hardLink: unsafe Foundation.link(treasure + "/file", path)
            case .pipe: unsafe mkfifo(path, 0o600)
            case .folder: unsafe mkdir(path, 0o700)
            }
        try #require(done == 0)
    }

    var description: String {
        switch self {
        case .link(let target): "a link to \(target)"
        case .hardLink: "a hard link"
        case .pipe: "a pipe"
        case .folder: "a folder"
        }
    }
}

@Suite("Root in a folder that the service's user has prepared", .tags(.p12), .timeLimit(.minutes(5)))
struct RootTests {
    private static let commands = [
        ["doctor"], ["status"], ["user", "list"], ["backup", "BACKUP"], ["migrate", "status"], ["migrate", "up"],
        ["serve", "--port", "1"],
    ]

    // FAULTS D1
    @Test(
        arguments: [
            ("p.sqlite.lock", .link("TREASURE/file")), ("p.sqlite.lock", .link("TREASURE/new")),
            ("p.sqlite.lock", .hardLink), ("p.sqlite.lock", .pipe), ("p.sqlite.lock", .folder),
            ("p.sqlite-wal", .link("TREASURE/new")), ("p.sqlite-shm", .link("TREASURE/file")),
            ("p.sqlite-journal", .hardLink), ("p.sqlite-wal", .pipe),
            ("p.sqlite", .link("TREASURE/file")), ("p.sqlite", .link("TREASURE/new")), ("p.sqlite", .hardLink),
            ("p.sqlite", .pipe),
            ("p.sqlite.master-secret", .link("TREASURE/new")), ("p.sqlite.master-secret", .pipe),
            ("p.sqlite.master-secret", .link("/dev/zero")),
        ] as [(String, Trap)])
    private func
        `No command of root's follows, fills, gives away or waits for what stands there in place of Pawl's files`(
            _ name: String, _ trap: Trap
        ) async throws
    {
        let prepared = try await PreparedFolder([name: trap])
        for command in Self.commands {
            let run = try await PawlProcess.run(
                command.map { $0 == "BACKUP" ? prepared.folder + "/backup" : $0 } + [
                    "--database", "sqlite:" + prepared.database, "--ops-port", String(prepared.place.opsPort),
                ])
            // Migrations need no secret.
            let isUnhurt = command[0] == "migrate" && name.hasSuffix("master-secret")
            #expect(run.status == 1 || isUnhurt, "\(command): \(run.output)")
            try prepared.expectNothingHappened("\(trap) as \(name), \(command)")
        }
    }

    // FAULTS D1
    @Test
    func `Root's commands work as the database's owner, and what they make is that user's`() async throws {
        let prepared = try await PreparedFolder([:])
        let common = ["--database", "sqlite:" + prepared.database, "--ops-port", String(prepared.place.opsPort)]
        for suffix in ["-wal", "-shm", ".lock"] { unsafe unlink(prepared.database + suffix) }
        for command in Self.commands.dropLast() {
            let run = try await PawlProcess.run(
                command.map { $0 == "BACKUP" ? prepared.folder + "/backup" : $0 } + common)
            #expect(run.status == 0, "\(command): \(run.output)")
            try prepared.expectNothingHappened("\(command)")
        }
        let shell = try PawlProcess(
            URL(filePath: "/bin/bash"),
            [
                "-c",
                """
                echo 'correct horse battery' | '\(PawlProcess.binaries.path)/pawl' user add ana \
                    \(common.joined(separator: " "))
                """,
            ])
        #expect(await shell.end() == 0, "the input is read by that user: \(shell.printed)")
        let server = try prepared.place.start(common)
        try await server.waitUntilPrinted("Pawl is ready")
        if getuid() == 0 {
            let status = try String(contentsOfFile: "/proc/\(server.pid)/status", encoding: .utf8)
            #expect(status.contains("Uid:\t65534\t65534\t65534\t65534"))
            #expect(status.contains("Gid:\t65534\t65534\t65534\t65534"))
            #expect(status.contains("Groups:\t65534 \n"))
        }
        #expect(await server.stop() == 0)
        try prepared.expectNothingHappened("serve")
    }

    // FAULTS D1
    @Test
    func `A new database in a folder of the service's user is made by that user, its master secret too`() async throws {
        let prepared = try await PreparedFolder([:])
        for suffix in ["", "-wal", "-shm", ".lock", ".master-secret"] { unsafe unlink(prepared.database + suffix) }
        let server = try prepared.place.start(["--database", "sqlite:" + prepared.database])
        try await server.waitUntilPrinted("Pawl is ready")
        #expect(await server.stop() == 0)
        #expect(FileStatus(path: prepared.database + ".master-secret")?.mode == 0o600)
        try prepared.expectNothingHappened("serve")
    }

    // FAULTS D1
    @Test
    func `A folder of root's that others may write to is refused to root, with what to do, and left as it is`()
        async throws
    {
        let place = try Workplace()
        #expect(await (try place.serve()).stop() == 0)
        for mode in [0o777, 0o1777, 0o770] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: place.folder.path)
            unsafe unlink(place.folder.path + "/p.sqlite.lock")
            let doctor = try await PawlProcess.run(["doctor"] + place.operating)
            if getuid() == 0 {
                #expect(doctor.status == 1 && doctor.output.contains("chmod 700 \(place.folder.path)"))
                #expect(FileStatus(path: place.folder.path + "/p.sqlite.lock") == nil, "not even opened")
            } else {
                #expect(mode == 0o1777 || doctor.output.contains("chmod 700"), "\(doctor.output)")
            }
        }
    }
}
