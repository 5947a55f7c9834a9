import Foundation
import Glibc
import ServerTesting

/// A small file system in a mount namespace of its own, which is gone with the process that keeps it: mounted as root,
/// otherwise by way of a user namespace. Where neither can be had, the tests that need it fail.
struct Disk {
    private let keeper: PawlProcess
    /// Its path, for processes that ``enter`` it.
    let path: String

    init(of size: String, in place: Workplace) async throws {
        path = place.folder.path + "/disk"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        keeper = try PawlProcess(
            URL(filePath: "/usr/bin/unshare"),
            (Self.isRoot ? [] : ["--user", "--map-root-user"]) + [
                "--mount", "/bin/sh", "-ec",
                "mount -t tmpfs -o size=\(size),mode=700 tmpfs \(path); echo mounted; exec sleep 600",
            ])
        try await keeper.waitUntilPrinted("mounted")
    }

    private static var isRoot: Bool { getuid() == 0 }

    var database: String { "sqlite:\(path)/p.sqlite" }

    /// What runs a program where the file system can be seen.
    var enter: [String] {
        ["/usr/bin/nsenter", "--target", String(keeper.pid), "--mount"]
            + (Self.isRoot ? [] : ["--user", "--preserve-credentials"])
    }

    func run(_ script: String) async throws {
        let command = enter + ["/bin/sh", "-ec", script]
        let process = try PawlProcess(URL(filePath: command[0]), Array(command.dropFirst()))
        guard await process.end() == 0 else { throw PawlProcess.Failure(description: process.printed) }
    }

    func fill() async throws {
        try await run("dd if=/dev/zero of=\(path)/filler bs=4k 2> /dev/null || true; test -s \(path)/filler")
    }

    func makeRoom() async throws { try await run("rm \(path)/filler") }

    func remove() async { await keeper.killHard() }
}
