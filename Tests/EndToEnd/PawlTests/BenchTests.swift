import Foundation
import NIOHTTP1
import PawlAPI
import PawlTesting
import ServerTesting
import Testing

@Suite("pawl bench", .timeLimit(.minutes(10)))
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

    @Test
    func
        `A bench gets a new token from every refresh, can go on with the tokens of an earlier run, and does not print them`()
        async throws
    {
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

    @Test(.tags(.p10))
    func `Dead tokens are sent again and again, and each 401 counts as good`() async throws {
        let place = try Workplace()
        let server = try await place.serve(["--leeway", "0"])
        let tokens = try await place.register("alice")
        let spent = try #require(tokens.refreshToken)
        #expect(try await place.refresh(spent, attempt: "the-owners-attempt").status == 200)
        let seed = try place.write(spent + "\n", to: "spent")
        let run = try await PawlProcess.run([
            "bench", "dead", "--target", "http://127.0.0.1:\(place.port)", "--connections", "1", "--seed", seed,
            "--requests", "200", "--json",
        ])
        #expect(run.status == 0, "\(run.output)")
        let json = try #require(run.output.split(separator: "\n").last { $0.hasPrefix("{") })
        #expect(try JSONDecoder().decode(Report.self, from: Data(json.utf8)).lines.first?.good == 200)
        // The first one met a session that lived, and ended it; for the others nothing was looked up.
        let metrics = try await place.send(.GET, PawlPath.metrics, port: place.opsPort).body
        #expect(String(decoding: metrics, as: UTF8.self).contains("pawl_commit_rotations_sum 2\n"))
        #expect(await server.stop() == 0)
    }

    @Test
    func `A run that gets other answers says so and fails`() async throws {
        let place = try Workplace()
        let server = try await place.serve()
        let seed = try place.write("prt_" + String(repeating: "A", count: 100) + "\n", to: "seed")
        let target = ["--target", "http://127.0.0.1:\(place.port)", "--connections", "1", "--duration", "1", "--json"]
        let run = try await PawlProcess.run(["bench", "refresh", "--seed", seed] + target)
        #expect(run.status != 0)
        #expect(run.output.contains("401"))
        #expect(await server.stop() == 0)
    }

    @Test
    func `Only this machine is measured unless one says otherwise`() async throws {
        let run = try await PawlProcess.run(["bench", "refresh", "--target", "http://192.0.2.1:8080"])
        #expect(run.status != 0)
        #expect(run.output.contains("--allow-remote"))
    }
}
