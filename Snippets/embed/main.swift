// A Hummingbird application with its own sign-in: Pawl as a library.

import Hummingbird
import Logging
import Pawl

// snippet.main
let arguments = CommandLine.arguments  // embed DATABASE PORT
let port = Int(arguments[2]) ?? 8080
let logger = Logger(label: "app")

let store = try await SQLiteStore(path: arguments[1], logger: logger)
let secrets = try MasterSecrets(parsing: Environment().get("PAWL_MASTER_SECRET") ?? "")
var configuration = PawlConfiguration(publicURL: "http://localhost:\(port)")
configuration.isRegistrationOpen = true

let pawl = try await Pawl(
    store: store, passwords: Argon2idHasher(), secrets: secrets, configuration: configuration)

let router = Router(context: GuardedContext.self)
pawl.addRoutes(to: router)
router.group("hello").add(middleware: PawlGuard(pawl.accessTokens)).get { _, context in
    "Hello, \(context.accessToken?.subject ?? "nobody")!"
}

let limits = HTTPLimits()
let app = Application(
    router: router, server: limits.server,
    configuration: limits.configuration(address: .hostname("127.0.0.1", port: port)), services: [pawl])
try await app.runService()
try await store.close()
// snippet.end
