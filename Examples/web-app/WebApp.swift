// A single-page app on one origin and its API on another, both behind Pawl, which is on a third.
//
//     swift run web-app --port 3000 --api-port 3001 --pawl http://localhost:8080

import ArgumentParser
import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import UnixSignals

@main
struct WebApp: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "web-app", abstract: "An app that stays signed in, and its API.")

    @Option(help: "Where the app is.") var port = 3000
    @Option(help: "Where its API is.") var apiPort = 3001
    @Option(help: "Where Pawl is: its public URL.") var pawl = "http://localhost:8080"

    private var origin: String { "http://localhost:\(port)" }

    func run() async throws {
        let logger = Logger(label: "web-app")
        let page = Router()
        page.get("settings.json") { [pawl, apiPort] _, _ in
            ["pawl": pawl, "api": "http://localhost:\(apiPort)"]
        }
        page.get("rendered") { [renderer = Renderer(pawl: pawl, origin: origin)] request, _ in
            try await renderer.page(for: request)
        }
        let files = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "public").path
        page.add(middleware: FileMiddleware(files, searchForIndexHtml: true))

        let services: [any Service] = [
            Application(
                router: page, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger),
            Application(
                router: notesAPI(issuer: pawl, app: origin),
                configuration: .init(address: .hostname("127.0.0.1", port: apiPort)), logger: logger),
        ]
        try await ServiceGroup(
            configuration: .init(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        ).run()
    }
}
