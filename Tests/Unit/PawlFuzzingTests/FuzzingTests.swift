import Foundation
import PawlFuzzing
import PawlTesting
import Testing

/// The same entry points that `make fuzz` drives ten million times each.
@Suite("Bytes of strangers", .tags(.p12))
struct FuzzingTests {
    @Test(arguments: FuzzTarget.allCases)
    func `Every input that fuzzing kept does no harm`(_ target: FuzzTarget) throws {
        for (name, input) in try Self.corpus(of: target) {
            #expect(try target.fault(with: input) == nil, "\(target.rawValue)/\(name)")
        }
    }

    @Test(arguments: zip(FuzzTarget.allCases, [500_000, 20_000, 480_000]))
    func `A million mutations of them do no harm`(_ target: FuzzTarget, count: Int) throws {
        let corpus = try Self.corpus(of: target).map(\.input)
        var mutator = Mutator(corpus: corpus, longest: target.longestInput, seed: 1)
        for _ in 0..<count {
            let input = mutator.next()
            if let fault = try target.fault(with: input) {
                Issue.record("\(fault), with \(Data(input).base64EncodedString())")
                return
            }
        }
    }

    private static func corpus(of target: FuzzTarget) throws -> [(name: String, input: [UInt8])] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus/\(target.rawValue)")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        return try files.sorted { $0.path < $1.path }.map { ($0.lastPathComponent, [UInt8](try Data(contentsOf: $0))) }
    }
}
