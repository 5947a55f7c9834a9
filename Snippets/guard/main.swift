// An API behind Pawl: it checks access tokens by itself.

import Hummingbird
import PawlGuard

// snippet.main
let issuer = CommandLine.arguments.dropFirst().first ?? "http://localhost:8080"

let router = Router(context: GuardedContext.self)
router.add(middleware: PawlGuard(issuer: issuer))

router.get("profile") { _, context in
    "You are \(context.accessToken?.subject ?? "nobody")."
}

router.group("report").add(middleware: RequireRole(anyOf: "editor", "admin")).get { _, _ in
    "42 visitors"
}

let port = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 8090
try await Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: port))).runService()
// snippet.end
