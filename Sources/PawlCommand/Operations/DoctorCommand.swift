import ArgumentParser
import Logging
import PawlAPI
import PawlCore
import PawlPasswords
import PawlServer

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look for what is wrong, and say what to do about it.",
        discussion: """
            Looks at the configuration, the files and who may read them, the clock, the database, the signing keys and \
            what each master secret still seals, and the disk; of a running server also at its limits. Changes nothing. \
            The exit status is 1 if there is a problem, else 0, also with warnings.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let findings = await Examination(common).findings()
        try output.show(
            DoctorReport(findings: findings), ["LEVEL", "CHECK", "FOUND"],
            findings.flatMap { finding in
                [[finding.level.rawValue, finding.check, finding.detail]]
                    + (finding.advice.map { [["", "", "→ \($0)"]] } ?? [])
            })
        if findings.contains(where: { $0.level == .problem }) { throw ExitCode(1) }
    }
}

/// What can be seen from here, and what a server, or the stopped database, tells.
private struct Examination {
    private let options: CommonOptions

    init(_ options: CommonOptions) {
        self.options = options
    }

    func findings() async -> [Finding] {
        let settings: ServeSettings
        do {
            settings = try await ServeSettings(SettingsReader(common: options))
        } catch {
            return [
                Finding(
                    "configuration", .problem, "\(error)", advice: "Correct it; pawl serve --help lists the settings.")
            ]
        }
        var findings = [Finding("configuration", .ok, "It can be read.")]
        findings += settings.warnings.map { Finding("configuration", .warning, $0) }
        findings += FileCheck(settings.common)?.findings() ?? []
        do {
            try settings.common.giveUpRoot()
            let secrets = try MasterSecretSource.load(settings.common, for: .command, logger: Logger(label: "pawl"))
            if let warning = try MasterSecretSource.warning(settings.common) {
                findings.append(
                    Finding(
                        "master secret", .warning, warning,
                        advice: "Have it mounted for the server's group alone (0440), if the platform can."))
            }
            findings.append(contentsOf: try await installation(settings, secrets))
        } catch {
            findings.append(Finding("installation", .problem, "\(error)"))
        }
        return findings
    }

    private func installation(_ settings: ServeSettings, _ secrets: MasterSecrets) async throws -> [Finding] {
        let database = settings.common.database
        guard let store = try await OfflineServer.open(settings.common, purpose: .inspect) else {
            let report = try await OperationsClient(options).get(PawlPath.adminDoctor, answer: DoctorReport.self)
            return [Finding("server", .ok, "It answers, and serves \(database).")] + report.findings
        }
        let diagnosis = Diagnosis(
            store: store, secrets: secrets, configuration: settings.pawl,
            passwords: Argon2idHasher(parameters: settings.passwords), isServing: false, patience: .seconds(600))
        let findings = await diagnosis.findings()
        try await store.close()
        return [Finding("server", .ok, "None answers here; the rest was found in \(database) itself.")] + findings
    }
}
