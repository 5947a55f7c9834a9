import Foundation
import PawlAPI
import PawlSQLite

/// Who may read and change the files of an installation, as far as they are on this machine. Opens no file.
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
        let files = (DatabaseFiles.suffixes + [DatabaseFiles.lock]).compactMap(file)
        return (files.isEmpty ? [Finding("files", .ok, "Only their owner may read \(database).")] : files)
            + [folder, secret]
    }

    /// What is wrong with a file, or with who may read it; nil if nothing is.
    private func file(_ suffix: String) -> Finding? {
        let path = database + suffix
        if let refusal = DatabaseFiles(of: database).refusal(suffix) {
            return Finding("files", .problem, refusal, advice: "Find out who put it there: ls -li \(path)")
        }
        guard let mode = FileStatus(path: path)?.mode, mode & 0o077 != 0 else { return nil }
        return Finding("files", .problem, "Others may read \(path).", advice: "Run: chmod 600 \(path)")
    }

    private var folder: Finding {
        let folder = URL(filePath: database).deletingLastPathComponent().path
        guard let status = FileStatus(path: folder), status.isShared, !status.isSticky else {
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
            "master secret", .warning, "It is beside the database: anyone who copies the folder can open everything.",
            advice: "Move it elsewhere, and set --master-secret-file. Keep it out of backups of the database.")
    }
}
