import Foundation
import Hummingbird
import NIOHTTP1
import PawlPages
import PawlServer
import Testing

@Suite("openapi.yaml", .timeLimit(.minutes(5)))
struct OpenAPITests {
    @Test
    func `It documents the paths and methods that the server has, and no others`() async throws {
        let documented = try Self.documentedMethods()
        try await LiveServer.run { server in
            let router = Router(context: TestContext.self)
            server.pawl.addRoutes(to: router)
            try server.pawl.addPages(to: router)
            server.pawl.addOperationsRoutes(to: router, registry: PrometheusRegistry())
            let served = Set(router.routes.map { Self.withoutNames($0.path.description) })
            #expect(Set(documented.keys.map(Self.withoutNames)) == served)

            for (path, methods) in documented {
                let place = path.replacing(/\{\w+\}/, with: "x")
                for method in [HTTPMethod.GET, .POST, .PUT, .PATCH, .DELETE, .OPTIONS, .TRACE, .RAW(value: "QUERY")]
                where !methods.contains(method.rawValue) {
                    let answer = try await server.send(method, place)
                    #expect(answer.status == 405, "\(method) \(path)")
                    #expect(answer.headers["Allow"] == [methods.sorted().joined(separator: ", ")], "\(path)")
                }
            }
        }
    }

    @Test
    func `It documents every path that has a name in PawlPath`() throws {
        let documented = try Self.documentedMethods().keys
        let source = try Self.text("Sources/PawlAPI/Paths.swift")
        let paths = source.matches(of: /static let \w+ = "(\/[^"]*)"/).map { String($0.output.1) }
        #expect(!paths.isEmpty)
        for path in paths {
            #expect(documented.contains { $0 == path || $0.hasPrefix("\(path)/") }, "\(path)")
        }
    }

    @Test
    func `It lists every code of a problem`() throws {
        let document = try Self.text("openapi.yaml")
        let codes = try Self.text("Sources/PawlAPI/Problem.swift").matches(of: /Self\(rawValue: "(\w+)"\)/)
        #expect(!codes.isEmpty)
        for code in codes.map(\.output.1) { #expect(document.contains("`\(code)`"), "\(code)") }
    }

    /// The methods of each path. Read by the layout of the file: two spaces for each level, nothing else at these two.
    private static func documentedMethods() throws -> [String: Set<String>] {
        var result: [String: Set<String>] = [:]
        var isInPaths = false
        var path = ""
        for line in try text("openapi.yaml").split(separator: "\n") {
            if line.first != " " { isInPaths = line == "paths:" }
            guard isInPaths else { continue }
            if let match = line.wholeMatch(of: /^ {2}(\/\S*):/) {
                path = String(match.output.1)
                #expect(result.updateValue([], forKey: path) == nil, "\(path) occurs twice")
            } else if let match = line.wholeMatch(of: /^ {4}(get|head|post|put|patch|delete|options|trace):/) {
                result[path]?.insert(match.output.1.uppercased())
            }
        }
        return result
    }

    /// Parameters are called otherwise in the code.
    private static func withoutNames(_ path: String) -> String { path.replacing(/\{\w+\}/, with: "{}") }

    private static func text(_ path: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
