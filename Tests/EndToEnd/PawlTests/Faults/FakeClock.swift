import Foundation
import ServerTesting

/// The clock of a process, which a test sets by libfaketime while it runs. Time goes on from what it is set to.
struct FakeClock: Sendable {
    private let file: URL
    private let library: String

    init(in folder: URL) throws {
        file = folder.appending(path: "clock-\(UUID().uuidString)")
        library = try Self.libfaketime()
        try set("+0")
    }

    /// - Parameter offset: such as `+20d`, from the machine's time.
    func set(_ offset: String) throws {
        let next = file.path + ".next"
        try Data(offset.utf8).write(to: URL(filePath: next))
        // Others read it, too, and never half of it.
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: next)
        guard unsafe rename(next, file.path) == 0 else {
            throw PawlProcess.Failure(description: "\(file.path) cannot be written.")
        }
    }

    /// A program, with its arguments, that becomes another one under this clock. The second `env` takes the library in
    /// before that begins: it changes the environment, which must not happen in the server, where Swift looks for its
    /// arguments beside it.
    var runner: [String] {
        [
            "/usr/bin/env", "LD_PRELOAD=\(library)", "FAKETIME_TIMESTAMP_FILE=\(file.path)", "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1", "/usr/bin/env",
        ]
    }

    private static func libfaketime() throws -> String {
        for folder in try FileManager.default.contentsOfDirectory(atPath: "/usr/lib") {
            let path = "/usr/lib/\(folder)/faketime/libfaketimeMT.so.1"
            if FileManager.default.fileExists(atPath: path) { return path }
        }
        throw PawlProcess.Failure(description: "There is no libfaketime: scripts/install-packages faketime")
    }
}
