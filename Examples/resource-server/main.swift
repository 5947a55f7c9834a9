// An API behind Pawl, on a port of its own: it checks access tokens by itself and never asks Pawl about a request.
//
//     swift run resource-server [port] [issuer]

import Foundation
import Hummingbird
import Logging
import PawlGuard
import PawlJOSE

struct Profile: ResponseEncodable {
    let subject: String
    let roles: [String]
}

struct Report: ResponseEncodable {
    let visitors: Int
}

let arguments = CommandLine.arguments.dropFirst().map { $0 }
let port = arguments.first.flatMap(Int.init) ?? 8090
let issuer = arguments.dropFirst().first ?? "http://localhost:8080"

let router = Router(context: GuardedContext.self)
router.add(middleware: PawlGuard(issuer: issuer))

router.get("profile") { _, context in
    Profile(subject: context.accessToken?.subject ?? "", roles: context.accessToken?.roles ?? [])
}

router.group("report").add(middleware: RequireRole(anyOf: "editor", "admin")).get { _, _ in
    Report(visitors: 42)
}

router.group("notes").add(middleware: RequireScope("notes:read")).get { _, _ in
    ["Buy milk."]
}

let application = Application(
    router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
    logger: Logger(label: "resource-server"))
try await application.runService()
