import HTTPTypes
public import Hummingbird
import PawlAPI
import PawlCore

extension Pawl {
    /// Adds the routes of the operations listener, which must not face the network.
    ///
    /// They answer only requests whose `Host` is an IP address, `localhost` or one of `names`. Otherwise a web page could
    /// read them by letting its own host name resolve to this listener's address (DNS rebinding).
    /// - Parameters:
    ///   - router: the router of that listener.
    ///   - registry: where metrics go, for `/metrics`.
    ///   - names: other host names of this listener, in lower case.
    ///   - server: what `/admin/status` says of this process; nil if it does not serve.
    public func addOperationsRoutes<Context: RemoteAddressRequestContext>(
        to router: some RouterMethods<Context>, registry: PrometheusRegistry, names: Set<String> = [],
        server: ServerDescription? = ServerDescription()
    ) {
        let (store, clock) = (engine.environment.store, engine.environment.clock)
        let health = HealthRoutes(
            store: store, metrics: engine.environment.metrics, registry: registry, logger: engine.environment.logger,
            isDraining: { [self] in isDraining })
        let users = UserRoutes(accounts: engine.accounts, clock: clock)
        let sessions = SessionRoutes(sessions: engine.sessions)
        let keys = KeyRoutes(keys: engine.keys)
        let events = EventRoutes(events: engine.events)
        let dataLoss = DataLossRoutes(dataLoss: engine.dataLoss, clock: clock)
        let status = StatusRoutes(
            engine: engine, configuration: configuration, housekeeping: housekeeping, server: server)
        let backup = BackupRoutes(store: store, backups: backups, logger: engine.environment.logger)

        typealias Handlers = [HTTPRequest.Method: RequestPipeline.Handler]
        let open: [(path: String, Handlers)] = [
            (PawlPath.metrics, [.get: health.showMetrics]),
            (PawlPath.health, [.get: health.health]),
            (PawlPath.readiness, [.get: health.readiness]),
        ]
        let operators: [(path: String, Handlers)] = [
            (PawlPath.adminUsers, [.get: users.list, .post: users.add]),
            ("\(PawlPath.adminUsers)/:id", [.get: users.show, .patch: users.change]),
            ("\(PawlPath.adminUsers)/:id/sessions", [.get: users.listSessions, .delete: users.endSessions]),
            (PawlPath.adminSessions, [.delete: sessions.revokeSlice]),
            ("\(PawlPath.adminSessions)/:id", [.get: sessions.show, .delete: sessions.revoke]),
            (PawlPath.adminKeys, [.get: keys.list, .post: keys.rotate]),
            ("\(PawlPath.adminKeys)/:id", [.delete: keys.retire]),
            (PawlPath.adminEvents, [.get: events.list]),
            (PawlPath.adminRecovery, [.get: dataLoss.show, .post: dataLoss.open, .delete: dataLoss.close]),
            (PawlPath.adminStatus, [.get: status.status]),
            (PawlPath.adminDoctor, [.get: status.doctor]),
            (PawlPath.adminBackup, [.get: backup.show, .post: backup.make]),
        ]
        let authentication = OperatorAuthentication(environment: engine.environment)
        let names = names.union(["localhost"])
        for (path, handlers) in open {
            pipeline.route("\(path)", on: router, handlers.mapValues { answering(to: names, $0) })
        }
        for (path, handlers) in operators {
            pipeline.route(
                "\(path)", on: router, handlers.mapValues { answering(to: names, authentication.requiring($0)) })
        }
    }
}

/// A handler that refuses requests for other hosts.
private func answering(
    to names: Set<String>, _ handler: @escaping RequestPipeline.Handler
) -> RequestPipeline.Handler {
    { request in
        guard isOperationsHost(request.request.head.authority ?? "", names: names) else {
            throw ProblemError(
                .misdirectedRequest, .misdirectedRequest,
                "The operations listener does not answer under this name. Use an IP address, or add it to the setting ops-names.",
                refusal: .host)
        }
        return try await handler(request)
    }
}

/// Whether the host of `authority` is an IP address or one of `names`: then no name server decides whom it means.
func isOperationsHost(_ authority: String, names: Set<String>) -> Bool {
    if authority.first == "[" { return true }  // an IPv6 address: every Host field is checked before
    let host = String(authority.prefix { $0 != ":" }).lowercased()
    return IPNetwork.isAddress(host) || names.contains(host)
}
