import Foundation
import Testing

@Suite("pawl bench")
struct BenchTests {
    private struct Report: Decodable {
        struct Line: Decodable {
            let what: String
            let requests: Int
            let good: Int
            let faults: [String: Int]
        }
        let lines: [Line]
    }

    @Test("Every refresh is answered with a new token, the tokens of a run serve the next, and none is printed")
    func refresh() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        let tokens = place.folder.appending(path: "tokens").path
        let common = [
            "bench", "refresh", "--target", "http://127.0.0.1:\(place.port)", "--connections", "4", "--duration", "1",
            "--attempts", "--json", "--save", tokens,
        ]
        for more in [["--sessions", "6"], ["--seed", tokens, "--baseline", "/.well-known/jwks.json"]] {
            let run = try await PawlProcess.run(common + more)
            #expect(run.status == 0, "\(run.output)")
            #expect(!run.output.contains("prt_"))
            let json = try #require(run.output.split(separator: "\n").last { $0.hasPrefix("{") })
            for line in try JSONDecoder().decode(Report.self, from: Data(json.utf8)).lines {
                #expect(line.good > 0 && line.good == line.requests)
                #expect(line.faults.isEmpty)
            }
            let mode = try FileManager.default.attributesOfItem(atPath: tokens)[.posixPermissions] as? NSNumber
            #expect(mode?.intValue == 0o600)
        }
        #expect(await server.stop() == 0)
    }

    @Test("A run that gets other answers says so and fails")
    func faults() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        let seed = try place.write("prt_" + String(repeating: "A", count: 100) + "\n", to: "seed")
        let target = ["--target", "http://127.0.0.1:\(place.port)", "--connections", "1", "--duration", "1", "--json"]
        let run = try await PawlProcess.run(["bench", "refresh", "--seed", seed] + target)
        #expect(run.status != 0)
        #expect(run.output.contains("401"))
        #expect(await server.stop() == 0)
    }

    @Test("Only this machine is measured unless one says otherwise")
    func remote() async throws {
        let run = try await PawlProcess.run(["bench", "refresh", "--target", "http://192.0.2.1:8080"])
        #expect(run.status != 0)
        #expect(run.output.contains("--allow-remote"))
    }
}
