import Hummingbird
package import PawlAPI
package import PawlCore

/// `/admin/status` and `/admin/doctor`
struct StatusRoutes: Sendable {
    let engine: Engine
    let configuration: PawlConfiguration
    let housekeeping: HousekeepingRecord
    /// This process; nil if it does not serve.
    let server: ServerDescription?

    private var clock: WallClock { engine.environment.clock }

    /// `GET /admin/status`
    func status(_ request: APIRequest) async throws -> Response {
        let (now, secrets) = (clock.now, engine.settings.secrets)
        let database = try await engine.environment.store.status()
        let key = try await engine.keys.stored().first { $0.signs }?.key
        return .json(
            StatusReport(
                version: Pawl.version,
                server: server.map { server in
                    StatusReport.Server(
                        startedAt: server.startedAt.rfc3339, uptime: now.age(since: server.startedAt),
                        publicURL: configuration.publicURL, listeners: server.listeners,
                        housekeepingFinishedAt: housekeeping.finishedAt?.rfc3339,
                        housekeepingFailedAt: housekeeping.failedAt?.rfc3339)
                },
                database: StatusReport.Database(database),
                signingKey: key.map { key in
                    StatusReport.SigningKey(
                        id: key.id, algorithm: key.algorithm, signsSince: key.activatesAt.rfc3339,
                        age: now.age(since: key.activatesAt))
                },
                masterSecrets: secrets.all.map { secret in
                    StatusReport.MasterSecret(
                        keyID: Hex.encode([secret.id]), newest: secret.id == secrets.newest.id,
                        distrusted: secret.isDistrusted)
                }))
    }

    /// `GET /admin/doctor`
    func doctor(_ request: APIRequest) async throws -> Response {
        let settings = engine.settings
        var current = configuration
        current.lifetimes = settings.lifetimes
        let diagnosis = Diagnosis(
            store: engine.environment.store, secrets: settings.secrets, configuration: current,
            passwords: engine.accounts.hasher, clock: clock, isServing: server != nil, patience: .seconds(20))
        return .json(DoctorReport(findings: await diagnosis.findings()))
    }
}

extension StatusReport.Database {
    package init(_ status: DatabaseStatus) {
        self.init(
            kind: status.kind, version: status.version, path: status.path, bytes: status.bytes,
            journalBytes: status.journalBytes, sessions: status.sessions, users: status.users,
            migrations: status.migrations.map { .init(name: $0.name, appliedAt: $0.appliedAt?.rfc3339) })
    }
}
