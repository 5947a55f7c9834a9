import Foundation
import PawlAPI

/// Who may read and change the files of an installation, as far as they are on this machine.
struct FileCheck {
    private let settings: CommonSettings
    private let database: String

    /// Nil if the data are in no file.
    init?(_ settings: CommonSettings) {
        guard let path = settings.database.path else { return nil }
        self.settings = settings
        database = URL(filePath: path).resolvingSymlinksInPath().path
    }

    func findings() -> [Finding] {
        guard FileManager.default.fileExists(atPath: database) else {
            return [Finding("files", .warning, "There is no database at \(database) on this machine.")]
        }
        let files = ["", "-wal", "-shm", ".lock"].map { database + $0 }.compactMap(privacy)
        return (files.isEmpty ? [Finding("files", .ok, "Only their owner may read \(database).")] : files)
            + [folder, secret]
    }

    /// What is wrong with who may read a file; nil if nothing is.
    private func privacy(_ path: String) -> Finding? {
        guard let mode = mode(path), mode & 0o077 != 0 else { return nil }
        return Finding("files", .problem, "Others may read \(path).", advice: "Run: chmod 600 \(path)")
    }

    private var folder: Finding {
        let folder = URL(filePath: database).deletingLastPathComponent().path
        guard let mode = mode(folder), mode & 0o022 != 0, mode & 0o1000 == 0 else {
            return Finding("folder", .ok, "Only its owner may put files into \(folder).")
        }
        return Finding(
            "folder", .problem, "Others may replace the files in \(folder).", advice: "Run: chmod 700 \(folder)")
    }

    /// Who may read its file is looked at when it is read.
    private var secret: Finding {
        guard settings.masterSecretText == nil else {
            return Finding("master secret", .ok, "It is in PAWL_MASTER_SECRET.")
        }
        let file = settings.masterSecretFile ?? MasterSecretSource.path(beside: database)
        let path = URL(filePath: file).resolvingSymlinksInPath().path
        let folder = URL(filePath: database).deletingLastPathComponent().path
        guard URL(filePath: path).deletingLastPathComponent().path == folder else {
            return Finding("master secret", .ok, "It is in \(path), away from the database.")
        }
        return Finding(
            "master secret", .warning, "It is beside the database: whoever copies the folder can open everything.",
            advice: "Move it elsewhere, and set --master-secret-file. Keep it out of backups of the database.")
    }

    private func mode(_ path: String) -> Int? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.posixPermissions] as? NSNumber)?.intValue
    }
}
